"""Two sequence models small enough to work out by hand: one forgets all but a token, one has a cache."""

import flax.linen as nn
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Int


class Bigram(nn.Module):
    """The next token's logits are the row of the last token in a table; nothing to carry."""

    vocabulary_size: int
    max_length = None

    def setup(self):
        self.table = self.param(
            "table", nn.initializers.normal(1.0), (self.vocabulary_size, self.vocabulary_size)
        )

    def __call__(self, tokens, *, train=False):
        return self.table[tokens]

    def init_carry(self, batch, length):
        return ()

    def grow_carry(self, carry, length):
        return carry

    def prefill(self, carry, tokens):
        return carry, self.table[tokens]

    def step(self, carry, token):
        return carry, self.table[token]


@struct.dataclass
class Cache:
    tokens: Int[Array, "b z"]
    length: Int[Array, ""]


class DecayingSum(nn.Module):
    """Logits are the sum of the table's rows of all tokens in the cache, halved with every token of age."""

    vocabulary_size: int
    max_length: int

    def setup(self):
        self.table = self.param(
            "table", nn.initializers.normal(1.0), (self.vocabulary_size, self.vocabulary_size)
        )

    def __call__(self, tokens, *, train=False):
        return self.prefill(self.init_carry(*tokens.shape), tokens)[1]

    def init_carry(self, batch, length):
        return Cache(jnp.zeros((batch, length), jnp.int32), jnp.int32(0))

    def grow_carry(self, carry, length):
        room = length - carry.tokens.shape[1]
        return carry.replace(tokens=jnp.pad(carry.tokens, ((0, 0), (0, room))))

    def prefill(self, carry, tokens):
        position = carry.length + jnp.arange(tokens.shape[1])
        cache = carry.tokens.at[:, position].set(tokens)
        age = position[:, None] - jnp.arange(cache.shape[1])[None]
        weight = jnp.where(age >= 0, 0.5 ** jnp.maximum(age, 0).astype(jnp.float32), 0)
        logits = jnp.einsum("tz,bzv->btv", weight, self.table[cache])
        return Cache(cache, carry.length + tokens.shape[1]), logits

    def step(self, carry, token):
        carry, logits = self.prefill(carry, token[:, None])
        return carry, logits[:, 0]
