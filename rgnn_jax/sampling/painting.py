"""Answers in handwriting: symbols painted by a model, in styles that are drawn at random or held."""

import dataclasses
import functools
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from rgnn_jax.contracts import Params
from rgnn_jax.datasets.arithmetic_spec import BLANK


@dataclasses.dataclass(frozen=True, eq=False)
class Painted:
    """Strips of given symbols, painted when rows of them are asked for and always the same.

    Attributes:
        model: a `Seq2Seq` that paints.
        params: its parameters.
        symbols: what is painted; a blank is all paper.
        seed: of the styles; with it, row i does not depend on which others are asked for.
        held: whether one style is held for all symbols of a row.
    """

    model: nn.Module
    params: Params
    symbols: Int[np.ndarray, "n t"]
    seed: int = 0
    held: bool = True

    def __len__(self) -> int:
        return len(self.symbols)

    def __getitem__(self, rows: Int[np.ndarray, " c"]) -> Float[Array, "c t h w 1"]:
        symbols = jnp.asarray(self.symbols[rows], jnp.int32)
        numbers = jnp.asarray(rows, jnp.uint32)
        return _paint_rows(self.model, self.params, symbols, numbers, np.uint32(self.seed), self.held)


@functools.partial(jax.jit, static_argnames=("model", "held"))
def _paint_rows(
    model: Any,
    params: Params,
    symbols: Int[Array, "c t"],
    rows: Array,
    seed: Array,
    held: bool,
) -> Float[Array, "c t h w 1"]:
    c, t = symbols.shape
    keys = jax.vmap(jax.random.fold_in, (None, 0))(jax.random.key(seed), rows)
    draws = (1 if held else t, model.config.style_dim)
    styles = model.config.style_spread * jax.vmap(lambda key: jax.random.normal(key, draws))(keys)
    flat = jnp.broadcast_to(styles, (c, t, draws[1])).reshape(c * t, draws[1])
    painted = model.apply({"params": params}, symbols.reshape(-1), flat, method="paint")
    pictures = jnp.asarray(painted, jnp.float32).reshape(c, t, *painted.shape[1:])
    return jnp.where((symbols != BLANK)[..., None, None, None], pictures, 0.0)
