"""Small distortions of grey pictures that leave what was written legible."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Num, PRNGKeyArray

TURN, SLANT, SCALE, SHIFT = 0.15, 0.2, 0.12, 0.06
BEND, _KNOTS = 0.1, 5


def distort(
    images: Num[Array, "n h w"], chosen: Int[Array, " b"], key: PRNGKeyArray
) -> Float[Array, "b h w"]:
    """Some of the pictures, each turned, slanted, scaled, shifted and bent a little (Simard et al., 2003).

    Args:
        images: square pictures, of any range.
        chosen: which.
        key: of the amounts, which are uniform up to `TURN` radians, `SLANT` and `SCALE` of the lengths,
            `SHIFT` of the side, and `BEND` of it at each of a few knots between which the picture bends.
    """
    side, b = images.shape[1], len(chosen)
    matrix_key, bend_key = jax.random.split(key)
    u = jax.random.uniform(matrix_key, (6, b), minval=-1)
    turn, slant = TURN * u[0], SLANT * u[1]
    tall, wide = 1 + SCALE * u[2], 1 + SCALE * u[3]
    matrix = jnp.stack(
        [
            jnp.stack([tall * jnp.cos(turn), wide * jnp.sin(turn)], -1),
            jnp.stack([tall * (slant - jnp.sin(turn)), wide * jnp.cos(turn)], -1),
        ],
        axis=1,
    )
    knots = BEND * side * jax.random.uniform(bend_key, (b, 2, _KNOTS, _KNOTS), minval=-1)
    shift = SHIFT * side * u[4:].T[:, :, None, None] + _between(knots, side)
    return _resampled(images, chosen, matrix, shift)


def _between(knots: Float[Array, "b 2 k k"], side: int) -> Float[Array, "b 2 side side"]:
    """What each pixel has of values at knots that lie evenly over a picture, weighted by cubic splines."""
    apart = np.abs(np.linspace(0, knots.shape[2] - 1, side)[:, None] - np.arange(knots.shape[2]))
    near, far = 2 / 3 - apart**2 + apart**3 / 2, np.clip(2 - apart, 0, None) ** 3 / 6
    weights = jnp.asarray(np.where(apart < 1, near, far), jnp.float32)
    return jnp.einsum("yk,bikl,xl->biyx", weights, knots, weights)


def turn(images: Num[Array, "b h w"], angle: Float[Array | np.ndarray, " b"]) -> Float[Array, "b h w"]:
    """Square pictures, each turned clockwise about its middle by an angle in radians."""
    cosine, sine = jnp.cos(angle), jnp.sin(angle)
    # Rows run downwards, so that what is seen at (y, x) comes from there turned back.
    matrix = jnp.stack([jnp.stack([cosine, -sine], -1), jnp.stack([sine, cosine], -1)], axis=1)
    return _resampled(images, jnp.arange(len(images)), matrix, jnp.zeros((len(images), 2, 1, 1)))


def _resampled(
    images: Num[Array, "n h w"],
    chosen: Int[Array, " b"],
    matrix: Float[Array, "b 2 2"],
    shift: Float[Array, "b 2 #h #w"],
) -> Float[Array, "b h w"]:
    """Pixels from where the matrix and the shift, in pixels, map each place as seen from the middle.

    They are interpolated bilinearly; what lies beyond the edge is 0.
    """
    side = images.shape[1]
    line = jnp.arange(side, dtype=jnp.float32) - (side - 1) / 2
    grid = jnp.stack(jnp.meshgrid(line, line, indexing="ij"))
    place = jnp.einsum("sij,jhw->sihw", matrix, grid) + (shift + (side - 1) / 2)
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
