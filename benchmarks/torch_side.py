"""PyTorch's side of the step times; imported in the process that runs it, and there only."""

from pathlib import Path

import numpy as np
import torch
import torch_gpt
import torch_tcn
from families import VOCABULARY_SIZE, Family
from torch import nn
from torch.nn import functional as F
from torch_recurrent import Recurrent


def make_model(family: Family, weights: Path) -> nn.Module:
    """The family's network, with the weights that our side saved."""
    match family.name:
        case "lstm" | "gru":
            model: nn.Module = Recurrent(family.name, VOCABULARY_SIZE, family.layers, family.width)
        case "tcn":
            model = _tcn(family)
        case _:
            model = _gpt(family)
    with np.load(weights) as saved:
        model.load_state_dict({name: torch.tensor(saved[name]) for name in saved.files})
    return model


def _tcn(family: Family) -> torch_tcn.TCN:
    recipe = torch_tcn.Recipe(
        vocabulary_size=VOCABULARY_SIZE, levels=family.layers, channels=family.width, dropout=0.0
    )
    model = torch_tcn.TCN(recipe)
    model.norm.eps = 1e-6  # Flax's; PyTorch's 1e-5 shows in the loss of weights this small
    return model


def _gpt(family: Family) -> torch_gpt.GPT:
    recipe = torch_gpt.Recipe(
        layers=family.layers, heads=family.heads, width=family.width, window=family.context
    )
    return torch_gpt.GPT(VOCABULARY_SIZE, recipe)


class Trainer:
    """Forward, cross-entropy, backward, clipping and Adam, run eagerly or through `torch.compile`."""

    def __init__(
        self, family: Family, batches: np.ndarray, weights: Path, device: str, dtype: str, compiled: bool
    ) -> None:
        self._model = make_model(family, weights).to(device).train()
        self._forward = torch.compile(self._model) if compiled else self._model
        self._optimizer = torch.optim.Adam(self._model.parameters(), 1e-3, betas=(0.9, 0.99))
        self._batches = torch.tensor(batches, dtype=torch.long, device=device)
        self._autocast = torch.autocast(device, torch.bfloat16, enabled=dtype == "bfloat16")
        self._taken = 0

    def run(self, steps: int) -> float:
        """Takes steps and returns the loss at the last one, in nats."""
        loss = torch.zeros(())
        for _ in range(steps):
            tokens = self._batches[self._taken % len(self._batches)]
            with self._autocast:
                logits = self._forward(tokens[:, :-1])
                loss = F.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())
            self._optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(self._model.parameters(), 1.0)
            self._optimizer.step()
            self._taken += 1
        return loss.item()
