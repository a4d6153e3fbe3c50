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


def read_strip(path: Path, spec: ArithmeticSpec) -> Float[np.ndarray, "s h w 1"]:
    """A query in handwriting, a row of square frames of any height, as a model reads it.

    Ink on a dark ground stays as it is; a strip that is mostly light is turned to its negative. Blank frames
    are added where a query may be longer.

    Raises:
        UserError: the file is missing or no picture, or is not so many square frames beside each other.
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
    values = picture[..., 0].astype(np.float32) / 255
    if values.mean() > 0.5:
        values = 1 - values
    strip = values.reshape(side, frames, side).swapaxes(0, 1)[..., None]
    return np.concatenate([strip, np.zeros((spec.query_length - frames, side, side, 1), np.float32)])


def write_strip(strip: Float[np.ndarray, "s h w 1"], path: Path) -> None:
    """Writes a strip as a PNG file, its frames side by side.

    Raises:
        UserError: Pillow is not installed.
        WorkFailed: the file cannot be written.
    """
    try:
        from PIL import Image
    except ImportError:
        raise UserError('pictures need Pillow; install it by `pip install "rgnn-jax[images]"`') from None
    pixels = np.rint(255 * strip[..., 0].swapaxes(0, 1).reshape(strip.shape[1], -1)).astype(np.uint8)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path, "png")
    except OSError as error:
        raise WorkFailed(f"{path}: cannot be written ({error.strerror})") from None
