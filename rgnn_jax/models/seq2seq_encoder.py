"""Encoders: a front end that makes features of each source position, and a network that reads them."""

import jax.numpy as jnp
from flax import linen as nn
from jax.typing import DTypeLike
from jaxtyping import Array, Float, Int

from rgnn_jax.models.classifier import Classifier
from rgnn_jax.models.seq2seq_config import Encoded, Part, Seq2SeqConfig
from rgnn_jax.models.transformer import Block, BlockCarry, make_norm
from rgnn_jax.nn.dropout import Dropout
from rgnn_jax.nn.embedding import embed
from rgnn_jax.nn.recurrent_layers import GRULayer, LSTMLayer, RecurrentLayer

LAYER_TYPES: dict[Part, type[LSTMLayer] | type[GRULayer]] = {"lstm": LSTMLayer, "gru": GRULayer}


def make_layer(config: Seq2SeqConfig, kind: Part, project_input: bool, dtype: DTypeLike) -> RecurrentLayer:
    """A recurrent layer of the kind and with the settings of the network."""
    if kind == "lstm":
        return LSTMLayer(config.width, project_input, dtype, config.forget_bias)
    return GRULayer(config.width, project_input, dtype)


Source = Int[Array, "b s"] | Float[Array, "b s h w c"]


class Front(nn.Module):
    """Makes features of each position of a source, of symbols or of pictures of them.

    A small convolutional classifier gives each picture a probability of every symbol. A picture's features
    are the vector of the likeliest symbol, or of the true one where the symbols are given. In training
    without them they are the mean of the symbols' vectors under the probabilities, so that the answers' loss
    trains the classifier.

    Attributes:
        config: the network's settings.
        symbols: how many different ones a source may hold.
        side: pixels of a picture's side; 0 where the source is symbols.
        features: numbers a position.
        embedding_init: initialiser of the symbols' vectors.
        dtype: the type of the computation.
    """

    config: Seq2SeqConfig
    symbols: int
    side: int
    features: int
    embedding_init: nn.initializers.Initializer
    dtype: DTypeLike = jnp.float32

    def setup(self) -> None:
        """Declares the symbols' vectors and, for pictures, what reads them."""
        self.embedding = self.param("embedding", self.embedding_init, (self.symbols, self.features))
        if self.side:
            shape = (self.side, self.side, 1)
            self.reader = Classifier(self.config.reader, shape, self.symbols, self.dtype)

    def __call__(
        self,
        source: Int[Array, "m n"] | Float[Array, "m n h w c"],
        symbols: Int[Array, "m n"] | None = None,
        *,
        train: bool = False,
    ) -> tuple[Float[Array, "m n f"], Float[Array, "m n v"] | None]:
        """Features of every position, and logits of the symbol in each picture."""
        if not self.side:
            return embed(self.embedding, source).astype(self.dtype), None
        m, n, *shape = source.shape
        logits = self.reader(source.reshape(m * n, *shape)).reshape(m, n, self.symbols)
        if symbols is None and train:
            probabilities = nn.softmax(logits.astype(jnp.float32)).astype(self.dtype)
            return probabilities @ self.embedding.astype(self.dtype), logits
        shown = jnp.argmax(logits, axis=-1) if symbols is None else symbols
        return embed(self.embedding, shown).astype(self.dtype), logits


class Encoder(nn.Module):
    """Reads a whole source; the two kinds differ in how positions learn of each other.

    Attributes:
        config: the network's settings.
        symbols: how many different ones a source may hold.
        length: positions of a source.
        side: pixels of the side of a position's picture; 0 where the source is symbols.
        dtype: the type of the computation.
    """

    config: Seq2SeqConfig
    symbols: int
    length: int
    side: int = 0
    dtype: DTypeLike = jnp.float32

    def __call__(
        self, source: Source, symbols: Int[Array, "b s"] | None = None, *, train: bool = False
    ) -> Encoded:
        """Features of every position and a summary of all; draws dropout where `train`.

        Args:
            source: of symbols or of pictures.
            symbols: those that the pictures show, which are then read in their stead.
            train: whether this is for training.
        """
        raise NotImplementedError

    def make_front(self, features: int, init: nn.initializers.Initializer) -> Front:
        """What turns the source into features of each position."""
        return Front(self.config, self.symbols, self.side, features, init, self.dtype)


