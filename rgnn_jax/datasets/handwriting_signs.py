"""Signs in handwriting, drawn by arithmetic: in queries, and as further classes of a set of digits."""

import hashlib

import jax
import jax.numpy as jnp
import msgspec
import numpy as np
from jaxtyping import Array, Float, Key

from rgnn_jax.datasets.pictures import Images, Pictures
from rgnn_jax.errors import UserError

SIGNS = ("+", "-")


def draw_signs(plus: Array, keys: Key[Array, " b"], side: int) -> Float[Array, "b h w"]:
    """Handwritten + where `plus`, else -, of varied stroke width, length, slant and position.

    Args:
        plus: bool [b].
        keys: one a picture.
        side: pixels of a side.
    """
    return jax.vmap(lambda crossed, key: _draw_sign(crossed, jax.random.uniform(key, (8,)), side))(plus, keys)


def add_signs(images: Images, seed: int) -> Images:
    """The set with + and - as two further classes, in each split as many of either as of a digit on average.

    Args:
        images: grey, square pictures of the digits 0 to 9.
        seed: of the drawing; each split has signs of its own.

    Raises:
        UserError: for pictures of anything else.
    """
    spec = images.spec
    if spec.classes != tuple("0123456789") or spec.channels != 1 or spec.height != spec.width:
        raise UserError(
            "data.signs adds + and - to grey, square pictures of the digits 0 to 9; set data.path to digits "
            "or mnist, or data.signs to false"
        )
    keys = jax.random.split(jax.random.key(seed), 3)
    train, validation, test = (
        _with_signs(part, key)
        for part, key in zip((images.train, images.validation, images.test), keys, strict=True)
    )
    return Images(
        train, validation, test,
        msgspec.structs.replace(spec, classes=(*spec.classes, *SIGNS)),
        hashlib.sha256(f"{images.digest} signs {seed}".encode()).hexdigest(),
    )  # fmt: skip


def _with_signs(pictures: Pictures, key: Key[Array, ""]) -> Pictures:
    labels = np.repeat(np.arange(10, 12, dtype=np.int32), round(len(pictures) / 10))
    keys = jax.random.split(key, len(labels))
    side = pictures.images.shape[1]
    drawn = jax.jit(draw_signs, static_argnums=2)(jnp.asarray(labels == 10), keys, side)
    signs = np.rint(255 * np.asarray(drawn)).astype(np.uint8)[..., None]
    return Pictures(
        np.concatenate([pictures.images, signs]), np.concatenate([np.asarray(pictures.labels), labels])
    )


def _draw_sign(plus: Array, u: Float[Array, " 8"], side: int) -> Float[Array, "h w"]:
    """One sign; lengths are fractions of the side, the edge of a stroke is a pixel wide."""
    line = (jnp.arange(side, dtype=jnp.float32) + 0.5) / side - 0.5
    y, x = line[:, None] - 0.2 * (u[0] - 0.5), line[None, :] - 0.2 * (u[1] - 0.5)
    angle, width, ink = 0.5 * (u[2] - 0.5), 0.025 + 0.04 * u[3], 0.75 + 0.25 * u[4]
    across = _distance(x, y, angle, 0.17 + 0.13 * u[5])
    down = _distance(x, y, angle + jnp.pi / 2 + 0.4 * (u[6] - 0.5), 0.17 + 0.13 * u[7])
    nearest = jnp.where(plus, jnp.minimum(across, down), across)
    return ink * jnp.clip(0.5 + (width - nearest) * side, 0.0, 1.0)


def _distance(x: Array, y: Array, angle: Array, reach: Array) -> Float[Array, "h w"]:
    """How far each point is from a stroke through the origin that reaches so far to both sides."""
    cosine, sine = jnp.cos(angle), jnp.sin(angle)
    along = jnp.clip(x * cosine + y * sine, -reach, reach)
    return jnp.hypot(x - along * cosine, y - along * sine)
