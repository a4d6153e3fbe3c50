"""This project's side of the comparison of autoencoders; imported in the process that runs it only."""

from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jax_trainer import Fixed, Trainer, save_weights
from vae_families import VAEFamily, to_torch

from rgnn_jax.datasets.image_batches import ImageBatch
from rgnn_jax.models.autoencoder import Autoencoder
from rgnn_jax.models.conv_autoencoder import ConvAutoencoder, ConvAutoencoderConfig
from rgnn_jax.models.mlp_autoencoder import MLPAutoencoder, MLPAutoencoderConfig
from rgnn_jax.models.variational import Variational
from rgnn_jax.optimizer import OptimizerConfig

ADAM = OptimizerConfig(learning_rate=1e-4, schedule="constant", warmup_steps=0, beta2=0.999, clip_norm=0.0)


def scale(images: jax.Array) -> ImageBatch:
    """Bytes as pictures in [0, 1]."""
    return ImageBatch(images.astype(jnp.float32) / 255, jnp.zeros(len(images), jnp.int32))


def make_model(family: VAEFamily) -> Autoencoder:
    """The family's network."""
    if family.name == "conv":
        return ConvAutoencoder(ConvAutoencoderConfig(z_dim=family.z_dim), family.image_shape)
    return MLPAutoencoder(MLPAutoencoderConfig(z_dim=family.z_dim), family.image_shape)


def make_trainer(family: VAEFamily, images: np.ndarray, weights: Path) -> Trainer:
    """Trains the family's network on batches of bytes [n, b, h, w, c]."""
    model = make_model(family)
    objective = Variational(model, model.config)
    save = partial(save_weights, weights, partial(to_torch, family))
    return Trainer(objective, Fixed(images, scale), ADAM, family.micro_batches, save)
