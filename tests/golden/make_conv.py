"""Writes conv.npz: PyTorch's values and gradients of a convolution and of a transposed one, k4 s2 p1.

Run with PyTorch installed: `python tests/golden/make_conv.py`.
"""

from pathlib import Path

import numpy as np
import torch
from torch import nn


def record(layer: nn.Conv2d | nn.ConvTranspose2d, x: torch.Tensor) -> dict[str, torch.Tensor]:
    """Input, output and parameters, and the gradients of sum(y * weight)."""
    y = layer(x)
    weight = torch.randn_like(y)
    (y * weight).sum().backward()
    assert layer.bias is not None
    return {
        "x": x,
        "y": y,
        "weight": weight,
        "kernel": layer.weight,
        "bias": layer.bias,
        "x_gradient": x.grad,
        "kernel_gradient": layer.weight.grad,
        "bias_gradient": layer.bias.grad,
    }


def main() -> None:
    torch.manual_seed(0)
    torch.set_default_dtype(torch.float64)
    layers = {"conv": nn.Conv2d(3, 5, 4, 2, 1), "transpose": nn.ConvTranspose2d(3, 5, 4, 2, 1)}
    arrays = {
        f"{name}/{key}": value.detach().numpy().astype(np.float32)
        for name, layer in layers.items()
        for key, value in record(layer, torch.randn(2, 3, 6, 4, requires_grad=True)).items()
    }
    np.savez_compressed(Path(__file__).with_name("conv.npz"), **arrays)


if __name__ == "__main__":
    main()
