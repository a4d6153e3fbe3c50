"""A residual convolutional autoencoder with group normalisation, for photographs."""

from math import gcd, prod

import jax.numpy as jnp
from flax import linen as nn
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from rgnn_jax.fields import Count
from rgnn_jax.models.autoencoder import Autoencoder
from rgnn_jax.models.conv_autoencoder import halvings
from rgnn_jax.models.latent_config import LatentConfig
from rgnn_jax.nn.conv_layers import Conv, ConvTranspose
from rgnn_jax.nn.linear import Dense

_GROUPS = 8


class ResNetAutoencoderConfig(LatentConfig, frozen=True, kw_only=True, tag="resnet_vae"):
    """Size of a `ResNetAutoencoder`, and what it is trained for.

    Attributes:
        widths: channels after each halving of the picture, of which a small picture uses the first.
        blocks: residual blocks after each halving.
    """

    z_dim: Count = 256
    widths: tuple[Count, ...] = (32, 64, 128, 256)
    blocks: Count = 1


class GroupNormSiLU(nn.Module):
    """Group normalisation (Wu & He, 2018), over at most 8 groups of channels, and a SiLU."""

    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w c"]:
        """Normalises each picture by itself."""
        groups = gcd(_GROUPS, x.shape[-1])
        return nn.silu(nn.GroupNorm(groups, dtype=self.dtype, name="norm")(x))


class ResidualBlock(nn.Module):
    """x + F(x), F twice: normalisation, SiLU, 3x3 convolution (He et al., 2016b, figure 4e)."""

    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w c"]:
        """Maps features to features of the same shape."""
        h = x
        for i in (1, 2):
            h = GroupNormSiLU(self.dtype, name=f"norm{i}")(h)
            h = Conv(x.shape[-1], kernel_size=3, dtype=self.dtype, name=f"conv{i}")(h)
        return x + h


class ResNetEncoder(nn.Module):
    """4x4 convolutions that halve the picture, residual blocks after each, and a linear layer `output`."""

    widths: tuple[int, ...]
    blocks: int
    features: int
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b f"]:
        """Maps pictures to vectors."""
        for level, width in enumerate(self.widths):
            x = Conv(width, kernel_size=4, stride=2, dtype=self.dtype, name=f"down_{level}")(x)
            for block in range(self.blocks):
                x = ResidualBlock(self.dtype, name=f"block_{level}_{block}")(x)
        x = GroupNormSiLU(self.dtype, name="norm")(x)
        return Dense(self.features, dtype=self.dtype, name="output")(x.reshape(x.shape[0], prod(x.shape[1:])))


class ResNetDecoder(nn.Module):
    """The mirror image of `ResNetEncoder`; its last transposed convolution is called `output`."""

    widths: tuple[int, ...]
    blocks: int
    image_shape: tuple[int, int, int]
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, z: Float[Array, "b z"]) -> Float[Array, "b h w c"]:
        """Maps vectors to the logits of pictures."""
        height, width, channels = self.image_shape
        scale = 2 ** len(self.widths)
        start = (height // scale, width // scale, self.widths[0])
        x = Dense(prod(start), dtype=self.dtype, name="input")(z).reshape(z.shape[0], *start)
        for level in range(len(self.widths)):
            if level > 0:
                up = ConvTranspose(
                    self.widths[level], kernel_size=4, stride=2, dtype=self.dtype, name=f"up_{level}"
                )
                x = up(x)
            for block in range(self.blocks):
                x = ResidualBlock(self.dtype, name=f"block_{level}_{block}")(x)
        x = GroupNormSiLU(self.dtype, name="norm")(x)
        return ConvTranspose(channels, kernel_size=4, stride=2, dtype=self.dtype, name="output")(x)


class ResNetAutoencoder(Autoencoder):
    """An `Autoencoder` of residual blocks at every size but the picture's own, which would cost most."""

    config: ResNetAutoencoderConfig

    def setup(self) -> None:
        """Declares encoder and decoder."""
        config = self.config
        widths = config.widths[: halvings(self.image_shape)]
        self.encoder = ResNetEncoder(widths, config.blocks, self.statistics, self.dtype)
        self.decoder = ResNetDecoder(widths[::-1], config.blocks, self.image_shape, self.dtype)
