"""Moving pictures: frames in, a GIF file out."""

from io import BytesIO

import numpy as np
from jaxtyping import UInt8

from rgnn_jax.errors import UserError
from rgnn_jax.figures.images import in_rows, picture_grid, to_pixels

FRAMES = 24
"""Of a moving picture, from one end to the other."""

_MILLISECONDS = 120


def film(pictures: UInt8[np.ndarray, "n t h w c"], columns: int, *, title: str, note: str = "") -> bytes:
    """Pictures that change side by side, as a GIF.

    Args:
        pictures: n pictures at t times.
        columns: pictures a row.
        title: above every frame.
        note: under the title.
    """
    frames = [
        to_pixels(picture_grid(in_rows(moment, columns), title=title, note=note))
        for moment in pictures.swapaxes(0, 1)
    ]
    return to_gif(np.stack(frames))


def to_gif(frames: UInt8[np.ndarray, "t y x 3"]) -> bytes:
    """A GIF that repeats for ever, there and back; its colours are the 256 that suit all frames best.

    Args:
        frames: pictures of equal size, at least one.

    Raises:
        UserError: without pillow.
    """
    try:
        from PIL import Image
    except ImportError:
        raise UserError('a GIF needs pillow: pip install "rgnn-jax[images]"') from None
    # One palette for all frames: a palette a frame makes still parts flicker.
    every = frames[:: max(1, len(frames) // 8)]
    palette = Image.fromarray(every.reshape(-1, *frames.shape[2:])).quantize(256)
    pages = [Image.fromarray(frame).quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    buffer = BytesIO()
    first, *others = [*pages, *pages[-2:0:-1]]
    first.save(
        buffer, format="GIF", save_all=True, append_images=others, duration=_MILLISECONDS, loop=0, disposal=1
    )
    return buffer.getvalue()
