"""Arrays in, matplotlib `Figure` out: one style, one palette, never pyplot and never a window.

matplotlib is imported at the top, so code that must run without it imports this package late.
"""

from rgnn_jax.errors import UserError

try:
    import matplotlib  # noqa: F401
except ImportError as error:
    raise UserError('figures need matplotlib: pip install "rgnn-jax[report]"') from error

from rgnn_jax.figures.charts import comparison, heatmap
from rgnn_jax.figures.curves import Curve, Series, learning_curves
from rgnn_jax.figures.style import PALETTE, save, to_svg
from rgnn_jax.figures.text import token_probabilities

__all__ = [
    "PALETTE",
    "Curve",
    "Series",
    "comparison",
    "heatmap",
    "learning_curves",
    "save",
    "to_svg",
    "token_probabilities",
]
