"""Strips of handwriting made harder to read: with noise, or with each picture turned."""

import dataclasses
import functools
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from rgnn_jax.contracts import Rows
from rgnn_jax.datasets.image_distortion import turn

Roughness = Literal["noise", "rotation"]


@dataclasses.dataclass(frozen=True, eq=False)
class Roughened:
    """Rows of strips, each made harder to read in the same way whenever it is asked for.

    Attributes:
        strips: rows of pictures in [0, 1].
        kind: "noise" adds a Gaussian to each pixel and cuts off what leaves [0, 1]; "rotation" turns each
            picture about its middle, to either side at random.
        amount: standard deviation of the noise, or degrees.
        seed: of the noise and of the sides.
    """

    strips: Rows
    kind: Roughness
    amount: float
    seed: int = 0

    def __len__(self) -> int:
        return len(self.strips)

    def __getitem__(self, rows: Int[np.ndarray, " c"]) -> Float[Array, "c s h w 1"]:
        rough = _noisy if self.kind == "noise" else _turned
        numbers = jnp.asarray(rows, jnp.uint32)
        return rough(self.strips[rows], numbers, np.float32(self.amount), np.uint32(self.seed))


def _keys(rows: Array, seed: Array) -> Array:
    return jax.vmap(jax.random.fold_in, (None, 0))(jax.random.key(seed), rows)


@jax.jit
def _noisy(strips: Array, rows: Array, amount: Array, seed: Array) -> Array:
    draw = functools.partial(jax.random.normal, shape=strips.shape[1:])
    return jnp.clip(strips + amount * jax.vmap(draw)(_keys(rows, seed)), 0.0, 1.0)


@jax.jit
def _turned(strips: Array, rows: Array, amount: Array, seed: Array) -> Array:
    c, s, h, w, _ = strips.shape
    sides = jax.vmap(lambda key: jax.random.rademacher(key, (s,), jnp.float32))(_keys(rows, seed))
    angles = (jnp.deg2rad(amount) * sides).reshape(-1)
    return turn(strips.reshape(c * s, h, w), angles).reshape(strips.shape)
