"""This project's side of the comparison of autoencoders; imported in the process that runs it only."""

import dataclasses
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict
from vae_families import VAEFamily, to_torch

from rgnn_jax.contracts import Params
from rgnn_jax.datasets.image_batches import ImageBatch
from rgnn_jax.models.autoencoder import Autoencoder
from rgnn_jax.models.conv_autoencoder import ConvAutoencoder, ConvAutoencoderConfig
from rgnn_jax.models.mlp_autoencoder import MLPAutoencoder, MLPAutoencoderConfig
from rgnn_jax.models.variational import Variational
from rgnn_jax.optimizer import OptimizerConfig
from rgnn_jax.train.devices import Compiled, micro_batches_for
from rgnn_jax.train.step import Clock, Training

ADAM = OptimizerConfig(learning_rate=1e-4, schedule="constant", warmup_steps=0, beta2=0.999, clip_norm=0.0)


@dataclasses.dataclass(frozen=True)
class FixedImages:
    """Batches [n, b, h, w, c] of bytes that come round in order (`contracts.Batches`)."""

    data: np.ndarray

    def draw(
        self, data: jax.Array, key: jax.Array, step: jax.Array, index: jax.Array, count: int
    ) -> ImageBatch:
        """Micro-batch `index` of `count` of the step's batch."""
        del key
        size = data.shape[1] // count
        images = jax.lax.dynamic_slice_in_dim(data[step % data.shape[0]], index * size, size)
        return ImageBatch(images.astype(jnp.float32) / 255, jnp.zeros(size, jnp.int32))


def make_model(family: VAEFamily) -> Autoencoder:
    """The family's network."""
    if family.name == "conv":
        return ConvAutoencoder(ConvAutoencoderConfig(z_dim=family.z_dim), family.image_shape)
    return MLPAutoencoder(MLPAutoencoderConfig(z_dim=family.z_dim), family.image_shape)


class Trainer:
    """Steps as `rgnn train` takes them, several in one compiled call."""

    def __init__(self, family: VAEFamily, images: np.ndarray, weights: Path) -> None:
        model, devices = make_model(family), jax.devices()
        wanted = family.micro_batches if jax.default_backend() == "cpu" else 0
        count = micro_batches_for(family.batch_size, wanted, len(devices))
        objective = Variational(model, model.config)
        training = Training(objective, FixedImages(images), ADAM, micro_batches=count)
        self._compiled = Compiled(training, "auto", devices)
        self._state = self._compiled.init(0)
        self._data = self._compiled.place(images)
        save_weights(family, self._compiled.fetch(self._state.params), weights)

    def run(self, steps: int) -> float:
        """Takes steps and returns the loss at the last one, in nats a picture."""
        clock = Clock(np.int32(0), np.float32(0.0), np.float32(0.0))
        self._state, result = self._compiled.run(self._state, self._data, 0, steps, clock)
        return float(result.loss)


def save_weights(family: VAEFamily, params: Params, path: Path) -> None:
    """Writes the parameters for the peer to start from."""
    flat = {name: np.asarray(value) for name, value in flatten_dict(params, sep="/").items()}
    np.savez(path, **to_torch(family, flat))
