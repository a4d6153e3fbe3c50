"""Encoders: a front end that makes features of each source position, and a network that reads them."""

import jax.numpy as jnp
from flax import linen as nn
from jax.typing import DTypeLike
from jaxtyping import Array, Float, Int

from rgnn_jax.models.seq2seq_config import Encoded, Part, Seq2SeqConfig
from rgnn_jax.models.transformer import Block, BlockCarry, make_norm
from rgnn_jax.nn.dropout import Dropout
from rgnn_jax.nn.embedding import Embed
from rgnn_jax.nn.recurrent import GRULayer, LSTMLayer, RecurrentLayer

LAYER_TYPES: dict[Part, type[LSTMLayer] | type[GRULayer]] = {"lstm": LSTMLayer, "gru": GRULayer}


def make_layer(config: Seq2SeqConfig, kind: Part, project_input: bool, dtype: DTypeLike) -> RecurrentLayer:
    """A recurrent layer of the kind and with the settings of the network."""
    if kind == "lstm":
        return LSTMLayer(config.width, project_input, dtype, config.forget_bias)
    return GRULayer(config.width, project_input, dtype)


class Encoder(nn.Module):
    """Reads a whole source, of symbols [b s]; the two kinds differ in how positions learn of each other.

    Attributes:
        config: the network's settings.
        symbols: how many different ones a source may hold.
        length: positions of a source.
        dtype: the type of the computation.
    """

    config: Seq2SeqConfig
    symbols: int
    length: int
    dtype: DTypeLike = jnp.float32

    def __call__(self, source: Int[Array, "b s"], *, train: bool = False) -> Encoded:
        """Features of every position and a summary of all; draws dropout where `train`."""
        raise NotImplementedError


class RecurrentEncoder(Encoder):
    """LSTM or GRU layers; their summary is the last state, of both directions where there are two."""

    def setup(self) -> None:
        """Declares the layers; the front end makes the first layer's gates' share, as one-hot rows would."""
        config = self.config
        kind = LAYER_TYPES[config.encoder]
        directions = 2 if config.bidirectional else 1
        self.front = Embed(
            self.symbols,
            directions * kind.number_of_gates * config.width,
            self.dtype,
            nn.initializers.normal(1.0),
        )
        self.layers = [
            [make_layer(config, config.encoder, bool(index), self.dtype) for _ in range(directions)]
            for index in range(config.encoder_layers)
        ]
        self.drop = Dropout(config.dropout)

    def __call__(self, source: Int[Array, "b s"], *, train: bool = False) -> Encoded:
        """Runs the layers over the source, each direction on its own."""
        x = self.front(source.T)
        inputs = list(jnp.split(x, len(self.layers[0]), axis=-1))
        zero = LAYER_TYPES[self.config.encoder].init_carry(source.shape[0], self.config.width)
        outputs: list[Array] = []
        for layers in self.layers:
            outputs = []
            for index, (layer, given) in enumerate(zip(layers, inputs, strict=True)):
                y, _ = layer(given[::-1] if index else given, zero)
                outputs.append(y[::-1] if index else y)
            x = self.drop(jnp.concatenate(outputs, axis=-1), deterministic=not train)
            inputs = [x] * len(layers)
        ends = [y[0] if index else y[-1] for index, y in enumerate(outputs)]
        summary = self.drop(jnp.concatenate(ends, axis=-1), deterministic=not train)
        return Encoded(x.swapaxes(0, 1), summary)


class TransformerEncoder(Encoder):
    """Blocks in which every position sees all others; their summary is the mean over positions."""

    def setup(self) -> None:
        """Declares the blocks."""
        config = self.config.blocks(self.config.encoder_layers)
        init = nn.initializers.normal(0.02)
        self.front = Embed(self.symbols, config.width, self.dtype, init)
        self.position_embedding = self.param("position_embedding", init, (self.length, config.width))
        self.blocks = [Block(config, self.dtype, causal=False) for _ in range(config.layers)]
        self.norm = make_norm(config, self.dtype)
        self.drop = Dropout(config.dropout)

    def __call__(self, source: Int[Array, "b s"], *, train: bool = False) -> Encoded:
        """Runs the blocks over the source."""
        x = self.front(source)
        positions = self.position_embedding[: x.shape[1]].astype(x.dtype)
        x = self.drop(x + jnp.broadcast_to(positions, x.shape), deterministic=not train)
        for block in self.blocks:
            x, _ = block(x, BlockCarry(), train=train)
        x = self.norm(x)
        summary: Float[Array, "b e"] = x.mean(axis=1)
        return Encoded(x, summary)


def make_encoder(config: Seq2SeqConfig, symbols: int, length: int, dtype: DTypeLike) -> Encoder:
    """The encoder that a configuration describes."""
    kind = TransformerEncoder if config.encoder == "transformer" else RecurrentEncoder
    return kind(config, symbols, length, dtype)
