"""A conditional variational autoencoder of handwriting: it paints a symbol in a style that is given."""

from math import prod

import jax.numpy as jnp
from flax import linen as nn
from jax.typing import DTypeLike
from jaxtyping import Array, Float, Int

from rgnn_jax.models.classifier import Classifier
from rgnn_jax.models.mlp_autoencoder import MLP
from rgnn_jax.models.seq2seq_config import Seq2SeqConfig

_PAPER = -2.0
"""Log-odds of ink where nothing is known: about an eighth of a handwritten digit's pixels are ink."""


class Painter(nn.Module):
    """Pictures of symbols given a style z, and the style of pictures (Sohn et al., 2015).

    The prior of a style is N(0, 1) whatever the symbol, so that one style can be held for several.
    Beside the two networks lies a reader, a small classifier: in training it tells the painter whether its
    pictures are legible, and `sampling/painting.py` has it choose among several draws.

    Attributes:
        config: the network's settings.
        symbols: how many different ones there are.
        side: pixels of a picture's side.
        dtype: the type of the computation.
    """

    config: Seq2SeqConfig
    symbols: int
    side: int
    dtype: DTypeLike = jnp.float32

    def setup(self) -> None:
        """Declares encoder, decoder and reader."""
        config, shape = self.config, (self.side, self.side, 1)
        hidden = (config.painter_width,) * config.painter_layers
        # Dense layers: on a CPU they take ten steps in the time of one of convolutions.
        self.encoder = MLP(hidden, 2 * config.style_dim, "silu", self.dtype)
        self.decoder = MLP(hidden, prod(shape), "silu", self.dtype)
        self.reader = Classifier(config.reader, shape, self.symbols, self.dtype)

    def __call__(
        self, pictures: Float[Array, "b h w 1"], symbols: Int[Array, " b"]
    ) -> tuple[Float[Array, "b h w 1"], Float[Array, "b v"]]:
        """The pictures painted anew, and what is read in them; for `init`, it touches every part once."""
        painted = self.paint(symbols, self.style(pictures, symbols)[0])
        return painted, self.read(painted)

    def style(
        self, pictures: Float[Array, "b h w 1"], symbols: Int[Array, " b"]
    ) -> tuple[Float[Array, "b z"], Float[Array, "b z"]]:
        """Mean and log-variance of the style of each picture, whose symbol is known."""
        flat = pictures.reshape(len(pictures), -1)
        statistics = self.encoder(jnp.concatenate([flat, self._one_hot(symbols)], axis=-1))
        return statistics[:, : self.config.style_dim], statistics[:, self.config.style_dim :]

    def decode(self, symbols: Int[Array, " b"], styles: Float[Array, "b z"]) -> Float[Array, "b h w 1"]:
        """Log-odds that a pixel of each picture is ink."""
        logits = self.decoder(jnp.concatenate([self._one_hot(symbols), styles], axis=-1)) + _PAPER
        return logits.reshape(len(symbols), self.side, self.side, 1)

    def paint(self, symbols: Int[Array, " b"], styles: Float[Array, "b z"]) -> Float[Array, "b h w 1"]:
        """Pictures in [0, 1], their log-odds multiplied by the contrast: nearer to the likeliest picture.

        The mean picture alone, a contrast of 1, is blurred wherever the edge of a stroke is uncertain.
        """
        return nn.sigmoid(self.config.contrast * self.decode(symbols, styles))

    def read(self, pictures: Float[Array, "b h w 1"]) -> Float[Array, "b v"]:
        """Logits of the symbol in each picture, by the reader."""
        return self.reader(pictures)

    def _one_hot(self, symbols: Int[Array, " b"]) -> Float[Array, "b v"]:
        return nn.one_hot(symbols, self.symbols, dtype=self.dtype)
