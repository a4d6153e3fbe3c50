"""Small distortions of grey pictures that leave what was written legible."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Num, PRNGKeyArray

TURN, SLANT, SCALE, SHIFT = 0.15, 0.2, 0.12, 0.06


def distort(
    images: Num[Array, "n h w"], chosen: Int[Array, " b"], key: PRNGKeyArray
) -> Float[Array, "b h w"]:
    """Some of the pictures, each turned, slanted, scaled and shifted a little.

    Args:
        images: square pictures, of any range.
        chosen: which.
        key: of the amounts, which are uniform up to `TURN` radians, `SLANT` and `SCALE` of the lengths, and
            `SHIFT` of the side.
    """
    side, u = images.shape[1], jax.random.uniform(key, (6, len(chosen)), minval=-1)
    turn, slant = TURN * u[0], SLANT * u[1]
    tall, wide = 1 + SCALE * u[2], 1 + SCALE * u[3]
    matrix = jnp.stack(
        [
            jnp.stack([tall * jnp.cos(turn), wide * jnp.sin(turn)], -1),
            jnp.stack([tall * (slant - jnp.sin(turn)), wide * jnp.cos(turn)], -1),
        ],
        axis=1,
    )
    return _resampled(images, chosen, matrix, SHIFT * side * u[4:].T)


def turn(images: Num[Array, "b h w"], angle: Float[Array | np.ndarray, " b"]) -> Float[Array, "b h w"]:
    """Square pictures, each turned clockwise about its middle by an angle in radians."""
    cosine, sine = jnp.cos(angle), jnp.sin(angle)
    # Rows run downwards, so that what is seen at (y, x) comes from there turned back.
    matrix = jnp.stack([jnp.stack([cosine, -sine], -1), jnp.stack([sine, cosine], -1)], axis=1)
    return _resampled(images, jnp.arange(len(images)), matrix, jnp.zeros((len(images), 2)))


def _resampled(
    images: Num[Array, "n h w"],
    chosen: Int[Array, " b"],
    matrix: Float[Array, "b 2 2"],
    shift: Float[Array, "b 2"],
) -> Float[Array, "b h w"]:
    """Pixels from where the matrix and the shift, in pixels from the middle, map each place.

    They are interpolated bilinearly; what lies beyond the edge is 0.
    """
    side = images.shape[1]
    line = jnp.arange(side, dtype=jnp.float32) - (side - 1) / 2
    grid = jnp.stack(jnp.meshgrid(line, line, indexing="ij"))
    middle = (shift + (side - 1) / 2)[:, :, None, None]
    place = jnp.einsum("sij,jhw->sihw", matrix, grid) + middle
    corner = jnp.floor(place)
    part = place - corner
    y0, x0 = (corner[:, i].astype(jnp.int32) for i in (0, 1))
    total = jnp.zeros(y0.shape)
    for down in (0, 1):
        for right in (0, 1):
            y, x = y0 + down, x0 + right
            inside = (y >= 0) & (y < side) & (x >= 0) & (x < side)
            values = images[chosen[:, None, None], jnp.clip(y, 0, side - 1), jnp.clip(x, 0, side - 1)]
            weight = jnp.abs(1 - down - part[:, 0]) * jnp.abs(1 - right - part[:, 1])
            total = total + jnp.where(inside, weight * values, 0.0)
    return total
