"""The decoder-only Transformer language model (Vaswani et al., 2017; pre-LN as in Radford et al., 2019)."""

import math
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax.typing import DTypeLike
from jaxtyping import Array, Float, Int

from rgnn_jax.errors import UserError
from rgnn_jax.fields import Count, NaturalNumber, Rate, Variant
from rgnn_jax.nn.attention import KeyValueCache, Position, SelfAttention, sinusoidal_positions
from rgnn_jax.nn.causal_mix import CausalMix, empty_inputs
from rgnn_jax.nn.dropout import Dropout
from rgnn_jax.nn.embedding import NGramEmbed, empty_history
from rgnn_jax.nn.linear import Dense, matmul


class TransformerConfig(Variant, frozen=True, kw_only=True, tag="transformer"):
    """A decoder-only Transformer; the defaults are the exercise's: one layer, no positions.

    Attributes:
        layers: number of blocks.
        width: features of the residual stream.
        heads: attention heads a block; they divide the width.
        feed_forward: hidden features of a block's perceptron; 0 stands for four times the width.
        dropout: rate after the embedding and after each half of a block.
        positions: how the model knows the order of tokens.
        context: longest sequence, and so the capacity of the cache and the size of the learned table.
        activation: of the perceptron; "squared_relu" is So et al. (2021).
        qk_norm: whether queries and keys are normalised.
        norm: layer normalisation or root-mean-square normalisation.
        use_bias: whether projections and layer normalisations have biases.
        tied_embeddings: whether the output layer is the embedding's transpose.
        ngram_order: longest n-gram of characters that has an embedding; 1 embeds characters alone.
        ngram_buckets: most rows of a table of n-grams.
        ngram_dropout: rate at which n-grams are dropped in training.
        causal_mix: steps of the depthwise causal convolution before each attention; 0 leaves it out.
    """

    layers: Count = 1
    width: Count = 512
    heads: Count = 16
    feed_forward: NaturalNumber = 1024
    dropout: Rate = 0.0
    positions: Literal["none", "sinusoidal", "learned", "rotary"] = "none"
    context: Count = 1024
    activation: Literal["gelu", "relu", "squared_relu"] = "gelu"
    qk_norm: bool = False
    norm: Literal["layer", "rms"] = "layer"
    use_bias: bool = True
    tied_embeddings: bool = False
    ngram_order: Count = 1
    ngram_buckets: Count = 16384
    ngram_dropout: Rate = 0.0
    causal_mix: Literal[0, 2, 3, 4] = 0

    def __post_init__(self) -> None:
        """Checks that heads divide the width, and that rotary heads have pairs of features."""
        if self.width % self.heads:
            raise UserError(f"model.width {self.width} is not a multiple of model.heads {self.heads}")
        if self.positions == "rotary" and self.head_width % 2:
            raise UserError(
                f"model.positions 'rotary' needs an even number of features a head, not {self.head_width}: "
                "change model.width or model.heads"
            )

    @property
    def head_width(self) -> int:
        """Features a head."""
        return self.width // self.heads


class BlockCarry(NamedTuple):
    """What a block remembers; nothing in training, where sequences are whole.

    Attributes:
        cache: keys and values of its attention.
        mix: the last inputs of its causal mix, where it has one.
    """

    cache: KeyValueCache | None = None
    mix: Float[Array, "b m w"] | None = None


class TransformerCarry(NamedTuple):
    """What the model remembers of the tokens it has read.

    Attributes:
        position: how many they are.
        history: the last of them, for n-grams.
        blocks: what each block remembers.
    """

    position: Int[Array, ""]
    history: Int[Array, "b m"]
    blocks: tuple[BlockCarry, ...]


class Block(nn.Module):
    """Attention and a perceptron, each normalised first and added to the residual stream.

    With `causal` false every position sees all others, as in an encoder.
    """

    config: TransformerConfig
    dtype: DTypeLike = jnp.float32
    causal: bool = True

    @nn.compact
    def __call__(
        self,
        x: Float[Array, "b t w"],
        carry: BlockCarry,
        position: Position = 0,
        *,
        train: bool = False,
    ) -> tuple[Float[Array, "b t w"], BlockCarry]:
        """The block over `x`, which follows what the carry holds."""
        config, dtype = self.config, self.dtype
        cache, mix = carry
        # Each of the 2 * layers additions adds variance to the stream (Radford et al., 2019, section 2.3).
        residual_init = nn.initializers.normal(0.02 / math.sqrt(2 * config.layers))
        drop = Dropout(config.dropout)

        y = make_norm(config, dtype, "norm1")(x)
        if config.causal_mix:
            y, mix = CausalMix(config.causal_mix, dtype, name="mix")(y, mix)
        attention = SelfAttention(
            config.heads,
            rotary=config.positions == "rotary",
            qk_norm=config.qk_norm,
            use_bias=config.use_bias,
            dtype=dtype,
            kernel_init=_INIT,
            out_init=residual_init,
            causal=self.causal,
            name="attention",
        )
        y, cache = attention(y, cache, position)
        x = x + drop(y, deterministic=not train)

        y = make_norm(config, dtype, "norm2")(x)
        hidden = config.feed_forward or 4 * config.width
        y = Dense(hidden, config.use_bias, dtype, _INIT, name="up")(y)
        y = activate(config.activation, y)
        y = Dense(config.width, config.use_bias, dtype, residual_init, name="down")(y)
        x = x + drop(y, deterministic=not train)
        return x, BlockCarry(cache, mix)


