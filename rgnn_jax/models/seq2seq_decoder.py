"""Decoders: they write a target symbol by symbol, given a source that an encoder has read."""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax.typing import DTypeLike
from jaxtyping import Array, Float, Int

from rgnn_jax.contracts import Carry
from rgnn_jax.models.seq2seq_config import Encoded, Seq2SeqConfig
from rgnn_jax.models.seq2seq_encoder import LAYER_TYPES, make_layer
from rgnn_jax.models.transformer import Block, BlockCarry, make_norm
from rgnn_jax.nn.attention import KeyValueCache, Position
from rgnn_jax.nn.dropout import Dropout
from rgnn_jax.nn.embedding import Embed
from rgnn_jax.nn.linear import Dense
from rgnn_jax.nn.source_attention import SourceAttention, SourceMemory


class Decoder(nn.Module):
    """Writes a target; the parts of `contracts.ConditionalModel` that follow once a source is encoded.

    Attributes:
        config: the network's settings.
        vocabulary_size: how many symbols a target may hold.
        source_length: positions of a source.
        target_length: most symbols of a target.
        dtype: the type of the computation.
    """

    config: Seq2SeqConfig
    vocabulary_size: int
    source_length: int
    target_length: int
    dtype: DTypeLike = jnp.float32

    def __call__(
        self, tokens: Int[Array, "b t"], encoded: Encoded, *, train: bool = False
    ) -> Float[Array, "b t v"]:
        """Logits of each next symbol, all at once."""
        raise NotImplementedError

    def init_carry(self, batch: int, length: int) -> Carry:
        """The carry before source and target; needs no parameters."""
        raise NotImplementedError

    def grow_carry(self, carry: Carry, length: int) -> Carry:
        """The same carry with room for `length` symbols."""
        raise NotImplementedError

    def attach(self, carry: Carry, encoded: Encoded) -> Carry:
        """The carry with a source in it."""
        raise NotImplementedError

    def prefill(self, carry: Carry, tokens: Int[Array, "b t"]) -> tuple[Carry, Float[Array, "b t v"]]:
        """Reads symbols after what the carry holds."""
        raise NotImplementedError


class RecurrentDecoderCarry(NamedTuple):
    """What a recurrent decoder remembers.

    Attributes:
        source: the source's share of the first layer's gates, the same at every step.
        memory: what it attends to, where it does.
        states: of the layers; None means zeros.
    """

    source: Float[Array, "b g"]
    memory: SourceMemory | None
    states: tuple[Any, ...]


class RecurrentDecoder(Decoder):
    """LSTM or GRU layers, with a repeat vector alone or with the last symbol and attention."""

    def setup(self) -> None:
        """Declares the layers."""
        config = self.config
        gates = LAYER_TYPES[config.decoder].number_of_gates * config.width
        self.repeat = Dense(gates, use_bias=False, dtype=self.dtype)
        self.layers = [
            make_layer(config, config.decoder, bool(index), self.dtype)
            for index in range(config.decoder_layers)
        ]
        self.drop = Dropout(config.dropout)
        if config.source == "attention":
            self.embed = Embed(self.vocabulary_size, gates, self.dtype, nn.initializers.normal(1.0))
            self.attention = SourceAttention(config.heads, config.width, config.qk_norm, dtype=self.dtype)
            self.combine = Dense(config.width, dtype=self.dtype)
        self.head = Dense(self.vocabulary_size, dtype=self.dtype)

    def __call__(
        self, tokens: Int[Array, "b t"], encoded: Encoded, *, train: bool = False
    ) -> Float[Array, "b t v"]:
        """Logits of each next symbol, all at once."""
        carry = self.init_carry(*tokens.shape)._replace(states=(None,) * len(self.layers))
        return self._read(self.attach(carry, encoded), tokens, train)[1]

    def init_carry(self, batch: int, length: int) -> RecurrentDecoderCarry:
        """The carry before source and target."""
        del length
        config = self.config
        kind = LAYER_TYPES[config.decoder]
        source = jnp.zeros((batch, kind.number_of_gates * config.width), self.dtype)
        memory = None
        if config.source == "attention":
            features = config.width // config.heads
            memory = SourceMemory.empty(batch, self.source_length, config.heads, features, self.dtype)
        states = tuple(kind.init_carry(batch, config.width) for _ in range(config.decoder_layers))
        return RecurrentDecoderCarry(source, memory, states)

    def grow_carry(self, carry: RecurrentDecoderCarry, length: int) -> RecurrentDecoderCarry:
        """The same carry."""
        del length
        return carry

    def attach(self, carry: RecurrentDecoderCarry, encoded: Encoded) -> RecurrentDecoderCarry:
        """The carry with a source in it."""
        memory = self.attention.remember(encoded.features) if self.config.source == "attention" else None
        return carry._replace(source=self.repeat(encoded.summary), memory=memory)

    def prefill(
        self, carry: RecurrentDecoderCarry, tokens: Int[Array, "b t"]
    ) -> tuple[RecurrentDecoderCarry, Float[Array, "b t v"]]:
        """Reads symbols after what the carry holds."""
        return self._read(carry, tokens, train=False)

    def _read(
        self, carry: RecurrentDecoderCarry, tokens: Int[Array, "b t"], train: bool
    ) -> tuple[RecurrentDecoderCarry, Float[Array, "b t v"]]:
        b, t = tokens.shape
        x = jnp.broadcast_to(carry.source[None], (t, b, carry.source.shape[-1]))
        if carry.memory is not None:
            x = x + self.embed(tokens.T)
        states = []
        for layer, before in zip(self.layers, carry.states, strict=True):
            x, after = layer(x, before)
            x = self.drop(x, deterministic=not train)
            states.append(after)
        x = x.swapaxes(0, 1)
        if carry.memory is not None:
            found = self.attention(x, carry.memory)
            x = jnp.tanh(self.combine(jnp.concatenate([x, found], axis=-1)))
            x = self.drop(x, deterministic=not train)
        return carry._replace(states=tuple(states)), self.head(x)


