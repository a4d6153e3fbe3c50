"""Convolutional autoencoders of the beta-VAE paper (Higgins et al., 2017) and of Burgess et al. (2018)."""

from math import prod
from typing import Literal

import jax.numpy as jnp
from flax import linen as nn
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from rgnn_jax.errors import UserError
from rgnn_jax.models.autoencoder import Autoencoder
from rgnn_jax.models.latent_config import LatentConfig
from rgnn_jax.nn.activation import Activation, activation
from rgnn_jax.nn.conv_layers import Conv, ConvTranspose
from rgnn_jax.nn.linear import Dense

_SMALLEST_SIDE, _LARGEST_SIDE = 4, 8


class ConvAutoencoderConfig(LatentConfig, frozen=True, kw_only=True, tag="conv_vae"):
    """Size of a `ConvAutoencoder`, and what it is trained for.

    Attributes:
        layout: `beta_vae`, at 64x64 convolutions of 32, 32, 64, 64 channels and a dense layer of 256 (Higgins
            et al. 2017, table 1), or `burgess`, four convolutions of 32 and two dense layers of 256.
        activation: after every hidden layer.
    """

    layout: Literal["beta_vae", "burgess"] = "beta_vae"
    activation: Activation = "relu"


def halvings(image_shape: tuple[int, int, int]) -> int:
    """How often the sides can be halved before the shorter one would be less than 4 pixels.

    Raises:
        UserError: where an odd side comes so early that the rest of the picture is larger than 8 pixels.
    """
    height, width, _ = image_shape
    count = 0
    while (height | width) % 2 == 0 and min(height, width) >= 2 * _SMALLEST_SIDE:
        height, width, count = height // 2, width // 2, count + 1
    if count == 0 or max(height, width) > _LARGEST_SIDE:
        raise UserError(
            f"pictures of {image_shape[0]}x{image_shape[1]} cannot be halved down to 4-8 pixels; "
            "resize them with data.size, for example to 16, 28, 32 or 64"
        )
    return count


def channels(layout: Literal["beta_vae", "burgess"], count: int) -> tuple[int, ...]:
    """Channels of `count` convolutions, from the picture inwards."""
    narrow = count // 2 if layout == "beta_vae" else count
    return (32,) * narrow + (64,) * (count - narrow)


class ConvEncoder(nn.Module):
    """Convolutions that halve the picture, dense layers, and a linear layer called `output`."""

    channels: tuple[int, ...]
    hidden: tuple[int, ...]
    features: int
    activation: Activation
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b f"]:
        """Maps pictures to vectors."""
        act = activation(self.activation)
        for i, width in enumerate(self.channels):
            x = act(Conv(width, kernel_size=4, stride=2, dtype=self.dtype, name=f"conv_{i}")(x))
        x = x.reshape(x.shape[0], prod(x.shape[1:]))
        for i, width in enumerate(self.hidden):
            x = act(Dense(width, dtype=self.dtype, name=f"hidden_{i}")(x))
        return Dense(self.features, dtype=self.dtype, name="output")(x)


class ConvDecoder(nn.Module):
    """The mirror image of `ConvEncoder`; its last transposed convolution is called `output`."""

    channels: tuple[int, ...]
    hidden: tuple[int, ...]
    image_shape: tuple[int, int, int]
    activation: Activation
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, z: Float[Array, "b z"]) -> Float[Array, "b h w c"]:
        """Maps vectors to the logits of pictures."""
        act = activation(self.activation)
        height, width, image_channels = self.image_shape
        scale = 2 ** len(self.channels)
        start = (height // scale, width // scale, self.channels[0])
        x = z
        for i, features in enumerate((*self.hidden, prod(start))):
            x = act(Dense(features, dtype=self.dtype, name=f"hidden_{i}")(x))
        x = x.reshape(x.shape[0], *start)
        for i, features in enumerate(self.channels[1:]):
            x = act(ConvTranspose(features, kernel_size=4, stride=2, dtype=self.dtype, name=f"conv_{i}")(x))
        return ConvTranspose(image_channels, kernel_size=4, stride=2, dtype=self.dtype, name="output")(x)


class ConvAutoencoder(Autoencoder):
    """An `Autoencoder` of convolutions, at 64x64 the published one.

    Other sizes are halved as often as they can be, 28x28 twice and 32x32 three times; of the `beta_vae`
    layout's convolutions the inner half has 64 channels, the outer half 32.
    """

    config: ConvAutoencoderConfig

    def setup(self) -> None:
        """Declares encoder and decoder."""
        config = self.config
        widths = channels(config.layout, halvings(self.image_shape))
        hidden = (256,) if config.layout == "beta_vae" else (256, 256)
        self.encoder = ConvEncoder(widths, hidden, self.statistics, config.activation, self.dtype)
        self.decoder = ConvDecoder(widths[::-1], hidden, self.image_shape, config.activation, self.dtype)
