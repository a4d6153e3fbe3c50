"""The look that all figures share, and the two ways out: an `<svg>` for a page, a file."""

import re
import warnings
from io import StringIO
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.colors import LinearSegmentedColormap, to_rgba
from matplotlib.figure import Figure

from rgnn_jax.errors import UserError
from rgnn_jax.typography import Number, number

PAPER, INK, MUTED, RULE = "#ffffff", "#1f2328", "#6a7077", "#dcdedf"

PALETTE = ("#193b98", "#d27c58", "#0a562e", "#ba5da4", "#b98b15", "#22272b")
"""Hues told apart in common colour blindness, for white paper; a dark page has lighter ones of its own."""

SEQUENTIAL = LinearSegmentedColormap.from_list("quiet", ["#f4f1e8", "#9fc0cf", "#3f7fae", "#173b63"], N=64)
SURPRISE = LinearSegmentedColormap.from_list("surprise", [to_rgba("#e0701f", 0), to_rgba("#e0701f", 0.9)])

WIDTH = 6.9
"""Inches: the measure of a page's text."""

_STYLE: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.monospace": ["DejaVu Sans Mono"],
    "font.size": 9,
    "text.color": INK,
    "text.parse_math": False,
    "figure.facecolor": PAPER,
    "figure.constrained_layout.use": True,
    "axes.facecolor": "none",
    "axes.edgecolor": MUTED,
    "axes.labelcolor": MUTED,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.titlesize": 9,
    "grid.color": RULE,
    "grid.linewidth": 0.6,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.major.size": 3,
    "ytick.major.size": 3,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "legend.frameon": False,
    "savefig.dpi": 200,
    "svg.fonttype": "none",
    "svg.hashsalt": "rgnn_jax",
}

styled = rc_context(_STYLE)
"""Decorates what draws or renders: the look is ours inside and the caller's outside."""


def colour(index: int) -> str:
    """The colour of the run or system at this place."""
    return PALETTE[index % len(PALETTE)]


def tick(value: Number, _position: int | None = None) -> str:
    """A tick's value as people write it: 0.5, 10, 2,000."""
    return number(value, 0) if abs(value) >= 10 else f"{value:g}".replace("-", "\u2212")


def to_svg(figure: Figure) -> str:
    """The figure as one `<svg>` element for a page; the same figure always gives the same text.

    Words stay text, to be searched, read aloud and set in the page's typeface. The colours are CSS variables
    that a dark page can turn round: `--paper`, `--ink`, `--muted`, `--rule`, and `--hue-1` to `--hue-6`.
    """
    svg = _render_svg(figure)
    colours = {"paper": PAPER, "ink": INK, "muted": MUTED, "rule": RULE}
    colours |= {f"hue-{place}": hue for place, hue in enumerate(PALETTE, start=1)}
    for name, value in colours.items():
        svg = re.sub(rf"\b(fill|stroke): {value}", rf"\1: var(--{name}, {value})", svg)
    return svg[svg.index("<svg") :]


def save(figure: Figure, path: Path) -> None:
    """Writes the figure as the file's suffix says: .svg, .png or .pdf, on white paper.

    Raises:
        UserError: another suffix.
    """
    match path.suffix:
        case ".svg":
            path.write_text(_render_svg(figure), encoding="utf-8")
        case ".png":
            figure.savefig(path, dpi=_STYLE["savefig.dpi"], metadata={"Software": None})
        case ".pdf":
            figure.savefig(path, metadata={"CreationDate": None})
        case suffix:
            raise UserError(
                f"{path}: a figure is saved as .svg, .png or .pdf, not {suffix or 'without a suffix'}"
            )


@styled
def _render_svg(figure: Figure) -> str:
    buffer = StringIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")  # the reader's fonts draw the words
        figure.savefig(buffer, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    return buffer.getvalue()
