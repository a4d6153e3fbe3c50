"""Moving pictures: frames in, a GIF file out."""

from io import BytesIO

import numpy as np
from jaxtyping import UInt8

from rgnn_jax.errors import UserError


def to_gif(
    frames: UInt8[np.ndarray, "t y x 3"], *, milliseconds: int = 120, back_and_forth: bool = True
) -> bytes:
    """A GIF that repeats for ever; its colours are the 256 that suit all frames best.

    Args:
        frames: pictures of equal size, at least one.
        milliseconds: each is shown; GIF counts in hundredths of a second.
        back_and_forth: play it backwards too, so that it has no jump.

    Raises:
        UserError: without pillow.
    """
    try:
        from PIL import Image
    except ImportError:
        raise UserError('a GIF needs pillow: pip install "rgnn-jax[images]"') from None
    order = list(range(len(frames)))
    if back_and_forth:
        order += order[-2:0:-1]
    # One palette for all frames: a palette a frame makes still parts flicker.
    every = frames[:: max(1, len(frames) // 8)]
    palette = Image.fromarray(every.reshape(-1, *frames.shape[2:])).quantize(256)
    pages = [Image.fromarray(frame).quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    buffer = BytesIO()
    first, *others = (pages[index] for index in order)
    first.save(
        buffer, format="GIF", save_all=True, append_images=others, duration=milliseconds, loop=0, disposal=1
    )
    return buffer.getvalue()
