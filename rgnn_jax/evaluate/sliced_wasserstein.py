"""Sliced Wasserstein distance of two sets of pictures, in their pixels: no network is needed.

A set of pictures is projected on random directions; in one dimension the transport that costs least joins
the sorted values, so each direction's distance is the mean absolute difference of two sorted lists.
"""

import jax
import numpy as np
from jaxtyping import Float, Num, PRNGKeyArray

from rgnn_jax.errors import UserError

PATCH = 7
COARSEST = 16


def sliced_wasserstein(
    a: Num[np.ndarray, "n h w c"], b: Num[np.ndarray, "m h w c"], key: PRNGKeyArray, *, directions: int = 512
) -> float:
    """Mean over random directions of the 1-Wasserstein distance of the projected pictures.

    Dominated by what is large in a picture: brightness, colour, layout. A shift of all pixels by s gives
    about s times 0.8, for directions are of unit length and |u . 1| has mean (2 / pi)^(1/2).

    Args:
        a: pictures, uint8 or floats in [0, 1].
        b: as many others, of the same shape.
        key: of the directions; equal keys compare on equal directions.
        directions: how many.

    Raises:
        UserError: where the two sets differ in number.
    """
    a, b = _checked(a, b)
    return _sliced(a.reshape(len(a), -1), b.reshape(len(b), -1), key, directions)


def patch_sliced_wasserstein(
    a: Num[np.ndarray, "n h w c"],
    b: Num[np.ndarray, "m h w c"],
    key: PRNGKeyArray,
    *,
    patches: int = 128,
    directions: int = 512,
) -> dict[int, float]:
    """Distance of the pictures' texture at each scale, times 1000 (Karras et al. 2018, section 5).

    Of every level of the Laplacian pyramid, from full size down to 16 pixels, patches of 7x7 pixels are taken
    at random places and normalised to mean 0 and deviation 1 in each channel, over each set. Brightness
    and contrast of a set as a whole are thus not seen; sharpness, noise and structure are.

    Args:
        a: pictures, uint8 or floats in [0, 1], of sides that divide by two down to 16 or below.
        b: as many others, of the same shape.
        key: of the places and directions.
        patches: how many a picture.
        directions: how many.

    Returns:
        Height of the level to its distance, in falling order. The last level holds all that is coarser.

    Raises:
        UserError: where the two sets differ in number or the pictures are too small for a patch.
    """
    a, b = _checked(a, b)
    if min(a.shape[1:3]) < PATCH:
        raise UserError(f"pictures of {a.shape[1]}x{a.shape[2]} pixels hold no patch of {PATCH}x{PATCH}")
    distances = {}
    for level_a, level_b in zip(laplacian_pyramid(a), laplacian_pyramid(b), strict=True):
        key, key_a, key_b, key_directions = jax.random.split(key, 4)
        patches_a, patches_b = _patches(level_a, key_a, patches), _patches(level_b, key_b, patches)
        distance = _sliced(patches_a, patches_b, key_directions, directions)
        distances[level_a.shape[1]] = 1e3 * distance
    return distances


def laplacian_pyramid(images: Float[np.ndarray, "n h w c"]) -> list[Float[np.ndarray, "n _ _ c"]]:
    """Each level is what the next, half its size, cannot show; the last is the smallest picture itself.

    (Burt & Adelson 1983; filter 1 4 6 4 1.) Levels end at 16 pixels or where a side is odd.
    """
    levels = []
    while min(images.shape[1:3]) >= 2 * COARSEST and images.shape[1] % 2 == images.shape[2] % 2 == 0:
        smaller = _blur(images)[:, ::2, ::2]
        spread = np.zeros_like(images)
        spread[:, ::2, ::2] = smaller
        levels.append(images - 4 * _blur(spread))
        images = smaller
    return [*levels, images]


def _blur(images: Float[np.ndarray, "n h w c"]) -> Float[np.ndarray, "n h w c"]:
    for axis in (1, 2):
        size = images.shape[axis]
        margins = [(2, 2) if i == axis else (0, 0) for i in range(4)]
        padded = np.pad(images, margins, mode="reflect")
        shifted = [np.take(padded, range(i, i + size), axis) for i in range(5)]
        images = (shifted[0] + 4 * shifted[1] + 6 * shifted[2] + 4 * shifted[3] + shifted[4]) / 16
    return images


def _patches(images: Float[np.ndarray, "n h w c"], key: PRNGKeyArray, count: int) -> Float[np.ndarray, "m d"]:
    n, height, width, channels = images.shape
    key_row, key_column = jax.random.split(key)
    rows = np.asarray(jax.random.randint(key_row, (n, count, 1, 1), 0, height - PATCH + 1))
    columns = np.asarray(jax.random.randint(key_column, (n, count, 1, 1), 0, width - PATCH + 1))
    offsets = np.arange(PATCH)
    pictures = np.arange(n)[:, None, None, None]
    rows, columns = rows + offsets[None, None, :, None], columns + offsets[None, None, None, :]
    patches = images[pictures, rows, columns].reshape(n * count, PATCH * PATCH, channels)
    patches -= patches.mean((0, 1), keepdims=True)
    patches /= np.maximum(patches.std((0, 1), keepdims=True), 1e-8)
    return patches.reshape(n * count, -1)


def _sliced(
    a: Float[np.ndarray, "n d"], b: Float[np.ndarray, "n d"], key: PRNGKeyArray, directions: int
) -> float:
    """Some directions at a time, to fit in memory."""
    axes = np.array(jax.random.normal(key, (a.shape[1], directions)))
    axes /= np.linalg.norm(axes, axis=0, keepdims=True)
    total = 0.0
    for i in range(0, directions, 64):
        part = axes[:, i : i + 64]
        difference = np.sort((a @ part).T) - np.sort((b @ part).T)
        total += float(np.abs(difference).mean(1).sum(dtype=np.float64))
    return total / directions


def _checked(
    a: Num[np.ndarray, "n h w c"], b: Num[np.ndarray, "m h w c"]
) -> tuple[Float[np.ndarray, "n h w c"], Float[np.ndarray, "n h w c"]]:
    """Both sets as floats in [0, 1]."""
    if len(a) != len(b):
        raise UserError(f"{len(a)} pictures cannot be compared with {len(b)}: take equally many")
    scaled = [x.astype(np.float32) * np.float32(1 / 255 if x.dtype == np.uint8 else 1) for x in (a, b)]
    return scaled[0], scaled[1]
