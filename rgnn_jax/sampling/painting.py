"""Answers in handwriting: symbols painted by a model, in styles that are drawn at random or held."""

import dataclasses
import functools
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from rgnn_jax.contracts import Params
from rgnn_jax.datasets.arithmetic_spec import BLANK
from rgnn_jax.losses import cross_entropy

_SURE = 0.003
"""Nats: a symbol is legible where the painter's reader gives it a cross-entropy of at most this (99.7%)."""

_INK = 0.5
"""Ink in [0, 1]: a picture whose darkest pixel has less counts as empty."""


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
    config, (c, t) = model.config, symbols.shape
    k, hands = config.style_draws, 1 if held else t
    keys = jax.vmap(jax.random.fold_in, (None, 0))(jax.random.key(seed), rows)
    draw = jax.vmap(lambda key: jax.random.normal(key, (k, hands, config.style_dim)))
    styles = jnp.broadcast_to(config.style_spread * draw(keys), (c, k, t, config.style_dim))
    wanted = jnp.broadcast_to(symbols[:, None], (c, k, t)).reshape(-1)
    flat = styles.reshape(len(wanted), config.style_dim)
    painted = jnp.asarray(model.apply({"params": params}, wanted, flat, method="paint"), jnp.float32)
    pictures = painted.reshape(c, k, t, *painted.shape[1:])
    if k > 1:
        nll = cross_entropy(model.apply({"params": params}, painted, method="read_painted"), wanted)
        # The reader never saw an empty picture, and takes what is nearly one for a faint sign.
        nll = jnp.where(painted.max(axis=(1, 2, 3)) < _INK, jnp.inf, nll)
        chosen = _first_legible(nll.reshape(c, k, t), symbols != BLANK, held)
        pictures = jnp.take_along_axis(pictures, chosen[:, None, :, None, None, None], axis=1)
    return jnp.where((symbols != BLANK)[..., None, None, None], pictures[:, 0], 0.0)


def _first_legible(nll: Float[Array, "c k t"], shown: Bool[Array, "c t"], held: bool) -> Int[Array, "c t"]:
    """The first draw in which the reader is sure of what is shown, else that in which it is least unsure."""
    doubt = jnp.where(shown[:, None], nll, 0.0)
    if held:
        doubt = jnp.broadcast_to(doubt.max(axis=2, keepdims=True), doubt.shape)
    return jnp.argmin(jnp.maximum(doubt, _SURE), axis=1)
