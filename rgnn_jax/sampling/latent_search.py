"""Codes of pictures for a model that cannot read them, searched for through its decoder."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn
from jaxtyping import Array, Float, PRNGKeyArray, UInt8

from rgnn_jax.contracts import Params
from rgnn_jax.errors import UserError
from rgnn_jax.in_batches import in_batches

STEPS = 200
STARTS = 512
"""Random codes among which each picture's search begins at those whose pictures are nearest."""

_RATE, _BATCH = 0.1, 32


def search_codes(
    model: nn.Module,
    params: Params,
    images: UInt8[np.ndarray, "n h w c"],
    key: PRNGKeyArray,
    *,
    steps: int = STEPS,
    restarts: int = 2,
    prior_weight: float = 1e-3,
) -> Float[np.ndarray, "n z"]:
    """The codes whose pictures are nearest, of those that the search passes (Lipton and Tripathi 2017).

    Minimises the squared error a pixel + prior_weight |z|^2 / d by Adam, at a rate that falls to 0.

    Args:
        model: a `contracts.LatentModel`; only `decode` is used.
        params: its parameters.
        images: of the model's shape.
        key: of the random codes where searches begin.
        steps: of each search.
        restarts: searches a picture, of which the best is kept.
        prior_weight: what keeps codes where random ones lie.

    Raises:
        UserError: where the pictures have another shape.
    """
    if images.shape[1:] != model.image_shape:
        given, needed = ("x".join(map(str, shape)) for shape in (images.shape[1:], model.image_shape))
        raise UserError(f"the pictures are {given}, but the model makes {needed}")
    starts = jax.random.normal(key, (max(STARTS, restarts), model.z_dim))

    def search(rows: np.ndarray) -> Array:
        return _search(model, params, jnp.asarray(images[rows]), starts, steps, restarts, prior_weight)

    return in_batches(search, len(images), _BATCH)


@functools.partial(jax.jit, static_argnames=("model", "steps", "restarts", "prior_weight"))
def _search(
    model: nn.Module,
    params: Params,
    images: UInt8[Array, "b h w c"],
    starts: Float[Array, "s z"],
    steps: int,
    restarts: int,
    prior_weight: float,
) -> Float[Array, "b z"]:
    wanted = jnp.repeat(images.astype(jnp.float32) / 255, restarts, axis=0)
    optimizer = optax.adam(optax.cosine_decay_schedule(_RATE, steps))

    def decoded(z: Float[Array, "n z"]) -> Float[Array, "n h w c"]:
        logits = model.apply({"params": params}, z, method="decode")
        return jax.nn.sigmoid(jnp.asarray(logits, jnp.float32))

    def error(z: Float[Array, "n z"]) -> Float[Array, " n"]:
        near = jnp.square(decoded(z) - wanted).mean((1, 2, 3))
        return near + prior_weight * jnp.square(z).mean(1)

    def total(z: Float[Array, "n z"]) -> tuple[Float[Array, ""], Float[Array, " n"]]:
        errors = error(z)
        return errors.sum(), errors

    def step(carry: tuple, _: None) -> tuple[tuple, None]:
        z, state, best, least = carry
        (_, errors), gradient = jax.value_and_grad(total, has_aux=True)(z)
        better = errors < least
        best, least = jnp.where(better[:, None], z, best), jnp.where(better, errors, least)
        updates, state = optimizer.update(gradient, state, z)
        return (optax.apply_updates(z, updates), state, best, least), None

    flat, made = wanted[::restarts].reshape(len(images), -1), decoded(starts).reshape(len(starts), -1)
    apart = jnp.square(made).sum(1)[None] - 2.0 * flat @ made.T
    nearest = jax.lax.top_k(-apart, restarts)[1]
    z = starts[nearest.reshape(-1)]
    begin = (z, optimizer.init(z), z, jnp.full(len(z), jnp.inf))
    (_, _, best, least), _ = jax.lax.scan(step, begin, None, length=steps)
    chosen = jnp.argmin(least.reshape(-1, restarts), axis=1)
    return jnp.take_along_axis(best.reshape(-1, restarts, z.shape[1]), chosen[:, None, None], axis=1)[:, 0]
