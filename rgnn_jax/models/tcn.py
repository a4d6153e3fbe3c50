"""Temporal convolutional network (Bai, Kolter & Koltun, 2018), made stable."""

from typing import Annotated

import jax.numpy as jnp
import msgspec
from flax import linen as nn
from flax import struct
from jax.typing import DTypeLike
from jaxtyping import Array, Float, Int

from rgnn_jax.errors import UserError
from rgnn_jax.fields import Count, Rate, Variant
from rgnn_jax.nn.causal_conv import CausalConv
from rgnn_jax.nn.dropout import Dropout
from rgnn_jax.nn.embedding import NGramEmbed, empty_history
from rgnn_jax.nn.linear import Dense
from rgnn_jax.nn.ring_buffers import RingLayout

KernelSize = Annotated[int, msgspec.Meta(ge=2, le=2**10)]
Levels = Annotated[int, msgspec.Meta(ge=0, le=20)]


class TCNConfig(Variant, frozen=True, kw_only=True, tag="tcn"):
    """Size and regularisation of a `TCN`.

    Attributes:
        levels: residual blocks, of dilation 1, 2, 4, ...; 0 stands for as many as cover the window.
        channels: width of every convolution.
        kernel_size: taps of every convolution.
        dropout: rate at which whole channels of a sequence are dropped, after every convolution.
        embedding: width of the token embedding.
        ngram_order: longest n-gram that is embedded, up to which n-grams end at each token; 1 for none.
        ngram_buckets: most rows of the table of an order above 1.
        ngram_dropout: rate at which the n-grams of order above 1 are dropped.
    """

    levels: Levels = 6
    channels: Count = 128
    kernel_size: KernelSize = 3
    dropout: Rate = 0.1
    embedding: Count = 128
    ngram_order: Count = 1
    ngram_buckets: Count = 16384
    ngram_dropout: Rate = 0.0

    @property
    def receptive_field(self) -> int:
        """How many of the latest tokens a prediction depends on.

        These are 1 + 2 (kernel_size - 1) (2^levels - 1), and those by which an n-gram reaches further back.
        """
        return receptive_field(self.levels, self.kernel_size) + self.ngram_order - 1

    def covering(self, window: int) -> "TCNConfig":
        """The same settings, with the levels resolved that 0 stands for."""
        if self.levels:
            return self
        return msgspec.structs.replace(self, levels=levels_to_cover(window, self.kernel_size))


def receptive_field(levels: int, kernel_size: int) -> int:
    """Steps that the last output of `levels` blocks sees: two convolutions a block, dilations 1, 2, 4, ..."""
    return 1 + 2 * (kernel_size - 1) * (2**levels - 1)


def levels_to_cover(window: int, kernel_size: int) -> int:
    """The fewest levels, at least one, whose receptive field covers a window of this many tokens."""
    levels = 1
    while receptive_field(levels, kernel_size) < window:
        levels += 1
    return levels


@struct.dataclass
class TCNCarry:
    """What a TCN remembers of the tokens that it has read.

    Attributes:
        position: tokens read since the rings were last in order.
        memory: the latest inputs of every convolution, as `RingLayout` lays them out.
        history: the latest tokens, as far as n-grams need them.
    """

    position: Int[Array, ""]
    memory: Float[Array, "b m d"]
    history: Int[Array, "b n"]


class ResidualBlock(nn.Module):
    """relu(x + F(x)), F twice: dilated causal convolution, weight norm, ReLU, dropout (Bai et al., figure 1).

    Where widths differ, x passes a 1x1 convolution. `gain` is the initial norm of the second convolution's
    kernels, and so the size of F(x) beside x.
    """

    in_features: int
    features: int
    kernel_size: int
    dilation: int
    gain: float
    dropout: float
    dtype: DTypeLike = jnp.float32

    def setup(self) -> None:
        """Declares the layers."""
        taps = (self.kernel_size, self.dilation)
        self.conv1 = CausalConv(self.in_features, self.features, *taps, dtype=self.dtype)
        self.conv2 = CausalConv(self.features, self.features, *taps, self.gain, self.dtype)
        self.drop = Dropout(self.dropout, broadcast_dims=(1,))
        if self.in_features != self.features:
            self.project = Dense(self.features, dtype=self.dtype)

    @property
    def convolutions(self) -> tuple[CausalConv, CausalConv]:
        """Both, in order."""
        return self.conv1, self.conv2

    def shortcut(self, x: Float[Array, "*n d"]) -> Float[Array, "*n f"]:
        """The input, in the output's width."""
        return x if self.in_features == self.features else self.project(x)

    def __call__(
        self, x: Float[Array, "b t d"], histories: list[Array] | list[None], *, train: bool = False
    ) -> tuple[Float[Array, "b t f"], list[Array]]:
        """Maps a sequence that follows `histories`, the latest inputs of each convolution, or None for none.

        Returns:
            The output, and the input of each convolution.
        """
        h, inputs = x, []
        for conv, history in zip(self.convolutions, histories, strict=True):
            inputs.append(h)
            h = self.drop(nn.relu(conv(h, history)), deterministic=not train)
        return nn.relu(self.shortcut(x) + h), inputs

    def step(self, x: Float[Array, "b d"], pasts: list[Array]) -> tuple[Float[Array, "b f"], list[Array]]:
        """Maps one step; `pasts` are what the earlier taps of both convolutions see."""
        h, inputs = x, []
        for conv, past in zip(self.convolutions, pasts, strict=True):
            inputs.append(h)
            h = nn.relu(conv.step(h, past))
        return nn.relu(self.shortcut(x) + h), inputs


