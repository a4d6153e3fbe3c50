"""Language models of LSTM or GRU layers."""

from typing import Any, ClassVar

import jax.numpy as jnp
from flax import linen as nn
from jax.typing import DTypeLike
from jaxtyping import Array, Float, Int

from rgnn_jax.fields import Count, NaturalNumber, Rate, Variant
from rgnn_jax.nn.dropout import Dropout
from rgnn_jax.nn.embedding import NGramEmbed, empty_history
from rgnn_jax.nn.linear import Dense
from rgnn_jax.nn.recurrent_layers import GRULayer, LSTMLayer, RecurrentLayer

RecurrentCarry = tuple[Int[Array, "b m"], tuple[Any, ...]]


class RecurrentConfig(Variant, frozen=True, kw_only=True):
    """The settings that both kinds of recurrent network share.

    Attributes:
        layers: one above the other.
        width: features of each.
        dropout: rate after each layer.
        embedding: width of the tokens' vectors; 0 for tokens that index the rows of the first layer's input
            weights, which is what a one-hot input amounts to.
        ngram_order: above 1, vectors of the last 2 .. `ngram_order` tokens together are added.
        ngram_buckets: most rows of each order's table, which n-grams share where they are more.
        ngram_dropout: rate at which these vectors are dropped.
    """

    layers: Count = 2
    width: Count = 128
    dropout: Rate = 0.1
    embedding: NaturalNumber = 0
    ngram_order: Count = 1
    ngram_buckets: Count = 16384
    ngram_dropout: Rate = 0.0


class LSTMConfig(RecurrentConfig, frozen=True, kw_only=True, tag="lstm"):
    """Settings of an `LSTM`.

    Attributes:
        forget_bias: what the forget gates' bias starts from (Gers et al., 2000; Jozefowicz et al., 2015).
    """

    forget_bias: float = 1.0


class GRUConfig(RecurrentConfig, frozen=True, kw_only=True, tag="gru"):
    """Settings of a `GRU`."""


class RecurrentModel(nn.Module):
    """A stack of recurrent layers over token embeddings, dropout after each layer (Zaremba et al., 2014).

    Fulfils `contracts.SequenceModel`. The carry is the last tokens, for the n-grams, and each layer's state.
    """

    config: RecurrentConfig
    vocabulary_size: int
    dtype: DTypeLike = jnp.float32

    layer_type: ClassVar[type[LSTMLayer] | type[GRULayer]]

    def make_layer(self, project_input: bool) -> RecurrentLayer:
        """One layer of this network's kind."""
        raise NotImplementedError

    def setup(self) -> None:
        """Declares the layers; token vectors have unit variance, as a product with one-hot rows needs."""
        config = self.config
        self.layers = [
            self.make_layer(project_input=bool(index or config.embedding)) for index in range(config.layers)
        ]
        self.embed = NGramEmbed(
            self.vocabulary_size,
            config.embedding or self.layer_type.number_of_gates * config.width,
            config.ngram_order,
            config.ngram_buckets,
            config.ngram_dropout,
            dtype=self.dtype,
            embedding_init=nn.initializers.normal(1.0),
            time_major=True,
        )
        self.drop = Dropout(config.dropout)
        self.head = Dense(self.vocabulary_size, dtype=self.dtype)

    @property
    def max_length(self) -> None:
        """None: the carry does not grow."""
        return None

    def __call__(self, tokens: Int[Array, "b t"], *, train: bool = False) -> Float[Array, "b t v"]:
        """Logits of each next token; draws dropout from the "dropout" stream when `train`."""
        return self._read(self.init_carry(*tokens.shape), tokens, train)[1]

    def init_carry(self, batch: int, length: int) -> RecurrentCarry:
        """The carry before any token."""
        del length
        state = self.layer_type.init_carry(batch, self.config.width)
        history = empty_history(batch, self.config.ngram_order, self.vocabulary_size)
        return history, (state,) * self.config.layers

    def grow_carry(self, carry: RecurrentCarry, length: int) -> RecurrentCarry:
        """The same carry, which has room for any number of tokens."""
        del length
        return carry

    def prefill(
        self, carry: RecurrentCarry, tokens: Int[Array, "b t"]
    ) -> tuple[RecurrentCarry, Float[Array, "b t v"]]:
        """Reads tokens after what the carry has read."""
        return self._read(carry, tokens, train=False)

    def step(
        self, carry: RecurrentCarry, token: Int[Array, " b"]
    ) -> tuple[RecurrentCarry, Float[Array, "b v"]]:
        """Reads one token."""
        history, states = carry
        x, history = self.embed(token[:, None], history)
        x = x[0]
        new_states = []
        for layer, state in zip(self.layers, states, strict=True):
            x, state = layer.step(x, state)
            new_states.append(state)
        return (history, tuple(new_states)), self.head(x)

    def _read(
        self, carry: RecurrentCarry, tokens: Int[Array, "b t"], train: bool
    ) -> tuple[RecurrentCarry, Float[Array, "b t v"]]:
        history, states = carry
        x, history = self.embed(tokens, history, train=train)
        new_states = []
        for layer, state in zip(self.layers, states, strict=True):
            x, state = layer(x, state)
            x = self.drop(x, deterministic=not train)
            new_states.append(state)
        return (history, tuple(new_states)), self.head(x).swapaxes(0, 1)


class LSTM(RecurrentModel):
    """A recurrent network of LSTM layers."""

    config: LSTMConfig

    layer_type: ClassVar[type[LSTMLayer]] = LSTMLayer

    def make_layer(self, project_input: bool) -> LSTMLayer:
        """An LSTM layer."""
        return LSTMLayer(self.config.width, project_input, self.dtype, self.config.forget_bias)


class GRU(RecurrentModel):
    """A recurrent network of GRU layers."""

    config: GRUConfig

    layer_type: ClassVar[type[GRULayer]] = GRULayer

    def make_layer(self, project_input: bool) -> GRULayer:
        """A GRU layer."""
        return GRULayer(self.config.width, project_input, self.dtype)
