"""A page of its own with a map of a latent space, where each point shows its picture under the mouse."""

import base64
import html
import json
import math
from collections.abc import Sequence
from importlib.resources import files
from io import BytesIO
from string import Template

import numpy as np
from jaxtyping import Float, Int, UInt8

from rgnn_jax.errors import UserError
from rgnn_jax.figures.scatter import CLASS_COLOURS

_LOSSLESS_BYTES = 4_000_000


def hover_page(
    points: Float[np.ndarray, "n 2"],
    images: UInt8[np.ndarray, "n h w k"],
    *,
    title: str,
    note: str = "",
    labels: Int[np.ndarray, " n"] | None = None,
    classes: Sequence[str] = (),
) -> str:
    """One HTML file that holds everything it needs and asks no server for anything.

    The pictures lie in one sheet inside the file. Classes can be hidden by a click on their names, and the
    arrow keys walk from point to point.

    Args:
        points: where each picture lies, the second coordinate upwards.
        images: the pictures.
        title: of the page.
        note: a line below it.
        labels: classes that colour the points.
        classes: their names.

    Raises:
        UserError: without pillow.
    """
    numbers = np.zeros(len(points), int) if labels is None else labels
    names = [classes[i] if i < len(classes) else str(i) for i in range(int(numbers.max()) + 1)]
    low, high = points.min(axis=0), points.max(axis=0)
    placed = (points - low) / np.maximum(high - low, 1e-12)
    across = math.ceil(math.sqrt(len(images)))
    data = {
        "points": [[round(float(x), 4), round(1 - float(y), 4)] for x, y in placed],
        "labels": numbers.tolist(),
        "classes": names if labels is not None else [],
        "colours": [CLASS_COLOURS[i % len(CLASS_COLOURS)] for i in range(len(names))],
        "size": [images.shape[2], images.shape[1]],
        "across": across,
        "sheet": _data_url(_sheet(images, across)),
    }
    # "</" would end the script element; JSON may write it with an escape.
    encoded = json.dumps(data, separators=(",", ":")).replace("</", "<\\/").replace("<!", "\\u003c!")
    page = Template(files(__package__).joinpath("hover_page.html").read_text(encoding="utf-8"))
    return page.substitute(title=html.escape(title), note=html.escape(note), data=encoded)


def _sheet(images: np.ndarray, across: int) -> UInt8[np.ndarray, "y x 3"]:
    """All pictures in one, row by row, without gaps."""
    count, height, width, _ = images.shape
    full = np.zeros((math.ceil(count / across) * across, height, width, 3), np.uint8)
    full[:count] = images
    rows = full.reshape(-1, across, height, width, 3)
    return rows.transpose(0, 2, 1, 3, 4).reshape(-1, across * width, 3)


def _data_url(sheet: UInt8[np.ndarray, "y x 3"]) -> str:
    """The sheet inside a URL: as PNG, or as JPEG where that would be large."""
    try:
        from PIL import Image
    except ImportError:
        raise UserError('a page with pictures needs pillow: pip install "rgnn-jax[images]"') from None
    picture, buffer = Image.fromarray(sheet), BytesIO()
    if sheet.nbytes > _LOSSLESS_BYTES and np.ptp(sheet, axis=2).any():
        picture.save(buffer, format="JPEG", quality=88)
        kind = "jpeg"
    else:
        picture.save(buffer, format="PNG", optimize=True)
        kind = "png"
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}"
