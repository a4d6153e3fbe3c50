"""Small distortions of grey pictures that leave what was written legible."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray, UInt8

TURN, SLANT, SCALE, SHIFT = 0.15, 0.2, 0.12, 0.06


def distort(
    images: UInt8[Array, "n h w"], chosen: Int[Array, " b"], key: PRNGKeyArray
) -> Float[Array, "b h w"]:
    """Some of the pictures, each turned, slanted, scaled and shifted a little, with values of 0 to 255.

    Pixels are interpolated bilinearly; what lies beyond the edge is 0.

    Args:
        images: square pictures.
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
    line = jnp.arange(side, dtype=jnp.float32) - (side - 1) / 2
    grid = jnp.stack(jnp.meshgrid(line, line, indexing="ij"))
    shift = (side * SHIFT * u[4:].T + (side - 1) / 2)[:, :, None, None]
    place = jnp.einsum("sij,jhw->sihw", matrix, grid) + shift
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
