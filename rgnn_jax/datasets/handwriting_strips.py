"""Queries as strips of handwriting: pictures of digits from a set, and signs drawn by arithmetic."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key, PRNGKeyArray, UInt8

from rgnn_jax.datasets.arithmetic_spec import BLANK, SYMBOLS
from rgnn_jax.datasets.handwriting_signs import draw_signs
from rgnn_jax.datasets.image_distortion import distort
from rgnn_jax.datasets.pictures import Pictures
from rgnn_jax.errors import UserError

_DIGITS = "0123456789"
PLUS = SYMBOLS.index("+")


class DigitTable(NamedTuple):
    """Pictures of digits, and where those of each digit are.

    Attributes:
        images: values of 0 to 255.
        order: indices of the pictures, those of 0 first.
        starts: where each digit begins in `order`.
        counts: how many pictures each digit has.
    """

    images: UInt8[Array | np.ndarray, "n h w"]
    order: Int[Array | np.ndarray, " n"]
    starts: Int[Array | np.ndarray, " k"]
    counts: Int[Array | np.ndarray, " k"]


def make_table(pictures: Pictures, classes: Sequence[str], source: str) -> DigitTable:
    """The table of one split of a set of digits.

    Args:
        pictures: the split, grey and with labels.
        classes: the labels' names.
        source: what to call the set in an error.

    Raises:
        UserError: where the classes are not the ten digits, or a digit has no picture.
    """
    if tuple(classes) != tuple(_DIGITS):
        raise UserError(f"{source}: its classes are not the digits 0 to 9; set data.path to digits or mnist")
    labels = np.asarray(pictures.labels)
    counts = np.bincount(labels, minlength=len(_DIGITS)).astype(np.int32)
    if not counts.all():
        raise UserError(
            f"{source}: a split has no picture of {np.argmin(counts)}; give more pictures of each digit, or "
            "make data.picture_validation_fraction larger"
        )
    order = np.argsort(labels, kind="stable").astype(np.int32)
    starts = (np.cumsum(counts) - counts).astype(np.int32)
    return DigitTable(np.ascontiguousarray(pictures.images[..., 0]), order, starts, counts)


def draw_strips(
    table: DigitTable,
    symbols: Int[Array, "b s"],
    keys: Key[Array, " b"],
    *,
    augment: bool = False,
    noise: float = 0.0,
) -> Float[Array, "b s h w 1"]:
    """Pictures in [0, 1] of symbols: ink is 1, paper 0, a blank is all paper.

    Args:
        table: the digits to choose from; each picture of a digit is as likely as any other.
        symbols: what is to be seen.
        keys: one a strip, on which alone with its symbols a strip depends.
        augment: whether each digit is turned, slanted, scaled, shifted and bent a little.
        noise: most standard deviation of a Gaussian on each pixel, cut off beyond [0, 1]; each picture's is
            uniform up to it.
    """
    on_device = DigitTable(*(jnp.asarray(part) for part in table))
    draw = partial(_draw_strip, augment=augment)
    strips = jax.vmap(draw, (None, 0, 0))(on_device, symbols, keys)
    return jax.vmap(partial(_with_noise, most=noise))(strips, keys) if noise else strips


@dataclass(frozen=True)
class Strips:
    """Strips of given symbols, drawn when rows of them are asked for and always the same.

    Attributes:
        table: the digits to choose from.
        symbols: what is to be seen.
        seed: of the drawing; with it, row i does not depend on which others are asked for.
    """

    table: DigitTable
    symbols: Int[np.ndarray, "n s"]
    seed: int

    def __len__(self) -> int:
        return len(self.symbols)

    def __getitem__(self, rows: Int[np.ndarray, " c"]) -> Float[Array, "c s h w 1"]:
        symbols = jnp.asarray(self.symbols[rows], jnp.int32)
        return _draw_rows(self.table, symbols, jnp.asarray(rows, jnp.uint32), np.uint32(self.seed))


@jax.jit
def _draw_rows(table: DigitTable, symbols: Array, rows: Array, seed: Array) -> Array:
    keys = jax.vmap(jax.random.fold_in, (None, 0))(jax.random.key(seed), rows)
    return draw_strips(table, symbols, keys)


def _draw_strip(
    table: DigitTable, symbols: Int[Array, " s"], key: PRNGKeyArray, augment: bool
) -> Float[Array, "s h w 1"]:
    digit_key, sign_key, warp_key = jax.random.split(key, 3)
    digit = jnp.minimum(symbols, len(_DIGITS) - 1)
    place = jax.random.uniform(digit_key, symbols.shape) * table.counts[digit]
    # A draw that float32 rounds up to the count would name the next digit's first picture.
    place = jnp.minimum(place.astype(jnp.int32), table.counts[digit] - 1)
    chosen = table.order[table.starts[digit] + place]
    if augment:
        drawn = distort(jnp.asarray(table.images), chosen, warp_key)
    else:
        drawn = table.images[chosen].astype(jnp.float32)
    signs = draw_signs(symbols == PLUS, jax.random.split(sign_key, len(symbols)), table.images.shape[1])
    kind = symbols[:, None, None]
    frames = jnp.where(kind < len(_DIGITS), drawn / 255.0, jnp.where(kind == BLANK, 0.0, signs))
    return frames[..., None]


def _with_noise(strip: Float[Array, "s h w 1"], key: PRNGKeyArray, most: float) -> Float[Array, "s h w 1"]:
    # A fourth key beside the three that the drawing is split into.
    amount_key, pixel_key = jax.random.split(jax.random.fold_in(key, 3))
    amount = most * jax.random.uniform(amount_key, (len(strip), 1, 1, 1))
    return jnp.clip(strip + amount * jax.random.normal(pixel_key, strip.shape), 0.0, 1.0)
