"""A map of a latent space: points by class or by value, and the pictures that lie there."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int, Real, UInt8
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patheffects import withStroke

from rgnn_jax.figures.images import DPI
from rgnn_jax.figures.style import INK, MUTED, PALETTE, PAPER, WIDTH, Figure, styled

CLASS_COLOURS = (*PALETTE[:5], "#4fa3c7", "#7f6bd1", "#8fae3c", "#8a4a2f", "#8b9299")
"""Ten hues for points; classes are named at their places too, so that no hue has to be told apart alone."""

VALUES = LinearSegmentedColormap.from_list("values", ["#c0531f", "#d8b9a3", "#a9b6cf", "#193b98"], N=128)
"""For numbers with two sides, such as a turn to the left and to the right; no end fades into the paper."""

_LETTER, _LINE = 0.024, 0.05
"""Width of a letter and height of a line of a class's name, as shares of a panel."""


@styled
def latent_map(
    points: Float[np.ndarray, "n 2"],
    images: UInt8[np.ndarray, "n h w k"],
    *,
    title: str,
    note: str = "",
    labels: Int[np.ndarray, " n"] | None = None,
    classes: Sequence[str] = (),
    values: Real[np.ndarray, " n"] | None = None,
    value_label: str = "",
    axis_labels: tuple[str, str] = ("", ""),
    cells: int = 15,
) -> Figure:
    """Two panels of one projection: the points, and some of the pictures at their places.

    Args:
        points: where each picture lies.
        images: the pictures.
        title: what is shown.
        note: a second, quieter line.
        labels: classes that colour the points.
        classes: their names, written where most of a class lies.
        values: colours the points by a number instead.
        value_label: what the number is, with its unit.
        axis_labels: of the horizontal and the vertical axis.
        cells: pictures that fit beside each other in the right panel.
    """
    layout = ConstrainedLayoutEngine(rect=(0, 0, 1, 0.91 if note else 0.95))
    figure = Figure(figsize=(WIDTH, 4.4 if values is not None else 4.0), dpi=DPI, layout=layout)
    left, right = figure.subplots(1, 2)
    for axes in (left, right):
        _frame(axes, points)
        axes.set(xlabel=axis_labels[0], ylabel=axis_labels[1] if axes is left else "")
    size = float(np.clip(4000 / len(points), 2, 14))
    if values is not None:
        drawn = left.scatter(*points.T, s=size, c=values, cmap=VALUES, linewidths=0)
        bar = figure.colorbar(
            drawn,
            ax=(left, right),
            label=value_label,
            location="bottom",
            aspect=60,
            anchor=(0, 1),
            shrink=0.47,
        )
        bar.outline.set_visible(False)
    else:
        shades = (
            [CLASS_COLOURS[label % len(CLASS_COLOURS)] for label in labels] if labels is not None else None
        )
        left.scatter(*points.T, s=size, c=shades or PALETTE[0], linewidths=0, alpha=0.75)
        if labels is not None:
            _name_classes(left, points, labels, classes)
    _draw_pictures(right, points, images, cells)
    figure.text(0.012, 0.98, title, color=INK, fontsize=9.5, fontweight="bold", va="top")
    figure.text(0.012, 0.935, note, color=MUTED, fontsize=8, va="top")
    return figure


def spread_out(points: Float[np.ndarray, "n 2"], cells: int) -> Int[np.ndarray, " m"]:
    """Indices of the points nearest to the middles of a square grid's occupied cells, one a cell."""
    low, high = points.min(axis=0), points.max(axis=0)
    placed = (points - low) / np.maximum(high - low, 1e-12) * cells
    cell = np.minimum(placed.astype(int), cells - 1)
    away = np.sum((placed - cell - 0.5) ** 2, axis=1)
    order = np.argsort(away, kind="stable")
    _, first = np.unique(cell[order] @ np.array([cells, 1]), return_index=True)
    return np.sort(order[first])


def _frame(axes: Axes, points: np.ndarray) -> None:
    low, high = points.min(axis=0), points.max(axis=0)
    pad = 0.05 * np.maximum(high - low, 1e-6)
    axes.set(xlim=(low[0] - pad[0], high[0] + pad[0]), ylim=(low[1] - pad[1], high[1] + pad[1]))
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    axes.set_box_aspect(1)


def _name_classes(axes: Axes, points: np.ndarray, labels: np.ndarray, classes: Sequence[str]) -> None:
    present = np.unique(labels)
    names = [classes[label] if label < len(classes) else str(label) for label in present]
    low, high = np.array([axes.get_xlim(), axes.get_ylim()]).T
    placed = (points - low) / (high - low)
    middles = np.stack([crowd(placed[labels == label]) for label in present])
    sizes = np.array([(_LETTER * len(name), _LINE) for name in names])
    places = low + moved_apart(middles, sizes) * (high - low)
    for label, name, (x, y) in zip(present, names, places, strict=True):
        axes.text(
            x, y, name, color=CLASS_COLOURS[label % len(CLASS_COLOURS)], fontsize=8.5, fontweight="bold",
            ha="center", va="center", path_effects=[withStroke(linewidth=2.5, foreground=PAPER)],
        )  # fmt: skip


def crowd(points: Float[np.ndarray, "n 2"], *, radius: float = 0.12) -> Float[np.ndarray, " 2"]:
    """The middle of the points around the one that has most others within the radius.

    Of a class in several heaps it lies in the largest, where a mean or median may lie among another class.
    """
    near = np.stack([np.sum((points - point) ** 2, axis=1) < radius**2 for point in points])
    return points[near[near.sum(axis=1).argmax()]].mean(axis=0)


def moved_apart(
    places: Float[np.ndarray, "n 2"], sizes: Float[np.ndarray, "n 2"], *, passes: int = 200
) -> Float[np.ndarray, "n 2"]:
    """Middles of boxes, moved up and down until no two overlap, or nearly so where there is no room."""
    places = np.array(places, np.float64)
    for _ in range(passes):
        across = np.abs(places[:, None, 0] - places[:, 0]) < (sizes[:, None, 0] + sizes[:, 0]) / 2
        apart = places[:, None, 1] - places[:, 1]
        overlap = np.where(across, (sizes[:, None, 1] + sizes[:, 1]) / 2 - np.abs(apart), 0.0)
        np.fill_diagonal(overlap, 0.0)
        if overlap.max() <= 1e-9:
            break
        # Of two boxes at the same height, the first goes up.
        side = np.where(apart == 0, np.sign(np.arange(len(places)) - np.arange(len(places))[:, None]), apart)
        places[:, 1] += (np.maximum(overlap, 0.0) * np.sign(side)).sum(1) / 2
    return places


def _draw_pictures(axes: Axes, points: np.ndarray, images: np.ndarray, cells: int) -> None:
    """One picture a cell, drawn in the middle of its cell."""
    limits = np.array([axes.get_xlim(), axes.get_ylim()])
    low, high = points.min(axis=0), points.max(axis=0)
    side = np.maximum(high - low, 1e-6) / cells
    for index in spread_out(points, cells):
        cell = np.minimum((points[index] - low) // side, cells - 1)
        (left, bottom), (right, top) = low + (cell + 0.03) * side, low + (cell + 0.97) * side
        picture = np.broadcast_to(images[index], (*images.shape[1:3], 3))
        axes.imshow(
            picture, extent=(left, right, bottom, top), interpolation="antialiased", aspect="auto", zorder=2
        )
    axes.set(xlim=limits[0], ylim=limits[1])
