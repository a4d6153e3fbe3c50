"""Writes tcn.npz: PyTorch's values and gradients of causal convolutions and of a residual block.

Run with PyTorch installed: `python tests/golden/make_tcn.py`.
"""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import weight_norm


def causal(conv: nn.Conv1d, x: Tensor) -> Tensor:
    span = (conv.kernel_size[0] - 1) * conv.dilation[0]
    return conv(F.pad(x, (span, 0)))


def record(
    arrays: dict[str, Tensor], prefix: str, modules: dict[str, nn.Module], x: Tensor, y: Tensor
) -> None:
    """Stores input, output and parameters, and the gradients of sum(y * weight)."""
    weight = torch.randn_like(y)
    (y * weight).sum().backward()
    arrays |= {f"{prefix}/x": x, f"{prefix}/y": y, f"{prefix}/weight": weight, f"{prefix}/x_gradient": x.grad}
    for module, values in modules.items():
        for name, value in values.named_parameters():
            short = name.removeprefix("parametrizations.")
            arrays[f"{prefix}/{module}/{short}"] = value
            arrays[f"{prefix}/{module}/{short}/gradient"] = value.grad


def main() -> None:
    torch.manual_seed(0)
    torch.set_default_dtype(torch.float64)
    arrays: dict[str, Tensor] = {}

    x = torch.randn(2, 4, 9, requires_grad=True)
    conv = nn.Conv1d(4, 5, 3, dilation=2)
    record(arrays, "conv", {"conv": conv}, x, causal(conv, x))

    x = torch.randn(2, 4, 9, requires_grad=True)
    conv = weight_norm(nn.Conv1d(4, 5, 3, dilation=2))
    with torch.no_grad():
        conv.parametrizations.weight.original0.mul_(1.7)
    record(arrays, "weight_norm", {"conv": conv}, x, causal(conv, x))

    x = torch.randn(2, 4, 9, requires_grad=True)
    conv1 = weight_norm(nn.Conv1d(4, 5, 3, dilation=2))
    conv2 = weight_norm(nn.Conv1d(5, 5, 3, dilation=2))
    project = nn.Conv1d(4, 5, 1)
    h = torch.relu(causal(conv2, torch.relu(causal(conv1, x))))
    y = torch.relu(project(x) + h)
    record(arrays, "block", {"conv1": conv1, "conv2": conv2, "project": project}, x, y)

    values = {name: value.detach().numpy().astype(np.float32) for name, value in arrays.items()}
    np.savez_compressed(Path(__file__).with_name("tcn.npz"), **values)


if __name__ == "__main__":
    main()
