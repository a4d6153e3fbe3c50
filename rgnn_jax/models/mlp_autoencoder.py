"""The autoencoder of dense layers (Kingma & Welling, 2014), by default 784-400-20."""

from math import prod

import jax.numpy as jnp
from flax import linen as nn
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from rgnn_jax.fields import Count
from rgnn_jax.models.autoencoder import Autoencoder
from rgnn_jax.models.latent_config import LatentConfig
from rgnn_jax.nn.activation import Activation, activation
from rgnn_jax.nn.linear import Dense


class MLPAutoencoderConfig(LatentConfig, frozen=True, kw_only=True, tag="mlp_vae"):
    """Size of an `MLPAutoencoder`, and what it is trained for.

    Attributes:
        hidden: widths of the encoder's hidden layers, from the picture inwards; the decoder mirrors them.
        activation: after every hidden layer.
    """

    z_dim: Count = 20
    hidden: tuple[Count, ...] = (400,)
    activation: Activation = "silu"


class MLP(nn.Module):
    """Hidden layers over flattened inputs, each followed by the activation, and a linear layer `output`."""

    hidden: tuple[int, ...]
    features: int
    activation: Activation
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: Float[Array, "b ..."]) -> Float[Array, "b f"]:
        """Maps pictures or vectors to vectors."""
        x = x.reshape(x.shape[0], prod(x.shape[1:]))
        for i, width in enumerate(self.hidden):
            x = activation(self.activation)(Dense(width, dtype=self.dtype, name=f"hidden_{i}")(x))
        return Dense(self.features, dtype=self.dtype, name="output")(x)


class MLPAutoencoder(Autoencoder):
    """An `Autoencoder` of dense layers over the flattened picture."""

    config: MLPAutoencoderConfig

    def setup(self) -> None:
        """Declares encoder and decoder."""
        config, pixels = self.config, prod(self.image_shape)
        self.encoder = MLP(config.hidden, self.statistics, config.activation, self.dtype)
        self.decoder = MLP(config.hidden[::-1], pixels, config.activation, self.dtype)
