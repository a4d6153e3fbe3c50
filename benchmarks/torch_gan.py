"""The PyTorch peer of the DCGAN pair and its training step; imported in the process that runs it only.

The same networks as `rgnn_jax.models.dcgan`, and the same work: fresh generated pictures for either player.
PyTorch has its default number of threads.
"""

from collections import OrderedDict
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F


def generator(z_dim: int, width: int, channels: int) -> nn.Sequential:
    """Radford et al. (2016), figure 1, from a dense layer to four transposed convolutions."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    layers["input"] = nn.Linear(z_dim, 16 * 8 * width, bias=False)
    layers["unflatten"] = nn.Unflatten(1, (8 * width, 4, 4))
    for i, features in enumerate((8 * width, 4 * width, 2 * width, width)):
        if i:
            layers[f"conv_{i}"] = nn.ConvTranspose2d(2 * features, features, 4, 2, 1, bias=False)
        layers[f"norm_{i}"] = nn.BatchNorm2d(features)
        layers[f"relu_{i}"] = nn.ReLU(inplace=True)
    layers["output"] = nn.ConvTranspose2d(width, channels, 4, 2, 1)
    return nn.Sequential(layers)


def discriminator(width: int, channels: int) -> nn.Sequential:
    """Its mirror image, with a linear layer at the end."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    before = channels
    for i, features in enumerate((width, 2 * width, 4 * width, 8 * width)):
        layers[f"conv_{i}"] = nn.Conv2d(before, features, 4, 2, 1, bias=i == 0)
        if i:
            layers[f"norm_{i}"] = nn.BatchNorm2d(features)
        layers[f"leaky_{i}"] = nn.LeakyReLU(0.2, inplace=True)
        before = features
    layers["flatten"] = nn.Flatten()
    layers["score"] = nn.Linear(16 * before, 1)
    return nn.Sequential(layers)


class Trainer:
    """Non-saturating losses, both backward passes and two Adams."""

    def __init__(self, images: np.ndarray, z_dim: int, width: int, weights: Path) -> None:
        channels = images.shape[-1]
        self._z_dim = z_dim
        self.generator = generator(z_dim, width, channels).train()
        self.discriminator = discriminator(width, channels).train()
        with np.load(weights) as saved:
            for player, network in self._players.items():
                names = [name for name in saved.files if name.startswith(player)]
                state = {name.removeprefix(f"{player}."): torch.tensor(saved[name]) for name in names}
                missing = network.load_state_dict(state, strict=False)
                assert not missing.unexpected_keys and all("running" in m or "num" in m for m in missing[0])
        self._optimizers = {
            player: torch.optim.Adam(network.parameters(), 2e-4, betas=(0.5, 0.999))
            for player, network in self._players.items()
        }
        pictures = torch.tensor(images).permute(0, 1, 4, 2, 3).float() / 127.5 - 1
        self._batches = [batch.contiguous() for batch in pictures]
        self._taken = 0

    @property
    def _players(self) -> dict[str, nn.Sequential]:
        return {"generator": self.generator, "discriminator": self.discriminator}

    def run(self, steps: int) -> float:
        """Takes steps and returns the generator's loss at the last one."""
        loss = torch.zeros(())
        for _ in range(steps):
            real = self._batches[self._taken % len(self._batches)]
            with torch.no_grad():
                fake = self._make(len(real))
            on_real, on_fake = self.discriminator(real), self.discriminator(fake)
            self._update("discriminator", (F.softplus(-on_real) + F.softplus(on_fake)).mean())
            self.discriminator.requires_grad_(False)
            loss = F.softplus(-self.discriminator(self._make(len(real)))).mean()
            self._update("generator", loss)
            self.discriminator.requires_grad_(True)
            self._taken += 1
        return loss.item()

    def _make(self, count: int) -> Tensor:
        pictures: Tensor = torch.tanh(0.5 * self.generator(torch.randn(count, self._z_dim)))
        return pictures

    def _update(self, player: str, loss: Tensor) -> None:
        self._optimizers[player].zero_grad(set_to_none=True)
        loss.backward()
        self._optimizers[player].step()
