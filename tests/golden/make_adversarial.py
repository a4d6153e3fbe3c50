"""Writes adversarial.npz: what PyTorch gives for a discriminator's losses and penalties on known weights.

python tests/golden/make_adversarial.py
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

COUNT, SIDE, WIDTH, CODES = 4, 8, 3, 2
REAL_LABEL, MARGIN = 0.9, 0.01


class Discriminator(nn.Module):
    """One convolution of `rgnn_jax.models.dcgan` and its head, of an 8x8 picture in grey."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, WIDTH, 4, 2, 1)
        self.score = nn.Linear(SIDE * SIDE // 4 * WIDTH, 1)
        self.codes = nn.Linear(SIDE * SIDE // 4 * WIDTH, CODES)

    def features(self, pictures: Tensor, mask: Tensor | None = None) -> Tensor:
        """The last hidden layer, channels last as ours are, under a dropout mask."""
        h = F.leaky_relu(self.conv(pictures), 0.2).permute(0, 2, 3, 1)
        return (h if mask is None else h * mask).flatten(1)

    def forward(self, pictures: Tensor, mask: Tensor | None = None) -> Tensor:
        """Scores."""
        return self.score(self.features(pictures, mask))[:, 0]


def losses(real: Tensor, fake: Tensor) -> dict[str, Tensor]:
    """Both players' losses, in PyTorch's own functions where it has them."""
    bce = F.binary_cross_entropy_with_logits
    ones, zeros = torch.ones_like(real), torch.zeros_like(real)
    return {
        "discriminator/non_saturating": bce(real, ones) + bce(fake, zeros),
        "discriminator/smoothed": bce(real, REAL_LABEL * ones) + bce(fake, zeros),
        "discriminator/hinge": F.relu(1 - real).mean() + F.relu(1 + fake).mean(),
        "discriminator/wasserstein": fake.mean() - real.mean(),
        "generator/non_saturating": bce(fake, ones),
        "generator/hinge": -fake.mean(),
        "generator/wasserstein": -fake.mean(),
    }


def slope(model: Discriminator, pictures: Tensor) -> Tensor:
    """Gradient of each picture's score in it."""
    pictures = pictures.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(model(pictures).sum(), pictures, create_graph=True)
    return gradient


def penalties(
    model: Discriminator, real: Tensor, between: Tensor, masks: Tensor, fake: Tensor, z: Tensor
) -> dict[str, Callable[[], Tensor]]:
    """Each penalty of the discriminator."""

    def consistency() -> Tensor:
        scores = (model(real, masks[0]) - model(real, masks[1])).square()
        features = (model.features(real, masks[0]) - model.features(real, masks[1])).square().mean(1)
        return F.relu(scores + 0.1 * features - MARGIN).mean()

    return {
        "gradient_penalty": lambda: (slope(model, between).flatten(1).norm(dim=1) - 1).square().mean(),
        "r1": lambda: 0.5 * slope(model, real).flatten(1).square().sum(1).mean(),
        "consistency": consistency,
        "code_error": lambda: 0.5 * (model.codes(model.features(fake)) - z).square().sum(1).mean(),
    }


def ours(name: str, value: Tensor) -> np.ndarray:
    """An array in our layout."""
    array = value.detach().numpy()
    if name == "conv.weight":
        return array.transpose(2, 3, 1, 0)
    return array.T if name.endswith("weight") else array


def spectral() -> dict[str, np.ndarray]:
    """`torch.nn.utils.spectral_norm` in training: the kernel, normalised, and the vector that it keeps."""
    layer = nn.utils.spectral_norm(nn.Conv2d(3, 5, 4))
    kept = {"spectral/before/u": layer.weight_u.clone(), "spectral/kernel": layer.weight_orig}
    layer(torch.zeros(1, 3, 4, 4))
    kept |= {"spectral/after/u": layer.weight_u, "spectral/normalised": layer.weight}
    return {
        name: a.detach().numpy().transpose(2, 3, 1, 0) if a.ndim == 4 else a.detach().numpy()
        for name, a in kept.items()
    }


def main() -> None:
    """Makes every array."""
    torch.manual_seed(0)
    model = Discriminator()
    real, fake = torch.rand(2, COUNT, 1, SIDE, SIDE) * 2 - 1
    masks = (torch.rand(2, COUNT, SIDE // 2, SIDE // 2, WIDTH) > 0.5) * 2.0
    share, z = torch.rand(COUNT, 1, 1, 1), torch.randn(COUNT, CODES)
    between = share * real + (1 - share) * fake
    arrays = {f"parameter/{name}": ours(name, value) for name, value in model.named_parameters()}
    for name, value in {"real": real, "fake": fake, "between": between}.items():
        arrays[name] = value.numpy().transpose(0, 2, 3, 1)
    arrays |= {"masks": masks.numpy(), "z": z.numpy()}
    wanted: dict[str, Callable[[], Tensor]] = {
        name: lambda name=name: losses(model(real), model(fake))[name]
        for name in losses(model(real), model(fake))
    }
    for name, make in (wanted | penalties(model, real, between, masks, fake, z)).items():
        model.zero_grad()
        value = make()
        value.backward()
        arrays[f"value/{name}"] = value.detach().numpy()
        for parameter, own in model.named_parameters():
            if own.grad is not None:
                arrays[f"gradient/{name}/{parameter}"] = ours(parameter, own.grad)
    np.savez_compressed(Path(__file__).with_name("adversarial.npz"), **arrays, **spectral())


if __name__ == "__main__":
    main()
