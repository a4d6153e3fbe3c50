"""Scores, ratios and matrices."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from jaxtyping import Real
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from rgnn_jax.figures.style import (
    MUTED,
    PALETTE,
    PAPER,
    RULE,
    SEQUENTIAL,
    WIDTH,
    Figure,
    colour,
    styled,
    tick,
)
from rgnn_jax.typography import Number, number, printable

_MASK = {"facecolor": PAPER, "edgecolor": "none", "pad": 1}
"""Paper under a number, so that no line runs through it."""


@styled
def bars(
    values: Mapping[str, Number],
    *,
    label: str,
    reference: tuple[str, Number] | None = None,
    highlight: Collection[str] = (),
    decimals: int = 2,
) -> Figure:
    """One horizontal bar a name, its value at the end, against a reference line.

    Args:
        label: what the values are, with their unit.
        reference: name and value of the line that the bars are read against.
        highlight: names drawn in colour while the others stay grey; all in colour where empty.
    """
    figure = Figure(figsize=(WIDTH, 0.9 + 0.27 * len(values)))
    axes = figure.subplots()
    shades = [PALETTE[0] if name in highlight or not highlight else MUTED for name in values]
    drawn = axes.barh(list(values), list(values.values()), height=0.56, color=shades)
    axes.bar_label(drawn, [number(value, decimals) for value in values.values()], padding=4, bbox=_MASK)
    axes.margins(x=0.1)
    _finish(axes, label, reference)
    return figure


@styled
def comparison(
    values: Mapping[str, Mapping[str, Number]],
    *,
    label: str,
    reference: tuple[str, Number] | None = None,
    log_x: bool = False,
) -> Figure:
    """One row a task and a dot a system, `values[task][system]`, against a reference line.

    Args:
        label: what the values are, with their unit.
        reference: name and value of the line that the dots are read against.
        log_x: logarithmic values, so that a ratio of 1/2 is as far from 1 as a ratio of 2.
    """
    systems = list(dict.fromkeys(system for row in values.values() for system in row))
    figure = Figure(figsize=(WIDTH, 1.2 + 0.3 * len(values)))
    axes = figure.subplots()
    for place, row in enumerate(values.values()):
        axes.plot([min(row.values()), max(row.values())], [place, place], color=RULE, linewidth=2)
    for index, system in enumerate(systems):
        dots = [(row[system], place) for place, row in enumerate(values.values()) if system in row]
        axes.plot(*zip(*dots, strict=True), "o", color=colour(index), markersize=6.5, label=system)
    axes.set_yticks(range(len(values)), list(values))
    axes.set_ylim(-0.6, len(values) - 0.4)
    axes.margins(x=0.06)
    if log_x:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_minor_locator(NullLocator())
    _finish(axes, label, reference)
    figure.legend(loc="outside upper left", ncols=len(systems), handletextpad=0.1, columnspacing=1.4)
    return figure


@styled
def heatmap(
    values: Real[np.ndarray, "r c"],
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    label: str,
    x_label: str = "",
    y_label: str = "",
    decimals: int | None = None,
) -> Figure:
    """A matrix as shades: an attention map, or the table of a sweep.

    Args:
        rows: r names, top to bottom.
        columns: c names, left to right.
        label: what the values are, with their unit.
        decimals: write each value into its cell with this many decimals, instead of a scale beside the map.
    """
    written = decimals is not None
    cell = min(0.62 if written else 0.19, (WIDTH - 1.6) / len(columns))
    figure = Figure(figsize=(1.6 + cell * len(columns), 0.9 + min(cell, 0.34) * len(rows)))
    axes = figure.subplots()
    image = axes.imshow(values, cmap=SEQUENTIAL, interpolation="none", aspect="auto" if written else "equal")
    axes.set_xticks(range(len(columns)), ["".join(map(printable, name)) for name in columns])
    axes.set_yticks(range(len(rows)), ["".join(map(printable, name)) for name in rows])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set(xlabel=x_label, ylabel=y_label)
    if decimals is None:
        figure.colorbar(image, ax=axes, label=label, aspect=30, shrink=0.6).outline.set_visible(False)
        return figure
    axes.set_title(label, loc="left", color=MUTED)
    middle = (np.nanmin(values) + np.nanmax(values)) / 2
    for (row, column), value in np.ndenumerate(values):
        shade = "#fbfbfb" if value > middle else "#20242a"
        axes.text(column, row, number(float(value), decimals), color=shade, ha="center", va="center_baseline")
    return figure


def _finish(axes: Axes, label: str, reference: tuple[str, Number] | None) -> None:
    """First row on top, values along the bottom, and the line they are read against."""
    axes.invert_yaxis()
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_major_formatter(FuncFormatter(tick))
    axes.set_xlabel(label)
    if reference:
        name, value = reference
        axes.axvline(value, color=MUTED, linewidth=0.8, linestyle=(0, (4, 3)), zorder=0.5)
        axes.text(value, 1.03, name, color=MUTED, ha="center", transform=axes.get_xaxis_transform())
