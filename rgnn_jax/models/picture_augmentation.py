"""Differentiable augmentation (Zhao et al. 2020): what the discriminator sees is changed at random.

Real and generated pictures are changed alike, and gradients pass to the generator, so that a discriminator of
few pictures cannot learn them by heart and the generator does not learn the changes.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

SHIFT = 1 / 8
HOLE = 1 / 2


def augment(
    pictures: Float[Array, "b h w c"], names: Sequence[str], key: PRNGKeyArray
) -> Float[Array, "b h w c"]:
    """Pictures in [-1, 1], each changed in its own way.

    Args:
        pictures: to change.
        names: of `colour`, `translation` and `cutout`, applied in this order.
        key: of the amounts.
    """
    for place, (name, change) in enumerate(_CHANGES.items()):
        if name in names:
            pictures = change(pictures, jax.random.fold_in(key, place))
    return pictures


def colour(pictures: Float[Array, "b h w c"], key: PRNGKeyArray) -> Float[Array, "b h w c"]:
    """Brightness shifted by up to 1/2, saturation times up to 2, contrast times 1/2 to 3/2."""
    shift, saturation, contrast = jax.random.uniform(key, (3, len(pictures), 1, 1, 1))
    x = pictures + (shift - 0.5)
    if pictures.shape[-1] > 1:
        grey = x.mean(-1, keepdims=True)
        x = (x - grey) * (2.0 * saturation) + grey
    mean = x.mean((1, 2, 3), keepdims=True)
    return (x - mean) * (contrast + 0.5) + mean


def translation(pictures: Float[Array, "b h w c"], key: PRNGKeyArray) -> Float[Array, "b h w c"]:
    """Moved by up to an eighth of the sides; what comes in is 0, the middle of the range."""
    down, across = (
        _shifts(size, each, len(pictures))
        for size, each in zip(pictures.shape[1:3], jax.random.split(key), strict=True)
    )
    return jnp.einsum("bij,bjkc,blk->bilc", down, pictures, across)


def cutout(pictures: Float[Array, "b h w c"], key: PRNGKeyArray) -> Float[Array, "b h w c"]:
    """A hole of half the sides at a random place, partly outside perhaps, filled with 0."""
    b, height, width, _ = pictures.shape
    inside = []
    for size, each in zip((height, width), jax.random.split(key), strict=True):
        middle = jax.random.randint(each, (b, 1), 0, size + 1)
        apart = jnp.arange(size)[None] - middle + 0.5
        inside.append(jnp.abs(apart) < HOLE * size / 2)
    hole = inside[0][:, :, None, None] & inside[1][:, None, :, None]
    return jnp.where(hole, 0.0, pictures)


def _shifts(size: int, key: PRNGKeyArray, count: int) -> Float[Array, "b s s"]:
    """For each picture the matrix that moves a line of `size` pixels: a product, as is its gradient."""
    most = round(SHIFT * size)
    shift = jax.random.randint(key, (count, 1, 1), -most, most + 1)
    places = jnp.arange(size)
    return (places[None, None, :] == places[None, :, None] + shift).astype(jnp.float32)


_CHANGES = {"colour": colour, "translation": translation, "cutout": cutout}
