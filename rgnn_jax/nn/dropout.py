"""Dropout with a mask that costs a few integer operations an element."""

from math import prod

import jax
import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float, PRNGKeyArray, UInt32


def hash_bits(key: PRNGKeyArray, shape: tuple[int, ...]) -> UInt32[Array, "..."]:
    """Random words from a keyed hash of each element's index (lowbias32, Wellons, 2018).

    A mask needs no cryptographic generator: this is eight times cheaper than `jax.random.bits` on CPU, and
    it fuses with its use, so that the backward pass makes the mask again instead of loading it.
    """
    offset, whitening = jax.random.bits(key, (2,), jnp.uint32)
    x = jax.lax.iota(jnp.uint32, prod(shape)) + offset
    x = (x ^ (x >> 16)) * jnp.uint32(0x7FEB352D) ^ whitening
    x = (x ^ (x >> 15)) * jnp.uint32(0x846CA68B)
    return (x ^ (x >> 16)).reshape(shape)


def keep_mask(key: PRNGKeyArray, rate: float, shape: tuple[int, ...]) -> Float[Array, "..."]:
    """The factors of dropout: 0 with probability `rate`, else `1 / (1 - rate)`."""
    return jnp.where(hash_bits(key, shape) < jnp.uint32(int(rate * 2**32)), 0.0, 1.0 / (1.0 - rate))


class Dropout(nn.Module):
    """Zeroes elements at random and scales the others so that the mean stays (Srivastava et al., 2014).

    Elements along `broadcast_dims` share their fate. Draws from the "dropout" stream.
    """

    rate: float
    broadcast_dims: tuple[int, ...] = ()

    @nn.compact
    def __call__(self, x: Float[Array, "*n"], *, deterministic: bool) -> Float[Array, "*n"]:
        """The input where `deterministic` or where the rate is 0, else the input under a fresh mask."""
        if deterministic or self.rate == 0:
            return x
        shape = list(x.shape)
        for axis in self.broadcast_dims:
            shape[axis] = 1
        mask = keep_mask(self.make_rng("dropout"), self.rate, tuple(shape))
        return x * jnp.broadcast_to(mask, x.shape).astype(x.dtype)
