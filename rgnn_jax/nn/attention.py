"""Multi-head self-attention, its key/value cache, and the position encodings that go with it."""

from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax.typing import DTypeLike
from jaxtyping import Array, Bool, Float, Int

from rgnn_jax.nn.linear import Dense
from rgnn_jax.nn.platform import cuda_capability

Position = Int[Array, ""] | int


def sinusoidal_positions(positions: Int[Array, " t"], features: int) -> Float[Array, "t d"]:
    """Sines in even features and cosines in odd ones, with wavelengths from 2 pi to 20,000 pi.

    Vaswani et al. (2017), section 3.5.
    """
    angles = _angles(positions, features, 10000.0)
    pairs = jnp.stack([jnp.sin(angles), jnp.cos(angles)], axis=-1)
    return pairs.reshape(positions.shape[0], -1)[:, :features]


def rotate(x: Float[Array, "b t h d"], positions: Int[Array, " t"]) -> Float[Array, "b t h d"]:
    """Turns feature pairs by angles proportional to the position (Su et al., 2021, equation 34).

    Feature i is paired with feature i + d / 2. Products of rotated queries and keys depend on their
    distance alone.
    """
    angles = jnp.expand_dims(_angles(positions, x.shape[-1], 10000.0), (0, 2))
    cos, sin = (jnp.broadcast_to(f(angles), (*x.shape[:-1], angles.shape[-1])) for f in (jnp.cos, jnp.sin))
    first, second = jnp.split(x.astype(jnp.float32), 2, axis=-1)
    rotated = jnp.concatenate([first * cos - second * sin, second * cos + first * sin], axis=-1)
    return rotated.astype(x.dtype)


def _angles(positions: Int[Array, " t"], features: int, base: float) -> Float[Array, "t e"]:
    frequencies = base ** (-jnp.arange(0, features, 2, dtype=jnp.float32) / features)
    return jnp.outer(positions.astype(jnp.float32), frequencies)


def attend(
    query: Float[Array, "b t h d"],
    key: Float[Array, "b s h d"],
    value: Float[Array, "b s h d"],
    visible: Bool[Array, "t s"],
) -> Float[Array, "b t h d"]:
    """Scaled dot-product attention of each query to the keys it may see (Vaswani et al., 2017, equation 1).

    The softmax is taken in float32 whatever the inputs' type.
    """
    scores = jnp.einsum("bthd,bshd->bhts", query, key, preferred_element_type=jnp.float32)
    scores = scores * query.shape[-1] ** -0.5
    mask = jnp.broadcast_to(visible, scores.shape)
    weights = jax.nn.softmax(jnp.where(mask, scores, jnp.finfo(jnp.float32).min), axis=-1)
    return jnp.einsum("bhts,bshd->bthd", weights.astype(value.dtype), value)