class TCN(nn.Module):
    """A language model of dilated causal convolutions (Bai, Kolter & Koltun, 2018), a `SequenceModel`.

    A token's logits depend on the latest `config.receptive_field` tokens. Carries do not grow.

    What keeps training stable: a branch F(x) is positive after its ReLU, so with He's initialisation the
    sum x + F(x) would about double at each level. Here F(x) starts at 1/levels of that, which bounds the
    growth by (1 + 1/levels)^levels < e at any depth; layer normalisation before the head takes out what
    growth comes later; and under weight normalisation the size of a kernel is one number a channel, which
    a step of Adam changes little.
    """

    config: TCNConfig
    vocabulary_size: int
    dtype: DTypeLike = jnp.float32

    def setup(self) -> None:
        """Declares the layers.

        Raises:
            UserError: where the levels are still to be resolved.
        """
        config = self.config
        if config.levels == 0:
            raise UserError("model.levels is 0: build the model from config.covering(window)")
        self.embed = NGramEmbed(
            self.vocabulary_size,
            config.embedding,
            max_order=config.ngram_order,
            buckets=config.ngram_buckets,
            dropout=config.ngram_dropout,
            dtype=self.dtype,
        )
        self.blocks = [
            ResidualBlock(
                config.embedding if level == 0 else config.channels,
                config.channels,
                config.kernel_size,
                2**level,
                2**0.5 / config.levels,
                config.dropout,
                self.dtype,
            )
            for level in range(config.levels)
        ]
        self.norm = nn.LayerNorm(dtype=self.dtype)
        self.head = Dense(self.vocabulary_size, dtype=self.dtype)

    @property
    def max_length(self) -> None:
        """No limit: the carry does not grow."""
        return None

    def __call__(self, tokens: Int[Array, "b t"], *, train: bool = False) -> Float[Array, "b t v"]:
        """Logits of each next token."""
        h, _ = self.embed(tokens, train=train)
        for block in self.blocks:
            h, _ = block(h, [None, None], train=train)
        return self.head(self.norm(h))

    def init_carry(self, batch: int, length: int) -> TCNCarry:
        """The carry before any token: zeros, which is what the convolutions are padded with."""
        del length
        return TCNCarry(
            position=jnp.zeros((), jnp.int32),
            memory=jnp.zeros((batch, self._rings.size, self._width), self.dtype),
            history=empty_history(batch, self.config.ngram_order, self.vocabulary_size),
        )

    def grow_carry(self, carry: TCNCarry, length: int) -> TCNCarry:
        """The same carry."""
        del length
        return carry

    def prefill(self, carry: TCNCarry, tokens: Int[Array, "b t"]) -> tuple[TCNCarry, Float[Array, "b t v"]]:
        """Reads tokens in parallel; the new carry's rings begin with their oldest slot."""
        h, history = self.embed(tokens, carry.history)
        ordered = carry.memory[:, self._rings.by_age(carry.position)]
        memories = iter(jnp.split(ordered, self._rings.ends[:-1], axis=1))
        latest = []
        for block in self.blocks:
            pair = [next(memories), next(memories)]
            pasts = [
                past[..., : conv.in_features] for past, conv in zip(pair, block.convolutions, strict=True)
            ]
            h, inputs = block(h, pasts)
            for past, new in zip(pair, inputs, strict=True):
                latest.append(jnp.concatenate([past, self._fit(new)], axis=1)[:, -past.shape[1] :])
        memory = jnp.concatenate(latest, axis=1)
        return TCNCarry(jnp.zeros_like(carry.position), memory, history), self.head(self.norm(h))

    def step(self, carry: TCNCarry, token: Int[Array, " b"]) -> tuple[TCNCarry, Float[Array, "b v"]]:
        """Reads one token."""
        embedded, history = self.embed(token[:, None], carry.history)
        h = embedded[:, 0]
        slots = self._rings.past(carry.position)
        pasts = carry.memory[:, slots]
        latest = []
        for level, block in enumerate(self.blocks):
            pair = [
                pasts[:, 2 * level + i, :, : conv.in_features] for i, conv in enumerate(block.convolutions)
            ]
            h, inputs = block.step(h, pair)
            latest += [self._fit(new) for new in inputs]
        memory = carry.memory.at[:, slots[:, 0]].set(jnp.stack(latest, axis=1))
        return TCNCarry(carry.position + 1, memory, history), self.head(self.norm(h))

    @property
    def _rings(self) -> RingLayout:
        dilations = [2**level for level in range(self.config.levels) for _ in range(2)]
        return RingLayout(tuple(dilations), self.config.kernel_size)

    @property
    def _width(self) -> int:
        return max(self.config.embedding, self.config.channels)

    def _fit(self, x: Float[Array, "*n d"]) -> Float[Array, "*n w"]:
        """Inputs as the memory holds them: as wide as the widest."""
        missing = self._width - x.shape[-1]
        return jnp.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, missing)]).astype(self.dtype)
