"""What a sequence model makes of a text."""

import re
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Real
from matplotlib.collections import PolyCollection
from matplotlib.colors import Normalize

from rgnn_jax.figures.style import INK, MUTED, SURPRISE, WIDTH, Figure, styled
from rgnn_jax.typography import Number, printable


@styled
def token_probabilities(
    text: str, log_probs: Real[np.ndarray, " t"], *, width: int = 64, ceiling: Number = 8.0
) -> Figure:
    """The text, each character shaded by its surprise -log2 p: what the model did not expect stands out.

    Args:
        text: t characters; a newline is shown as a pilcrow and ends its line.
        log_probs: natural log-probability of each character; NaN leaves it unshaded.
        width: characters a line, at least 32.
        ceiling: bits at which the shade is full.
    """
    if len(text) != len(log_probs):
        raise ValueError(f"{len(text)} characters but {len(log_probs)} log-probabilities")
    cells = _layout(text, width)
    rows = cells[-1][1] + 1 if cells else 1
    figure = Figure(figsize=(WIDTH, 0.24 * (rows + 1.7)))
    axes = figure.subplots()
    axes.set(xlim=(0, width), ylim=(rows + 1.7, 0))
    axes.set_axis_off()
    norm = Normalize(0, ceiling, clip=True)
    axes.add_collection(_shaded(cells, -np.asarray(log_probs, dtype=float) / np.log(2), norm))
    for (column, row), character in zip(cells, text, strict=True):
        if character != " ":
            axes.text(
                column + 0.5, row + 0.52, printable(character), ha="center", va="center_baseline",
                color=MUTED if character == "\n" else INK, family="monospace", fontsize=min(11, 704 / width),
            )  # fmt: skip

    scale = np.linspace(0, ceiling, 5)
    places = [(4 * index, rows + 0.7) for index in range(5)]
    axes.add_collection(_shaded(places, scale, norm, breadth=4))
    for (left, top), bits in zip(places, scale, strict=True):
        axes.text(left + 2, top + 0.52, f"{bits:g}", color=INK, ha="center", va="center_baseline", fontsize=8)
    axes.text(21, rows + 1.22, "bits of surprise", color=MUTED, va="center_baseline", fontsize=8)
    return figure


def _layout(text: str, width: int) -> list[tuple[int, int]]:
    """Column and row of each character; a word that does not fit its line begins the next."""
    cells, column, row = [], 0, 0
    for word in re.findall(rf"\S{{1,{width}}}|\s", text):
        if column + len(word) > width:
            column, row = 0, row + 1
        cells += [(column + place, row) for place in range(len(word))]
        column, row = (0, row + 1) if word == "\n" else (column + len(word), row)
    return cells


def _shaded(
    corners: Sequence[tuple[Number, Number]],
    bits: Float[np.ndarray, " n"],
    norm: Normalize,
    breadth: Number = 1,
) -> PolyCollection:
    boxes = [
        [(x, y + 0.06), (x + breadth, y + 0.06), (x + breadth, y + 0.94), (x, y + 0.94)] for x, y in corners
    ]
    return PolyCollection(boxes, array=np.ma.masked_invalid(bits), cmap=SURPRISE, norm=norm, linewidth=0)
