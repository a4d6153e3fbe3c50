"""Pictures in rows and columns: every pixel sharp, thin gaps, words in the house's style."""

from collections.abc import Sequence
from io import BytesIO
from textwrap import wrap
from typing import Any

import numpy as np
from jaxtyping import UInt8
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath

from rgnn_jax.figures.style import INK, MUTED, WIDTH, Figure, styled
from rgnn_jax.typography import Number

DPI = 200
"""Pixels an inch of a saved figure; layouts are whole numbers of pixels, so that none is interpolated."""

_WIDEST = round(1.16 * WIDTH * DPI)
_LARGEST = 176
_GAP = 4
_MARGIN = 16
_LINE = 34
_TITLE_POINTS, _LABEL_POINTS = 9.5, 8.0


@styled
def picture_grid(
    pictures: UInt8[np.ndarray, "r c h w k"],
    *,
    title: str,
    note: str = "",
    rows: Sequence[str] = (),
    columns: Sequence[str] = (),
    group: int = 1,
) -> Figure:
    """Pictures in r rows of c, each enlarged by the same whole number.

    Args:
        pictures: grey (one channel) or colour (three).
        title: what is shown.
        note: a second, quieter line.
        rows: names to the left of the rows; none, or one for each.
        columns: names above the columns; none, or one for each.
        group: rows that belong together, with a wider gap after them: 2 for originals above reconstructions.
    """
    r, c, h, w, _ = pictures.shape
    for names, count, what in ((rows, r, "rows"), (columns, c, "columns")):
        if len(names) not in (0, count):
            raise ValueError(f"{len(names)} names for {count} {what}")
    left = _MARGIN + (round(max(map(_width, rows)) + 14) if rows else 0)
    room = _WIDEST - left - _MARGIN
    scale = max(1, min((room + _GAP) // c - _GAP, _LARGEST) // max(h, w))
    sheet = mosaic(pictures, scale=scale, group=group)
    height, width = sheet.shape[:2]
    total_width = max(left + width + _MARGIN, min(_WIDEST, _MARGIN * 2 + _widest(title, note)))
    heading = [(line, INK, "bold") for line in _wrapped(title, total_width, _TITLE_POINTS, "bold")]
    heading += [(line, MUTED, "normal") for line in _wrapped(note, total_width, _LABEL_POINTS, "normal")]
    top = 12 + _LINE * len(heading) + (_LINE if columns else 6)
    total_height = top + height + _MARGIN
    figure = Figure(figsize=(total_width / DPI, total_height / DPI), dpi=DPI)
    figure.set_layout_engine("none")

    def write(x: Number, y: Number, words: str, **how: Any) -> None:
        figure.text(x / total_width, 1 - y / total_height, words, **{"fontsize": _LABEL_POINTS, **how})

    for line, (words, shade, weight) in enumerate(heading):
        size = _TITLE_POINTS if weight == "bold" else _LABEL_POINTS
        write(_MARGIN, 12 + _LINE * line, words, color=shade, weight=weight, va="top", fontsize=size)
    for column, name in enumerate(columns):
        middle = left + column * (w * scale + _GAP) + w * scale / 2
        write(middle, top - 8, name, color=MUTED, ha="center", va="baseline")
    for row, name in enumerate(rows):
        middle = top + _row_top(row, h * scale, group) + h * scale / 2
        write(left - 14, middle, name, color=INK, ha="right", va="center_baseline")
    place = (
        left / total_width, 1 - (top + height) / total_height, width / total_width, height / total_height,
    )  # fmt: skip
    axes = figure.add_axes(place)
    axes.imshow(sheet, interpolation="none", aspect="auto")
    axes.set_axis_off()
    return figure


def mosaic(
    pictures: UInt8[np.ndarray, "r c h w k"], *, scale: int = 1, group: int = 1
) -> UInt8[np.ndarray, "y x 3"]:
    """Pictures in one, each pixel a square of `scale`, with thin white gaps and wider ones after a group."""
    r, c, h, w, _ = pictures.shape
    height = _row_top(r - 1, h * scale, group) + h * scale
    sheet = np.full((height, c * (w * scale + _GAP) - _GAP, 3), 255, np.uint8)
    large = pictures.repeat(scale, axis=2).repeat(scale, axis=3)
    for row in range(r):
        for column in range(c):
            y, x = _row_top(row, h * scale, group), column * (w * scale + _GAP)
            sheet[y : y + h * scale, x : x + w * scale] = large[row, column]
    return sheet


def in_rows(pictures: UInt8[np.ndarray, "n h w k"], columns: int) -> UInt8[np.ndarray, "r c h w k"]:
    """A list of pictures as rows of equal length, the last one filled with white."""
    columns = min(columns, len(pictures))
    missing = -len(pictures) % columns
    blank = np.full((missing, *pictures.shape[1:]), 255, np.uint8)
    return np.concatenate([pictures, blank]).reshape(-1, columns, *pictures.shape[1:])


def in_pairs(
    before: UInt8[np.ndarray, "n h w k"], after: UInt8[np.ndarray, "n h w k"], columns: int
) -> UInt8[np.ndarray, "r c h w k"]:
    """Rows of pictures, each above the row of what became of them; shown with `group=2`."""
    above, below = in_rows(before, columns), in_rows(after, columns)
    return np.stack([above, below], axis=1).reshape(-1, *above.shape[1:])


def to_png(figure: Figure) -> bytes:
    """The figure as a PNG file, the same bytes each time."""
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=figure.dpi, metadata={"Software": None})
    return buffer.getvalue()


def to_pixels(figure: Figure) -> UInt8[np.ndarray, "y x 3"]:
    """The figure as a picture, a frame of an animation."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def _row_top(row: int, side: int, group: int) -> int:
    return row * (side + _GAP) + (row // group) * (3 * _GAP if group > 1 else 0)


def _width(words: str, points: float = _LABEL_POINTS, weight: str = "normal") -> float:
    """Pixels that the words take."""
    if not words.strip():
        return 0.0
    font = FontProperties(family="DejaVu Sans", weight=weight)
    return TextPath((0, 0), words, size=points * DPI / 72, prop=font, usetex=False).get_extents().width


def _widest(title: str, note: str) -> int:
    return round(max(_width(title, _TITLE_POINTS, "bold"), _width(note)))


def _wrapped(words: str, width: int, points: float, weight: str) -> list[str]:
    """Lines that fit between the margins."""
    if not words:
        return []
    letter = _width(words, points, weight) / len(words)
    return wrap(words, max(12, int((width - 2 * _MARGIN) / max(letter, 1)) + 1))
