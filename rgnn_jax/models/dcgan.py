"""The deep convolutional pair of Radford et al. (2016), at 64x64, 28x28 and what else can be halved."""

from math import prod
from typing import Literal

import jax.numpy as jnp
from flax import linen as nn
from jax.typing import DTypeLike
from jaxtyping import Array, Float, Int

from rgnn_jax.errors import UserError
from rgnn_jax.fields import Count
from rgnn_jax.models.conv_autoencoder import halvings
from rgnn_jax.models.gan import GAN, Head, Verdict, first_features, smallest
from rgnn_jax.models.gan_config import GANConfig
from rgnn_jax.nn.batch_norm import BatchNorm
from rgnn_jax.nn.conv_layers import Conv, ConvTranspose
from rgnn_jax.nn.dropout import Dropout

_SLOPE = 0.2

Norm = Literal["batch", "layer", "none"]


class DCGANConfig(GANConfig, frozen=True, kw_only=True, tag="dcgan"):
    """Size of a `DCGAN`, and what it is trained for.

    Attributes:
        width: channels next to the picture, doubled at each halving; 64 in the paper.
        discriminator_norm: of its hidden convolutions but the first; `layer` is over each picture, which a
            gradient penalty needs. The generator's is of batches.
        spectral: spectral normalisation of the discriminator's kernels (Miyato et al. 2018).
    """

    width: Count = 64
    discriminator_norm: Norm = "batch"
    spectral: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.discriminator_norm == "batch" and (self.gradient_penalty or self.r1 or self.consistency):
            raise UserError(
                "model.gradient_penalty, model.r1 and model.consistency are of each picture by itself; "
                'set model.discriminator_norm to "layer" or "none"'
            )


class DCGANGenerator(nn.Module):
    """A dense layer and transposed convolutions that double the picture; all but the last are normalised."""

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
        h = first_features(z, labels, self.classes, start, use_bias=False, dtype=self.dtype)
        for i, features in enumerate(self.widths):
            if i:
                h = ConvTranspose(features, 4, 2, self.dtype, use_bias=False, name=f"conv_{i}")(h)
            h = nn.relu(BatchNorm(dtype=self.dtype, name=f"norm_{i}")(h, train=train))
        return ConvTranspose(self.image_shape[-1], 4, 2, self.dtype, name="output")(h)


class DCGANDiscriminator(nn.Module):
    """Convolutions that halve the picture, with leaky rectifiers, and a `Head` on all that is left."""

    widths: tuple[int, ...]
    config: DCGANConfig
    classes: int
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(
        self, pictures: Float[Array, "b h w c"], labels: Int[Array, " b"] | None, *, train: bool
    ) -> Verdict:
        """Judges pictures in [-1, 1]."""
        config, h = self.config, pictures
        for i, features in enumerate(self.widths):
            norm = "none" if i == 0 else config.discriminator_norm
            conv = Conv(
                features,
                4,
                2,
                self.dtype,
                use_bias=norm == "none",
                spectral=config.spectral,
                name=f"conv_{i}",
            )
            h = conv(h, train=train)
            if norm == "batch":
                h = BatchNorm(running=False, dtype=self.dtype, name=f"norm_{i}")(h, train=train)
            elif norm == "layer":
                h = nn.GroupNorm(1, dtype=self.dtype, name=f"norm_{i}")(h)
            h = nn.leaky_relu(h, _SLOPE)
            h = Dropout(config.dropout, name=f"drop_{i}")(h, deterministic=not train)
        flat = h.reshape(h.shape[0], prod(h.shape[1:]))
        head = Head(self.classes, config, config.spectral, self.dtype, name="head")
        return head(flat, labels, train=train)


class DCGAN(GAN):
    """A `GAN` whose players mirror each other, as deep as the picture can be halved: at 64x64 the paper's."""

    config: DCGANConfig

    def setup(self) -> None:
        """Declares both players."""
        widths = tuple(self.config.width * 2**i for i in range(halvings(self.image_shape)))
        self.generator = DCGANGenerator(widths[::-1], self.image_shape, self.classes, self.dtype)
        self.discriminator = DCGANDiscriminator(widths, self.config, self.classes, self.dtype)