class RecurrentEncoder(Encoder):
    """LSTM or GRU layers; their summary is the last state, of both directions where there are two."""

    def setup(self) -> None:
        """Declares the layers; the front end makes the first layer's gates' share, as one-hot rows would."""
        config = self.config
        kind = LAYER_TYPES[config.encoder]
        directions = 2 if config.bidirectional else 1
        gates = directions * kind.number_of_gates * config.width
        self.front = self.make_front(gates, nn.initializers.normal(1.0))
        self.layers = [
            [make_layer(config, config.encoder, bool(index), self.dtype) for _ in range(directions)]
            for index in range(config.encoder_layers)
        ]
        self.drop = Dropout(config.dropout)

    def __call__(
        self, source: Source, symbols: Int[Array, "b s"] | None = None, *, train: bool = False
    ) -> Encoded:
        """Runs the layers over the source, each direction on its own."""
        shown = None if symbols is None else symbols.T
        x, readings = self.front(source.swapaxes(0, 1), shown, train=train)
        inputs = list(jnp.split(x, len(self.layers[0]), axis=-1))
        # In inference a first step apart costs more copies than it saves products.
        shape = source.shape[0], self.config.width
        before = None if train else LAYER_TYPES[self.config.encoder].init_carry(*shape)
        outputs: list[Array] = []
        for layers in self.layers:
            outputs = []
            for index, (layer, given) in enumerate(zip(layers, inputs, strict=True)):
                y, _ = layer(given[::-1] if index else given, before)
                outputs.append(y[::-1] if index else y)
            x = self.drop(jnp.concatenate(outputs, axis=-1), deterministic=not train)
            inputs = [x] * len(layers)
        ends = [y[0] if index else y[-1] for index, y in enumerate(outputs)]
        summary = self.drop(jnp.concatenate(ends, axis=-1), deterministic=not train)
        readings = None if readings is None else readings.swapaxes(0, 1)
        return Encoded(x.swapaxes(0, 1), summary, readings)


class TransformerEncoder(Encoder):
    """Blocks in which every position sees all others; their summary is the mean over positions."""

    def setup(self) -> None:
        """Declares the blocks."""
        config = self.config.blocks(self.config.encoder_layers)
        init = nn.initializers.normal(0.02)
        self.front = self.make_front(config.width, init)
        self.position_embedding = self.param("position_embedding", init, (self.length, config.width))
        self.blocks = [Block(config, self.dtype, causal=False) for _ in range(config.layers)]
        self.norm = make_norm(config, self.dtype)
        self.drop = Dropout(config.dropout)

    def __call__(
        self, source: Source, symbols: Int[Array, "b s"] | None = None, *, train: bool = False
    ) -> Encoded:
        """Runs the blocks over the source."""
        x, readings = self.front(source, symbols, train=train)
        positions = self.position_embedding[: x.shape[1]].astype(x.dtype)
        x = self.drop(x + jnp.broadcast_to(positions, x.shape), deterministic=not train)
        for block in self.blocks:
            x, _ = block(x, BlockCarry(), train=train)
        x = self.norm(x)
        summary: Float[Array, "b e"] = x.mean(axis=1)
        return Encoded(x, summary, readings)


def make_encoder(config: Seq2SeqConfig, symbols: int, length: int, side: int, dtype: DTypeLike) -> Encoder:
    """The encoder that a configuration describes."""
    kind = TransformerEncoder if config.encoder == "transformer" else RecurrentEncoder
    return kind(config, symbols, length, side, dtype)
