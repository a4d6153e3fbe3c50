"""How a loss falls."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Real
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from rgnn_jax.figures.style import MUTED, PAPER, RULE, WIDTH, Figure, colour, styled, tick
from rgnn_jax.typography import Number


class Series(NamedTuple):
    """Values `y` measured at `x`."""

    x: Real[np.ndarray, " n"]
    y: Real[np.ndarray, " n"]


@dataclass(frozen=True)
class Curve:
    """The loss of one run: on the training data, and on held-out data where it was measured."""

    training: Series
    held_out: Series | None = None

    @property
    def main(self) -> Series:
        """The series that counts: held-out where there is one."""
        return self.held_out or self.training


@styled
def learning_curves(
    curves: Mapping[str, Curve],
    *,
    x_label: str = "step",
    y_label: str = "loss (nats a character)",
    log_x: bool = False,
    milestones: Sequence[Number] = (),
    references: Mapping[str, Number] | None = None,
    panels: bool = False,
) -> Figure:
    """Loss against steps or epochs, each run named where its line ends.

    Args:
        curves: the runs by name; the light line is training, the heavy one held-out.
        log_x: logarithmic steps, so that early and late learning are both seen.
        milestones: steps at which every run is marked.
        references: losses drawn as horizontal lines, by name, such as that of the symbols' frequencies.
        panels: one small panel a run on common scales, the other runs in grey behind it.
    """
    names = list(curves)
    figure = Figure(figsize=(WIDTH, 2.2 if panels else 3.4))
    grid = figure.subplots(1, len(names) if panels else 1, sharex=True, sharey=True, squeeze=False)[0]
    for panel, axes in enumerate(grid):
        shown = [names[panel]] if panels else names
        _set_axes(axes, x_label, log_x, milestones)
        for name in names:
            if name in shown:
                _draw(axes, curves[name], colour(names.index(name)), milestones)
            else:
                axes.plot(*curves[name].main, color=RULE, linewidth=1.0, zorder=1.5)
        for name, loss in (references or {}).items():
            axes.axhline(loss, color=MUTED, linewidth=0.7, linestyle=(0, (4, 3)))
            if panel == 0:
                place = axes.get_yaxis_transform()
                axes.text(0.005, loss, name, color=MUTED, fontsize=8, va="bottom", transform=place)
        if panels:
            axes.set_title(shown[0], loc="left", color=colour(panel), fontweight="bold")
    grid[0].set_ylabel(y_label)
    if not panels:
        _name_line_ends(grid[0], curves)
        if any(curve.held_out for curve in curves.values()):
            grid[0].set_xlabel(f"{x_label}   (heavy lines: held-out, light lines: training)")
    return figure


def _set_axes(axes: Axes, x_label: str, log_x: bool, milestones: Sequence[Number]) -> None:
    if log_x:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator())
        axes.xaxis.set_minor_locator(NullLocator())
    else:
        axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.xaxis.set_major_formatter(FuncFormatter(tick))
    for milestone in milestones:
        axes.axvline(milestone, color=RULE, linewidth=0.6, zorder=0)
    axes.grid(axis="y")
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel(x_label)


def _draw(axes: Axes, curve: Curve, shade: str, milestones: Sequence[Number]) -> None:
    if curve.held_out:
        axes.plot(*curve.training, color=shade, linewidth=0.8, alpha=0.5)
    x, y = curve.main
    axes.plot(x, y, color=shade, linewidth=1.7)
    reached = [milestone for milestone in milestones if len(x) and x[0] <= milestone <= x[-1]]
    if reached:
        marked = np.interp(reached, x, y)
        axes.plot(reached, marked, "o", color=shade, markersize=5, markeredgecolor=PAPER)


def _name_line_ends(axes: Axes, curves: Mapping[str, Curve]) -> None:
    """Writes each run's name to the right of its last loss, moved apart where they would overlap."""
    to_fraction = axes.transData + axes.transAxes.inverted()
    ends = [curve.main.y[np.isfinite(curve.main.y)][-1] for curve in curves.values()]
    heights = to_fraction.transform([(axes.get_xlim()[1], end) for end in ends])[:, 1]
    for index, (name, height) in enumerate(zip(curves, _spread(heights, gap=0.06), strict=True)):
        axes.annotate(
            name, (1, height), (5, 0), "axes fraction", "offset points",
            color=colour(index), fontweight="bold", va="center_baseline",
        )  # fmt: skip


def _spread(positions: Float[np.ndarray, " n"], gap: float) -> Float[np.ndarray, " n"]:
    """The positions in the same order, moved until neighbours are a gap apart and none is below the axis."""
    order = np.argsort(positions, kind="stable")
    spread = positions[order].copy()
    for index in range(1, len(spread)):
        spread[index] = max(spread[index], spread[index - 1] + gap)
    spread -= np.mean(spread - positions[order])
    spread += max(0.0, -spread[0])
    return spread[np.argsort(order)]
