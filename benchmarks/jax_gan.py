"""This project's side of the comparison of pairs; imported in the process that runs it only."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
from jax_trainer import Fixed, Trainer, save_weights
from jax_vae import scale

from rgnn_jax.models.adversarial import Adversarial
from rgnn_jax.models.dcgan import DCGAN, DCGANConfig
from rgnn_jax.optimizer import OptimizerConfig

ADAM = OptimizerConfig(
    learning_rate=2e-4, schedule="constant", warmup_steps=0, beta1=0.5, beta2=0.999, clip_norm=0.0
)


def make_trainer(images: np.ndarray, z_dim: int, width: int, micro_batches: int, weights: Path) -> Trainer:
    """Trains a pair on batches of bytes [n, b, h, w, c]."""
    config = DCGANConfig(z_dim=z_dim, width=width)
    height, columns, channels = images.shape[2:]
    game = Adversarial(DCGAN(config, (height, columns, channels)), config)
    save = partial(save_weights, weights, partial(to_torch, width))
    return Trainer(game, Fixed(images, scale), ADAM, micro_batches, save)


def to_torch(width: int, params: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Our parameters in PyTorch's names and layouts; where maps are flattened, ours have channels last."""
    weights = {}
    for name, value in params.items():
        layer, _, kind = name.replace("/", ".").replace("head.", "").rpartition(".")
        if kind in ("mean", "variance"):
            continue
        if value.ndim > 1:
            value = value.transpose((3, 2, 0, 1) if value.ndim == 4 else (1, 0))
        weights[f"{layer}.{'bias' if kind == 'bias' else 'weight'}"] = value
    order = np.arange(16 * 8 * width).reshape(16, 8 * width).T.ravel()
    weights["generator.input.weight"] = weights["generator.input.weight"][order]
    weights["discriminator.score.weight"] = weights["discriminator.score.weight"][:, order]
    return weights
