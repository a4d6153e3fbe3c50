"""Strips of handwriting as picture files: read for a model, and written for a person."""

from pathlib import Path

import numpy as np
from jaxtyping import Float

from rgnn_jax.datasets.arithmetic_spec import ArithmeticSpec
from rgnn_jax.datasets.image_files import image_sides, read_image
from rgnn_jax.datasets.image_spec import ImageSpec
from rgnn_jax.errors import UserError, WorkFailed

_UNEVEN = 0.05
"""How far a strip may be from whole frames, in heights."""

_BLANK = 0.3
"""Of the strongest ink in a strip, what a frame must reach that is not blank."""


def read_strip(path: Path, spec: ArithmeticSpec) -> Float[np.ndarray, "s h w 1"]:
    """A query in handwriting, a row of square frames of any height, as a model reads it.

    Paper of any shade becomes 0 and the strongest ink 1, whichever of them is darker. Blank frames are added
    where a query may be longer, and moved to its end where it is written without gaps.

    Raises:
        UserError: the file is missing, no picture or without ink, or is not so many square frames beside each
            other.
    """
    height, width = image_sides(path)
    frames = round(width / height)
    least = spec.query_length if spec.layout == "aligned" else 3
    if abs(width - frames * height) > _UNEVEN * height or not least <= frames <= spec.query_length:
        many = f"{least} to {spec.query_length}" if least < spec.query_length else f"{least}"
        raise UserError(
            f"{path}: is {width}x{height} pixels; the run reads a strip of {many} square frames side by "
            f"side, such as {height * spec.query_length}x{height}"
        )
    side = spec.side
    picture = read_image(path, ImageSpec(height=side, width=frames * side, channels=1))
    strip = (
        _ink(picture[..., 0].astype(np.float32), path).reshape(side, frames, side).swapaxes(0, 1)[..., None]
    )
    if spec.layout == "packed":
        strip = strip[np.argsort(strip.max(axis=(1, 2, 3)) < _BLANK, kind="stable")]
    return np.concatenate([strip, np.zeros((spec.query_length - frames, side, side, 1), np.float32)])


def _ink(values: Float[np.ndarray, "h w"], path: Path) -> Float[np.ndarray, "h w"]:
    """How much ink each pixel has; most have none."""
    paper = np.median(values)
    darker, lighter = paper - values.min(), values.max() - paper
    if not max(darker, lighter):
        raise UserError(f"{path}: is empty, all its pixels are alike; give a picture with ink on it")
    ink = paper - values if darker > lighter else values - paper
    return np.clip(ink / max(darker, lighter), 0, 1)


def write_strip(strip: Float[np.ndarray, "s h w 1"], path: Path) -> None:
    """Writes a strip as a PNG file, its frames side by side.

    Raises:
        UserError: Pillow is not installed, or a file stands where the directory would be.
        WorkFailed: the file cannot be written.
    """
    try:
        from PIL import Image
    except ImportError:
        raise UserError('pictures need Pillow; install it by `pip install "rgnn-jax[images]"`') from None
    pixels = np.rint(255 * strip[..., 0].swapaxes(0, 1).reshape(strip.shape[1], -1)).astype(np.uint8)
    if path.parent.exists() and not path.parent.is_dir():
        raise UserError(f"{path.parent}: is a file; name a directory")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path, "png")
    except OSError as error:
        raise WorkFailed(f"{path}: cannot be written ({error.strerror})") from None
