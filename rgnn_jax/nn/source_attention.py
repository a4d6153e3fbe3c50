"""Multi-head attention from one sequence to another, whose keys and values are computed once."""

from typing import NamedTuple

import jax.numpy as jnp
from flax import linen as nn
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from rgnn_jax.nn.attention import attend
from rgnn_jax.nn.linear import Dense


class SourceMemory(NamedTuple):
    """Keys and values of a source that has been read.

    Attributes:
        keys: [b s h d].
        values: [b s h d].
    """

    keys: Float[Array, "b s h d"]
    values: Float[Array, "b s h d"]

    @classmethod
    def empty(
        cls, batch: int, length: int, heads: int, features: int, dtype: DTypeLike = jnp.float32
    ) -> "SourceMemory":
        """Zeros, of which attention makes zeros."""
        shape = (batch, length, heads, features)
        # Two arrays, not one twice: a donated carry may name a buffer only once.
        return cls(jnp.zeros(shape, dtype), jnp.zeros(shape, dtype))


class SourceAttention(nn.Module):
    """Attention of each target position to all source positions (Vaswani et al., 2017, section 3.2.3).

    Applied with a mutable collection "attention", it leaves there the weights of every head [b h t s].

    Attributes:
        heads: number of heads; they share the width evenly.
        width: features of the result.
        qk_norm: whether each head's queries and keys are normalised first (Henry et al., 2020).
        use_bias: whether the projections have biases.
        dtype: the type of the computation.
        kernel_init: initialiser of the projections to queries, keys and values.
        out_init: initialiser of the projection back.
    """

    heads: int
    width: int
    qk_norm: bool = False
    use_bias: bool = True
    dtype: DTypeLike = jnp.float32
    kernel_init: nn.initializers.Initializer = nn.initializers.lecun_normal()
    out_init: nn.initializers.Initializer = nn.initializers.lecun_normal()

    def setup(self) -> None:
        """Declares the projections."""
        self.query = Dense(self.width, self.use_bias, self.dtype, self.kernel_init)
        self.key_value = Dense(2 * self.width, self.use_bias, self.dtype, self.kernel_init)
        self.out = Dense(self.width, self.use_bias, self.dtype, self.out_init)
        if self.qk_norm:
            self.query_norm = nn.RMSNorm(dtype=self.dtype)
            self.key_norm = nn.RMSNorm(dtype=self.dtype)

    def remember(self, encoded: Float[Array, "b s e"]) -> SourceMemory:
        """Keys and values of a source's features."""
        b, s, _ = encoded.shape
        heads = self.key_value(encoded).reshape(b, s, 2, self.heads, self.width // self.heads)
        keys, values = jnp.unstack(heads, axis=2)
        return SourceMemory(self.key_norm(keys) if self.qk_norm else keys, values)

    def __call__(self, x: Float[Array, "b t w"], memory: SourceMemory) -> Float[Array, "b t w"]:
        """What each position of `x` finds in the source."""
        b, t, _ = x.shape
        query = self.query(x).reshape(b, t, self.heads, self.width // self.heads)
        if self.qk_norm:
            query = self.query_norm(query)
        if self.is_mutable_collection("attention") and not self.is_initializing():
            scores = jnp.einsum("bthd,bshd->bhts", query, memory.keys) / query.shape[-1] ** 0.5
            self.sow("attention", "weights", nn.softmax(scores.astype(jnp.float32)))
        visible = jnp.ones((t, memory.keys.shape[1]), bool)
        return self.out(attend(query, memory.keys, memory.values, visible).reshape(b, t, self.width))