class TransformerDecoderCarry(NamedTuple):
    """What a Transformer's decoder remembers.

    Attributes:
        position: how many symbols it has read.
        memories: the source, as each block attends to it.
        blocks: what each block remembers of the target.
    """

    position: Int[Array, ""]
    memories: tuple[SourceMemory, ...]
    blocks: tuple[BlockCarry, ...]


class TransformerDecoder(Decoder):
    """Attention to the source and a causal block, in turn."""

    def setup(self) -> None:
        """Declares the blocks."""
        layers = self.config.decoder_layers
        config = self.config.blocks(layers)
        init = nn.initializers.normal(0.02)
        residual_init = nn.initializers.normal(0.02 / math.sqrt(3 * layers))
        self.embed = Embed(self.vocabulary_size, config.width, self.dtype, init)
        self.position_embedding = self.param("position_embedding", init, (self.target_length, config.width))
        self.source_norms = [make_norm(config, self.dtype) for _ in range(layers)]
        self.sources = [
            SourceAttention(
                config.heads, config.width, config.qk_norm, dtype=self.dtype,
                kernel_init=init, out_init=residual_init,
            )
            for _ in range(layers)
        ]  # fmt: skip
        self.blocks = [Block(config, self.dtype) for _ in range(layers)]
        self.norm = make_norm(config, self.dtype)
        self.drop = Dropout(config.dropout)
        self.head = Dense(self.vocabulary_size, True, self.dtype, init)

    def __call__(
        self, tokens: Int[Array, "b t"], encoded: Encoded, *, train: bool = False
    ) -> Float[Array, "b t v"]:
        """Logits of each next symbol, all at once."""
        blocks = (BlockCarry(),) * len(self.blocks)
        return self._read(tokens, 0, self._remember(encoded), blocks, train)[1]

    def init_carry(self, batch: int, length: int) -> TransformerDecoderCarry:
        """The carry before source and target, with `length` slots."""
        config = self.config
        features = config.width // config.heads
        memories, blocks = [], []
        for _ in range(config.decoder_layers):
            memories.append(SourceMemory.empty(batch, self.source_length, config.heads, features, self.dtype))
            blocks.append(BlockCarry(KeyValueCache.empty(batch, length, config.heads, features, self.dtype)))
        return TransformerDecoderCarry(jnp.zeros((), jnp.int32), tuple(memories), tuple(blocks))

    def grow_carry(self, carry: TransformerDecoderCarry, length: int) -> TransformerDecoderCarry:
        """The same carry with `length` slots."""
        blocks = [BlockCarry(block.cache and block.cache.grow(length)) for block in carry.blocks]
        return carry._replace(blocks=tuple(blocks))

    def attach(self, carry: TransformerDecoderCarry, encoded: Encoded) -> TransformerDecoderCarry:
        """The carry with a source in it."""
        return carry._replace(memories=self._remember(encoded))

    def prefill(
        self, carry: TransformerDecoderCarry, tokens: Int[Array, "b t"]
    ) -> tuple[TransformerDecoderCarry, Float[Array, "b t v"]]:
        """Reads symbols after those that the carry holds, which must have room for them."""
        blocks, logits = self._read(tokens, carry.position, carry.memories, carry.blocks, train=False)
        return carry._replace(position=carry.position + tokens.shape[1], blocks=blocks), logits

    def _remember(self, encoded: Encoded) -> tuple[SourceMemory, ...]:
        return tuple(source.remember(encoded.features) for source in self.sources)

    def _read(
        self,
        tokens: Int[Array, "b t"],
        position: Position,
        memories: tuple[SourceMemory, ...],
        before: tuple[BlockCarry, ...],
        train: bool,
    ) -> tuple[tuple[BlockCarry, ...], Float[Array, "b t v"]]:
        x = self.embed(tokens)
        table = jax.lax.dynamic_slice_in_dim(self.position_embedding, position, tokens.shape[1])
        x = self.drop(x + jnp.broadcast_to(table.astype(x.dtype), x.shape), deterministic=not train)
        after = []
        for index, block in enumerate(self.blocks):
            found = self.sources[index](self.source_norms[index](x), memories[index])
            x = x + self.drop(found, deterministic=not train)
            x, carry = block(x, before[index], position, train=train)
            after.append(carry)
        return tuple(after), self.head(self.norm(x))