class Transformer(nn.Module):
    """A `contracts.SequenceModel`: pre-LN blocks over embedded tokens; its carry is a key/value cache."""

    config: TransformerConfig
    vocabulary_size: int
    dtype: DTypeLike = jnp.float32

    def setup(self) -> None:
        """Declares the layers."""
        config = self.config
        self.embed = NGramEmbed(
            self.vocabulary_size,
            config.width,
            max_order=config.ngram_order,
            buckets=config.ngram_buckets,
            dropout=config.ngram_dropout,
            dtype=self.dtype,
            embedding_init=_INIT,
        )
        if config.positions == "learned":
            self.position_embedding = self.param("position_embedding", _INIT, (config.context, config.width))
        self.drop = Dropout(config.dropout)
        self.blocks = [Block(config, self.dtype) for _ in range(config.layers)]
        self.norm = make_norm(config, self.dtype)
        if not config.tied_embeddings:
            self.head = Dense(self.vocabulary_size, config.use_bias, self.dtype, _INIT)

    @property
    def max_length(self) -> int:
        """Most tokens the model reads in one sequence."""
        return self.config.context

    def __call__(self, tokens: Int[Array, "b t"], *, train: bool = False) -> Float[Array, "b t v"]:
        """Logits of each next token; raises UserError where the sequence is longer than the context."""
        self._check_length(tokens.shape[1])
        x, _ = self.embed(tokens, train=train)
        x = self.drop(self._add_positions(x, 0), deterministic=not train)
        for block in self.blocks:
            x, _ = block(x, BlockCarry(), train=train)
        return self._logits(x)

    def init_carry(self, batch: int, length: int) -> TransformerCarry:
        """An empty cache of `length` slots; raises UserError where that is more than the context."""
        self._check_length(length)
        config = self.config
        blocks = []
        for _ in range(config.layers):
            cache = KeyValueCache.empty(batch, length, config.heads, config.head_width, self.dtype)
            mix = None
            if config.causal_mix:
                mix = empty_inputs(batch, config.causal_mix, config.width, self.dtype)
            blocks.append(BlockCarry(cache, mix))
        history = empty_history(batch, config.ngram_order, self.vocabulary_size)
        return TransformerCarry(jnp.zeros((), jnp.int32), history, tuple(blocks))

    def grow_carry(self, carry: TransformerCarry, length: int) -> TransformerCarry:
        """The same carry with `length` slots; raises UserError where that is more than the context."""
        self._check_length(length)
        blocks = [BlockCarry(cache and cache.grow(length), mix) for cache, mix in carry.blocks]
        return carry._replace(blocks=tuple(blocks))

    def prefill(
        self, carry: TransformerCarry, tokens: Int[Array, "b t"]
    ) -> tuple[TransformerCarry, Float[Array, "b t v"]]:
        """Reads tokens after those that the carry holds, which must have room for them."""
        x, history = self.embed(tokens, carry.history)
        x = self._add_positions(x, carry.position)
        blocks = []
        for block, before in zip(self.blocks, carry.blocks, strict=True):
            x, after = block(x, before, carry.position)
            blocks.append(after)
        position = carry.position + tokens.shape[1]
        return TransformerCarry(position, history, tuple(blocks)), self._logits(x)

    def step(
        self, carry: TransformerCarry, token: Int[Array, " b"]
    ) -> tuple[TransformerCarry, Float[Array, "b v"]]:
        """Reads one token."""
        carry, logits = self.prefill(carry, token[:, None])
        return carry, logits[:, 0]

    def _add_positions(self, x: Float[Array, "b t w"], position: Position) -> Float[Array, "b t w"]:
        t, width = x.shape[1:]
        match self.config.positions:
            case "learned":
                table = jax.lax.dynamic_slice_in_dim(self.position_embedding, position, t)
            case "sinusoidal":
                # Vaswani et al. (2017), section 3.4, scale the embedding up to the sinusoids' size.
                x = x * math.sqrt(width)
                table = sinusoidal_positions(position + jnp.arange(t), width)
            case _:
                return x
        return x + jnp.broadcast_to(table.astype(x.dtype), x.shape)

    def _logits(self, x: Float[Array, "b t w"]) -> Float[Array, "b t v"]:
        x = self.norm(x)
        if not self.config.tied_embeddings:
            return self.head(x)
        return matmul(x, self.embed.unigram.embedding.astype(self.dtype).T)

    def _check_length(self, length: int) -> None:
        if length > self.config.context:
            raise UserError(
                f"a sequence of {length} tokens exceeds model.context {self.config.context}: "
                "use shorter windows, or train with a larger model.context"
            )


def make_norm(config: TransformerConfig, dtype: DTypeLike, name: str | None = None) -> nn.Module:
    """The normalisation that the configuration asks for."""
    if config.norm == "rms":
        return nn.RMSNorm(epsilon=1e-5, dtype=dtype, name=name)
    return nn.LayerNorm(epsilon=1e-5, dtype=dtype, use_bias=config.use_bias, name=name)


def activate(kind: Literal["gelu", "relu", "squared_relu"], x: Float[Array, "*n"]) -> Float[Array, "*n"]:
    """The perceptron's nonlinearity."""
    match kind:
        case "gelu":
            return jax.nn.gelu(x, approximate=False)
        case "relu":
            return jax.nn.relu(x)
        case "squared_relu":
            return jnp.square(jax.nn.relu(x))


_INIT = nn.initializers.normal(0.02)
