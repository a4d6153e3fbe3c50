"""A residual pair with spectral normalisation, after Miyato et al. (2018), appendix B.4."""

import jax.numpy as jnp
from flax import linen as nn
from jax.typing import DTypeLike
from jaxtyping import Array, Float, Int

from rgnn_jax.fields import Count
from rgnn_jax.models.conv_autoencoder import halvings
from rgnn_jax.models.gan import GAN, Embedding, Head, Verdict, first_features, smallest
from rgnn_jax.models.gan_config import GANConfig
from rgnn_jax.nn.batch_norm import BatchNorm
from rgnn_jax.nn.conv_layers import Conv, ConvTranspose
from rgnn_jax.nn.dropout import Dropout


class ResNetGANConfig(GANConfig, frozen=True, kw_only=True, tag="resnet_gan"):
    """Size of a `ResNetGAN`, and what it is trained for.

    Attributes:
        widths: channels after each halving of the picture, of which a small picture uses the first.
        spectral: spectral normalisation of the discriminator's kernels.
    """

    widths: tuple[Count, ...] = (64, 128, 256, 256)
    spectral: bool = True


class ConditionalNorm(nn.Module):
    """Batch normalisation whose scale and shift depend on the class (Dumoulin et al., 2017), and a ReLU."""

    classes: int
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(
        self, h: Float[Array, "b h w c"], labels: Int[Array, " b"] | None, *, train: bool
    ) -> Float[Array, "b h w c"]:
        """Normalises; without labels by batch normalisation alone."""
        h = BatchNorm(dtype=self.dtype, name="norm")(h, train=train)
        if labels is not None:
            rows = (h.shape[0], 1, 1, h.shape[-1])
            scale, shift = (
                0.1 * Embedding(self.classes, h.shape[-1], self.dtype, name=name)(labels).reshape(rows)
                for name in ("scale", "shift")
            )
            h = h * (1.0 + scale) + shift
        return nn.relu(h)


class UpBlock(nn.Module):
    """Doubles the picture: a transposed and a plain convolution beside a shortcut of repeated pixels."""

    features: int
    classes: int
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], labels: Int[Array, " b"] | None, *, train: bool
    ) -> Float[Array, "b i j f"]:
        """Maps features to features of a picture twice as large."""
        h = ConditionalNorm(self.classes, self.dtype, name="norm1")(x, labels, train=train)
        h = ConvTranspose(self.features, 4, 2, self.dtype, use_bias=False, name="up")(h)
        h = ConditionalNorm(self.classes, self.dtype, name="norm2")(h, labels, train=train)
        h = Conv(self.features, 3, 1, self.dtype, name="conv")(h)
        short = Conv(self.features, 1, 1, self.dtype, use_bias=False, name="shortcut")(x)
        return h + jnp.repeat(jnp.repeat(short, 2, axis=1), 2, axis=2)


class ResNetGenerator(nn.Module):
    """A dense layer, residual blocks that double the picture, and a convolution called `output`."""

    widths: tuple[int, ...]
    image_shape: tuple[int, int, int]
    classes: int
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(
        self, z: Float[Array, "b z"], labels: Int[Array, " b"] | None, *, train: bool
    ) -> Float[Array, "b h w c"]:
        """Maps points to the logits of pictures."""
        start = smallest(self.image_shape, self.widths)
        h = first_features(z, labels, self.classes, start, use_bias=True, dtype=self.dtype)
        for i, features in enumerate(self.widths):
            h = UpBlock(features, self.classes, self.dtype, name=f"block_{i}")(h, labels, train=train)
        h = nn.relu(BatchNorm(dtype=self.dtype, name="norm")(h, train=train))
        return Conv(self.image_shape[-1], 3, 1, self.dtype, name="output")(h)


class DownBlock(nn.Module):
    """Halves the picture: a plain and a strided convolution beside a shortcut of means."""

    features: int
    first: bool
    spectral: bool
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"], *, train: bool) -> Float[Array, "b i j f"]:
        """Maps features to features of a picture half as large; the `first` block sees pixels as they are."""

        def conv(size: int, stride: int, name: str) -> Conv:
            return Conv(self.features, size, stride, self.dtype, spectral=self.spectral, name=name)

        h = x if self.first else nn.relu(x)
        h = nn.relu(conv(3, 1, "conv")(h, train=train))
        h = conv(4, 2, "down")(h, train=train)
        short = nn.avg_pool(x, (2, 2), (2, 2))
        return h + conv(1, 1, "shortcut")(short, train=train)


class ResNetDiscriminator(nn.Module):
    """Residual blocks that halve the picture, a sum over what is left of it, and a `Head`."""

    widths: tuple[int, ...]
    config: ResNetGANConfig
    classes: int
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(
        self, pictures: Float[Array, "b h w c"], labels: Int[Array, " b"] | None, *, train: bool
    ) -> Verdict:
        """Judges pictures in [-1, 1]."""
        config, h = self.config, pictures
        for i, features in enumerate(self.widths):
            block = DownBlock(features, i == 0, config.spectral, self.dtype, name=f"block_{i}")
            h = block(h, train=train)
            h = Dropout(config.dropout, name=f"drop_{i}")(h, deterministic=not train)
        pooled = nn.relu(h).sum((1, 2))
        head = Head(self.classes, config, config.spectral, self.dtype, name="head")
        return head(pooled, labels, train=train)


class ResNetGAN(GAN):
    """A `GAN` of residual blocks, one for each halving of the picture."""

    config: ResNetGANConfig

    def setup(self) -> None:
        """Declares both players."""
        widths = self.config.widths[: halvings(self.image_shape)]
        self.generator = ResNetGenerator(widths[::-1], self.image_shape, self.classes, self.dtype)
        self.discriminator = ResNetDiscriminator(widths, self.config, self.classes, self.dtype)
