"""Writes recurrent.npz: outputs and gradients of torch.nn.LSTM and torch.nn.GRU on small random weights."""

from pathlib import Path

import numpy as np
import torch


def reference(cell: type[torch.nn.RNNBase], seed: int) -> dict[str, np.ndarray]:
    """One forward and backward pass, the loss being the outputs and last states weighed by random numbers."""
    torch.manual_seed(seed)
    layer = cell(input_size=3, hidden_size=4, batch_first=True, dtype=torch.float64)
    inputs = {"x": torch.randn(2, 5, 3).double(), "h0": torch.randn(1, 2, 4).double()}
    if cell is torch.nn.LSTM:
        inputs["c0"] = torch.randn(1, 2, 4).double()
    for value in inputs.values():
        value.requires_grad_()
    states = tuple(value for name, value in inputs.items() if name != "x")
    outputs, last = layer(inputs["x"], states if cell is torch.nn.LSTM else states[0])
    results = {"outputs": outputs, "hn": last[0] if cell is torch.nn.LSTM else last}
    if cell is torch.nn.LSTM:
        results["cn"] = last[1]
    weights = {name: torch.randn_like(value) for name, value in results.items()}
    sum((results[name] * weights[name]).sum() for name in results).backward()
    parameters = {name.removesuffix("_l0"): value for name, value in layer.named_parameters()}
    leaves = {**inputs, **parameters}
    return {
        **{name: value.detach().numpy() for name, value in {**leaves, **results}.items()},
        **{f"weight_of_{name}": value.numpy() for name, value in weights.items()},
        **{f"gradient_of_{name}": value.grad.numpy() for name, value in leaves.items()},
    }


def main() -> None:
    """Writes the archive beside this file."""
    cells = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU}
    arrays = {
        f"{kind}/{name}": value.astype(np.float32)
        for seed, (kind, cell) in enumerate(cells.items())
        for name, value in reference(cell, seed).items()
    }
    np.savez_compressed(Path(__file__).parent / "recurrent.npz", **arrays)


if __name__ == "__main__":
    main()
