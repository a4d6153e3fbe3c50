"""An autoencoder whose decoder also looks at the pixels before each pixel (PixelVAE, Gulrajani et al. 2017).

The code then need not spell out how a stroke's rim runs, which the neighbours tell, and is left with what the
picture is of.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax
from jax.typing import DTypeLike
from jaxtyping import Array, Float, Int

from rgnn_jax.errors import UserError
from rgnn_jax.fields import Count, Reach
from rgnn_jax.models.autoencoder import Autoencoder
from rgnn_jax.models.conv_autoencoder import ConvDecoder, ConvEncoder, channels, halvings
from rgnn_jax.models.latent_config import LatentConfig
from rgnn_jax.nn.linear import Dense

_HIDDEN = (256,)
_DRAW = 0


class PixelAutoencoderConfig(LatentConfig, frozen=True, kw_only=True, tag="pixel_vae"):
    """Size of a `PixelAutoencoder`, and what it is trained for.

    Attributes:
        reach: how many rows above, and columns to the left and right, a pixel's context extends.
        width: channels of the layers that join the code with the context, at the picture's own size.
    """

    reach: Reach = 3
    width: Count = 32

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.likelihood != "bernoulli" or not self.variational:
            raise UserError(
                'model.kind "pixel_vae" is a variational model of pixels of two values: '
                'set model.likelihood "bernoulli" and model.variational true'
            )


class PixelDecoder(nn.Module):
    """Logits of each pixel from a code and from the pixels before it, row by row.

    A `ConvDecoder` makes features of the code; a masked convolution adds what the context tells, and two
    layers of 1x1 follow.
    """

    channels: tuple[int, ...]
    image_shape: tuple[int, int, int]
    reach: int
    width: int
    dtype: DTypeLike = jnp.float32

    def setup(self) -> None:
        """Declares the layers."""
        height, width, image_channels = self.image_shape
        shape = (height, width, self.width)
        self.features = ConvDecoder(self.channels, _HIDDEN, shape, "silu", self.dtype)
        self.context = Dense(self.width, use_bias=False, dtype=self.dtype)
        self.hidden = Dense(self.width, dtype=self.dtype)
        self.output = Dense(image_channels, dtype=self.dtype)

    def __call__(self, z: Float[Array, "b z"], images: Float[Array, "b h w c"]) -> Float[Array, "b h w c"]:
        """Logits of all pixels of these pictures, each told the true ones before it."""
        return self._logits(self.features(z), contexts(images.astype(self.dtype), self.reach))

    def paint(self, z: Float[Array, "b z"]) -> Float[Array, "b h w c"]:
        """Logits of all pixels, each told the ones before it as they are drawn: against `thresholds`."""
        height, width, image_channels = self.image_shape
        b, reach = z.shape[0], self.reach
        features = self.features(z).reshape(b, height * width, -1).swapaxes(0, 1)
        canvas = jnp.zeros((b, height + reach, width + 2 * reach, image_channels), features.dtype)
        places = jnp.stack(jnp.divmod(jnp.arange(height * width), width), axis=1)
        paint = nn.scan(PixelDecoder._paint_pixel, variable_broadcast="params", split_rngs={"params": False})
        drawn_above = thresholds(self.image_shape).reshape(height * width, image_channels)
        _, logits = paint(self, canvas, (places, features, drawn_above))
        return logits.swapaxes(0, 1).reshape(b, *self.image_shape)

    def _paint_pixel(
        self,
        canvas: Float[Array, "b m n c"],
        pixel: tuple[Int[Array, "2"], Float[Array, "b d"], Float[Array, " c"]],
    ) -> tuple[Float[Array, "b m n c"], Float[Array, "b c"]]:
        (row, column), features, drawn_above = pixel
        b, reach, image_channels = canvas.shape[0], self.reach, canvas.shape[-1]
        window = lax.dynamic_slice(canvas, (0, row, column, 0), (b, reach + 1, 2 * reach + 1, image_channels))
        before = 2 * reach * (reach + 1) * image_channels
        logits = self._logits(features, window.reshape(b, -1)[:, :before])
        values = (nn.sigmoid(logits) > drawn_above[None]).astype(canvas.dtype)[:, None, None]
        return lax.dynamic_update_slice(canvas, values, (0, row + reach, column + reach, 0)), logits

    def _logits(self, features: Float[Array, "*n d"], before: Float[Array, "*n e"]) -> Float[Array, "*n c"]:
        x = nn.silu(features + self.context(before))
        return self.output(nn.silu(self.hidden(x)))


def thresholds(image_shape: tuple[int, int, int]) -> Float[Array, "h w c"]:
    """Numbers from [0, 1), each pixel's own and always the same.

    A pixel is drawn where its probability is above its number: a picture is a draw from p(x | z), and the
    same one for the same code. Were it drawn where that is likelier than not, strokes of which no pixel is
    likely to be the first would never begin.
    """
    return jax.random.uniform(jax.random.key(_DRAW), image_shape)


def contexts(images: Float[Array, "b h w c"], reach: int) -> Float[Array, "b h w e"]:
    """The pixels before each, zero beyond the rim: `reach` rows of 2 reach + 1, and `reach` to the left."""
    _, height, width, _ = images.shape
    padded = jnp.pad(images, ((0, 0), (reach, 0), (reach, reach), (0, 0)))
    across = 2 * reach + 1
    offsets = [divmod(i, across) for i in range(2 * reach * (reach + 1))]
    return jnp.concatenate([padded[:, r : r + height, c : c + width] for r, c in offsets], axis=-1)


class PixelAutoencoder(Autoencoder):
    """An `Autoencoder` of convolutions whose likelihood of a pixel depends on the pixels before it.

    The encoder and the decoder's beginning are those of `ConvAutoencoder`. `decode`, which has no picture to
    look at, draws one pixel by pixel, the same one for the same code.
    """

    config: PixelAutoencoderConfig

    def setup(self) -> None:
        """Declares encoder and decoder."""
        config = self.config
        widths = channels("beta_vae", halvings(self.image_shape))
        self.encoder = ConvEncoder(widths, _HIDDEN, self.statistics, "silu", self.dtype)
        self.decoder = PixelDecoder(widths[::-1], self.image_shape, config.reach, config.width, self.dtype)

    def decode(self, z: Float[Array, "b z"], *, train: bool = False) -> Float[Array, "b h w c"]:
        """Logits of pictures that are drawn pixel by pixel."""
        del train
        return self.decoder.paint(z)

    def explain(
        self, z: Float[Array, "b z"], images: Float[Array, "b h w c"], *, train: bool = False
    ) -> Float[Array, "b h w c"]:
        """Logits of each pixel of these pictures, given the code and the pixels before it."""
        del train
        return self.decoder(z, images)
