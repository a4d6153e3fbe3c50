"""Scores and matrices."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Real
from matplotlib.ticker import FuncFormatter

from rgnn_jax.figures.style import MUTED, RULE, SEQUENTIAL, WIDTH, Figure, colour, styled, tick
from rgnn_jax.typography import Number, number, printable


@styled
def comparison(values: Mapping[str, Mapping[str, Number]], *, label: str) -> Figure:
    """One row a task, the first on top, and a dot a system, `values[task][system]`.

    Args:
        values: at least one, by task and system.
        label: what the values are, with their unit.
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
    axes.set_ylim(len(values) - 0.4, -0.6)
    axes.margins(x=0.06)
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_major_formatter(FuncFormatter(tick))
    axes.set_xlabel(label)
    figure.legend(loc="outside upper left", ncols=len(systems), handletextpad=0.1, columnspacing=1.4)
    return figure


@styled
def heatmap(
    values: Real[np.ndarray, "r c"],
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    label: str,
    decimals: int,
    x_label: str = "",
    y_label: str = "",
) -> Figure:
    """A matrix as shades with the values written on them: an attention map, or the table of a sweep.

    Args:
        values: the matrix.
        rows: r names, top to bottom.
        columns: c names, left to right.
        label: what the values are, with their unit.
        decimals: that are written of each value.
        x_label: what the columns are.
        y_label: what the rows are.
    """
    cell = min(0.62, (WIDTH - 1.6) / len(columns))
    figure = Figure(figsize=(1.6 + cell * len(columns), 0.9 + min(cell, 0.34) * len(rows)))
    axes = figure.subplots()
    axes.imshow(values, cmap=SEQUENTIAL, interpolation="none", aspect="auto")
    axes.set_xticks(range(len(columns)), ["".join(map(printable, name)) for name in columns])
    axes.set_yticks(range(len(rows)), ["".join(map(printable, name)) for name in rows])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set(xlabel=x_label, ylabel=y_label)
    axes.set_title(label, loc="left", color=MUTED)
    middle = (np.nanmin(values) + np.nanmax(values)) / 2
    for (row, column), value in np.ndenumerate(values):
        shade = "#fbfbfb" if value > middle else "#20242a"
        axes.text(column, row, number(float(value), decimals), color=shade, ha="center", va="center_baseline")
    return figure