def blockwise_attention(
    query: Float[Array, "b t h d"], key: Float[Array, "b t h d"], value: Float[Array, "b t h d"]
) -> Float[Array, "b t h d"]:
    """Causal attention whose queries go in blocks, each with the keys up to its end only.

    This leaves out most of the products that the mask would discard. Sequences of more than 512 steps take
    eight longer blocks, so that the program stays short.
    """
    t = query.shape[1]
    block = max(64, -(-t // 8))
    positions = jnp.arange(t)
    mixed = []
    for start in range(0, t, block):
        end = min(start + block, t)
        visible = positions[None, :end] <= positions[start:end, None]
        mixed.append(attend(query[:, start:end], key[:, :end], value[:, :end], visible))
    return jnp.concatenate(mixed, axis=1) if len(mixed) > 1 else mixed[0]


def causal_attention(
    query: Float[Array, "b t h d"], key: Float[Array, "b t h d"], value: Float[Array, "b t h d"]
) -> Float[Array, "b t h d"]:
    """Attention of every position to itself and to those before it, in the form that suits the platform.

    `blockwise_attention` on CPU, `jax.nn.dot_product_attention` elsewhere, and cuDNN's flash attention where
    `takes_flash_attention`.
    """
    # Not `lax.platform_dependent`: it would trace the cuDNN form on machines without cuDNN, which fails.
    platform = jax.default_backend()
    if platform == "cpu":
        return blockwise_attention(query, key, value)
    flash = platform == "gpu" and takes_flash_attention(query.dtype, query.shape[-1], cuda_capability())
    implementation: Literal["cudnn"] | None = "cudnn" if flash else None
    return jax.nn.dot_product_attention(query, key, value, is_causal=True, implementation=implementation)


def takes_flash_attention(dtype: DTypeLike, features: int, capability: float) -> bool:
    """Whether cuDNN's flash attention takes this type and width of a head on a GPU of this capability."""
    half = jnp.dtype(dtype) in (jnp.bfloat16, jnp.float16)
    return half and features % 8 == 0 and features <= 128 and capability >= 8.0


class KeyValueCache(NamedTuple):
    """Keys and values of the positions read so far, in slots that are filled from the left.

    Attributes:
        keys: [b s h d], rotated already where positions are.
        values: [b s h d].
    """

    keys: Float[Array, "b s h d"]
    values: Float[Array, "b s h d"]

    @classmethod
    def empty(
        cls, batch: int, length: int, heads: int, features: int, dtype: DTypeLike = jnp.float32
    ) -> "KeyValueCache":
        """A cache of `length` slots, none of them filled."""
        shape = (batch, length, heads, features)
        # Two arrays, not one twice: a donated carry may name a buffer only once.
        return cls(keys=jnp.zeros(shape, dtype), values=jnp.zeros(shape, dtype))

    def grow(self, length: int) -> "KeyValueCache":
        """The same cache with `length` slots."""
        more = length - self.keys.shape[1]
        return jax.tree.map(lambda x: jnp.pad(x, ((0, 0), (0, more), (0, 0), (0, 0))), self)

    def write(
        self, keys: Float[Array, "b t h d"], values: Float[Array, "b t h d"], position: Position
    ) -> "KeyValueCache":
        """Fills the slots from `position` on; position + t must not exceed the number of slots."""
        put = jax.lax.dynamic_update_slice_in_dim
        return KeyValueCache(
            keys=put(self.keys, keys.astype(self.keys.dtype), position, axis=1),
            values=put(self.values, values.astype(self.values.dtype), position, axis=1),
        )

    def read(self, query: Float[Array, "b t h d"], position: Position) -> Float[Array, "b t h d"]:
        """Attention of queries at `position`, `position + 1`, ... to the slots up to their own."""
        positions = position + jnp.arange(query.shape[1])
        visible = jnp.arange(self.keys.shape[1])[None] <= positions[:, None]
        return attend(query, self.keys.astype(query.dtype), self.values.astype(query.dtype), visible)


class SelfAttention(nn.Module):
    """Multi-head self-attention in which, unless it is said otherwise, no position sees a later one.

    Attributes:
        heads: number of heads; they share the width evenly.
        rotary: whether queries and keys are turned by their positions (Su et al., 2021).
        qk_norm: whether each head's queries and keys are normalised first (Henry et al., 2020).
        use_bias: whether the projections have biases.
        dtype: the type of the computation.
        kernel_init: initialiser of the joint projection to queries, keys and values.
        out_init: initialiser of the projection back to the residual stream.
        causal: false lets every position see all others, as in an encoder; there is no cache then.
    """

    heads: int
    rotary: bool = False
    qk_norm: bool = False
    use_bias: bool = True
    dtype: DTypeLike = jnp.float32
    kernel_init: nn.initializers.Initializer = nn.initializers.lecun_normal()
    out_init: nn.initializers.Initializer = nn.initializers.lecun_normal()
    causal: bool = True

    @nn.compact
    def __call__(
        self, x: Float[Array, "b t w"], cache: KeyValueCache | None = None, position: Position = 0
    ) -> tuple[Float[Array, "b t w"], KeyValueCache | None]:
        """Attends within `x`, and to what is cached before `position` where there is a cache.

        Returns:
            The mixture, and the cache with the keys and values of `x` written to it.
        """
        b, t, width = x.shape
        qkv = Dense(3 * width, self.use_bias, self.dtype, self.kernel_init, name="qkv")(x)
        query, key, value = jnp.unstack(qkv.reshape(b, t, 3, self.heads, width // self.heads), axis=2)
        if self.qk_norm:
            query = nn.RMSNorm(dtype=self.dtype, name="query_norm")(query)
            key = nn.RMSNorm(dtype=self.dtype, name="key_norm")(key)
        if self.rotary:
            positions = position + jnp.arange(t)
            query, key = rotate(query, positions), rotate(key, positions)
        if not self.causal:
            mixed = attend(query, key, value, jnp.ones((t, t), bool))
        elif cache is None:
            mixed = causal_attention(query, key, value)
        else:
            cache = cache.write(key, value, position)
            mixed = cache.read(query, position)
        out = Dense(width, self.use_bias, self.dtype, self.out_init, name="out")
        return out(mixed.reshape(b, t, width)), cache
