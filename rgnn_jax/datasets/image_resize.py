"""Pictures in arrays brought to another size and to grey or colour."""

import numpy as np
from jaxtyping import Float64, UInt8

from rgnn_jax.datasets.image_cache import check_memory
from rgnn_jax.errors import UserError

_BLOCK = 256
# ITU-R BT.601, as Pillow turns colours grey.
_LUMA = np.array([[0.299], [0.587], [0.114]], np.float32)


def fit_pictures(
    images: UInt8[np.ndarray, "n h w c"], size: int, channels: int
) -> UInt8[np.ndarray, "n h2 w2 c2"]:
    """Crops to a square about the centre, resizes with antialiasing, and turns grey or colour.

    Args:
        images: the pictures.
        size: pixels of a side; 0 keeps them.
        channels: 1, 3, or 0 to keep them.

    Raises:
        UserError: the result would need too much memory, or the pictures have neither 1 nor 3 channels,
            where others are asked for.
    """
    height, width, own_channels = images.shape[1:]
    final = (len(images), size or height, size or width, channels or own_channels)
    check_memory(final, f"data.size {size}, data.channels {channels}")
    if size:
        images = _resize(crop_square(images), size)
    if channels and channels != images.shape[3]:
        if images.shape[3] == 1:
            images = np.repeat(images, channels, axis=3)
        elif images.shape[3] == 3:
            images = np.concatenate([_round(block @ _LUMA) for block in _blocks(images)])
        else:
            raise UserError(f"pictures of {images.shape[3]} channels cannot be given {channels}")
    return images


def crop_square(images: UInt8[np.ndarray, "n h w c"]) -> UInt8[np.ndarray, "n s s c"]:
    """The largest square about the centre."""
    height, width = images.shape[1:3]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return images[:, top : top + side, left : left + side]


def resize_weights(old: int, new: int) -> Float64[np.ndarray, "new old"]:
    """What each old pixel contributes to each new one: Pillow's BILINEAR filter, a triangle.

    It reaches as far as a new pixel is wide, and at least as far as an old one.
    """
    scale = max(old / new, 1.0)
    centres = (np.arange(new)[:, None] + 0.5) * (old / new)
    distance = np.abs(np.arange(old)[None, :] + 0.5 - centres) / scale
    weights = np.maximum(1.0 - distance, 0.0)
    return weights / weights.sum(1, keepdims=True)


def _resize(images: np.ndarray, size: int) -> np.ndarray:
    height, width = images.shape[1:3]
    if (height, width) == (size, size):
        return images
    rows = resize_weights(height, size).astype(np.float32)
    columns = resize_weights(width, size).astype(np.float32)
    resized = np.empty((len(images), size, size, images.shape[3]), np.uint8)
    for start, block in zip(range(0, len(images), _BLOCK), _blocks(images), strict=True):
        wide = np.einsum("yh,nhwc->nywc", rows, block, optimize=True)
        resized[start : start + _BLOCK] = _round(np.einsum("xw,nywc->nyxc", columns, wide, optimize=True))
    return resized


def _blocks(images: np.ndarray) -> list[np.ndarray]:
    return [images[start : start + _BLOCK].astype(np.float32) for start in range(0, len(images), _BLOCK)]


def _round(values: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
