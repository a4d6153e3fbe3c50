"""Looking into a latent space: codes of pictures, pictures of codes, and the walks between them.

Everything takes a `contracts.LatentModel` with its parameters and arrays on the host, and gives arrays back:
pictures are bytes, codes are the means of the posteriors.
"""

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jaxtyping import Array, Float, Int, PRNGKeyArray, UInt8

from rgnn_jax.contracts import Params
from rgnn_jax.errors import UserError
from rgnn_jax.in_batches import in_batches


class Posterior(NamedTuple):
    """What the encoder says of n pictures; a deterministic autoencoder has no `z_logvar`."""

    z_mean: Float[np.ndarray, "n z"]
    z_logvar: Float[np.ndarray, "n z"] | None


class Gaussian(NamedTuple):
    """A distribution of codes."""

    mean: Float[np.ndarray, " z"]
    covariance: Float[np.ndarray, "z z"]

    @property
    def scale(self) -> Float[np.ndarray, " z"]:
        """Standard deviation of each dimension."""
        return np.sqrt(np.diag(self.covariance))


def encode(
    model: nn.Module, params: Params, images: UInt8[np.ndarray, "n h w c"], *, batch_size: int = 256
) -> Posterior:
    """The posteriors of pictures.

    Args:
        model: a `contracts.LatentModel` with an `encode`.
        params: its parameters.
        images: n pictures of the model's shape.
        batch_size: pictures at a time; of no influence on the result.

    Raises:
        UserError: where the model has no encoder, or the pictures have another shape.
    """
    if not hasattr(model, "encode"):
        raise UserError(f"{type(model).__name__} cannot read pictures: it has no encoder")
    if images.shape[1:] != model.image_shape:
        given, needed = ("x".join(map(str, shape)) for shape in (images.shape[1:], model.image_shape))
        raise UserError(f"the pictures are {given}, but the model reads {needed}")
    return Posterior(*in_batches(lambda rows: _encode(model, params, images[rows]), len(images), batch_size))


def decode(
    model: nn.Module,
    params: Params,
    z: Float[np.ndarray, "... z"],
    labels: Int[np.ndarray, "..."] | None = None,
    *,
    batch_size: int = 256,
) -> UInt8[np.ndarray, "... h w c"]:
    """The pictures at points of the latent space: the sigmoid of the decoder's logits, as bytes.

    Args:
        model: a `contracts.LatentModel`.
        params: its parameters.
        z: points, in an array of any rank.
        labels: a class for each point, for a generator that is told classes; None leaves them to the model.
        batch_size: points at a time; of no influence on the result.
    """
    flat = np.asarray(z, np.float32).reshape(-1, z.shape[-1])
    told = None if labels is None else np.asarray(labels, np.int32).reshape(-1)

    def decoded(rows: np.ndarray) -> Array:
        return _decode(model, params, flat[rows], None if told is None else told[rows])

    return in_batches(decoded, len(flat), batch_size).reshape(*z.shape[:-1], *model.image_shape)


def dealt_labels(model: nn.Module, count: int) -> Int[np.ndarray, " n"] | None:
    """All classes in turn, for a generator that is told classes; None for any other model."""
    told = getattr(model, "classes", 0)
    return np.arange(count, dtype=np.int32) % told if told else None


def prior(z_dim: int) -> Gaussian:
    """N(0, 1) in every dimension."""
    return Gaussian(np.zeros(z_dim), np.eye(z_dim))


def aggregate_posterior(posterior: Posterior) -> Gaussian:
    """The Gaussian with the mean and covariance of the codes of all pictures, each with its own noise.

    Raises:
        UserError: for fewer than two pictures.
    """
    codes = np.asarray(posterior.z_mean, np.float64)
    if len(codes) < 2:
        raise UserError(f"the codes of {len(codes)} pictures have no spread: 2 are needed at least")
    covariance = np.cov(codes, rowvar=False).reshape(codes.shape[1], -1)
    if posterior.z_logvar is not None:
        covariance += np.diag(np.exp(np.asarray(posterior.z_logvar, np.float64)).mean(axis=0))
    return Gaussian(codes.mean(axis=0), covariance)


def draw(
    distribution: Gaussian, key: PRNGKeyArray, count: int, *, temperature: float = 1.0
) -> Float[np.ndarray, "n z"]:
    """Random codes.

    Args:
        distribution: of the codes.
        key: of the draw.
        count: codes.
        temperature: factor of their distances from the mean; below 1 they are more typical, and vary less.
    """
    noise = np.asarray(jax.random.normal(key, (count, len(distribution.mean))), np.float64)
    values, vectors = np.linalg.eigh(distribution.covariance)
    root = vectors * np.sqrt(np.maximum(values, 0))
    return (distribution.mean + temperature * noise @ root.T).astype(np.float32)


def kl_per_dimension(posterior: Posterior) -> Float[np.ndarray, " z"]:
    """Nats between posterior and N(0, 1) in each dimension, averaged over the pictures.

    Raises:
        UserError: for a deterministic autoencoder.
    """
    if posterior.z_logvar is None:
        raise UserError("an autoencoder has no posterior, and so no KL: order its dimensions by effect")
    mean, logvar = (np.asarray(part, np.float64) for part in posterior)
    return 0.5 * (mean**2 + np.exp(logvar) - 1 - logvar).mean(axis=0)


def effect_per_dimension(
    model: nn.Module,
    params: Params,
    z: Float[np.ndarray, "n z"],
    distribution: Gaussian,
    *,
    labels: Int[np.ndarray, " n"] | None = None,
    reach: float = 2.0,
) -> Float[np.ndarray, " z"]:
    """Root mean square change of a picture, in [0, 1], as one dimension goes from -reach to +reach.

    Args:
        model: a `contracts.LatentModel`.
        params: its parameters.
        z: starting points, over which the squares are averaged too.
        distribution: gives each dimension's mean and standard deviation.
        labels: the points' classes, for a generator that is told classes.
        reach: standard deviations.
    """
    effects = []
    for dimension in range(z.shape[1]):
        low, high = (
            decode(model, params, _with(z, distribution, dimension, value), labels).astype(np.float64) / 255
            for value in (-reach, reach)
        )
        effects.append(np.sqrt(np.mean((high - low) ** 2)))
    return np.array(effects)


def traverse(
    model: nn.Module,
    params: Params,
    z: Float[np.ndarray, " z"],
    distribution: Gaussian,
    dimensions: Sequence[int],
    values: Float[np.ndarray, " s"],
    *,
    label: int | None = None,
) -> UInt8[np.ndarray, "d s h w c"]:
    """One row of pictures a dimension, along which this dimension alone is set to each value.

    Args:
        model: a `contracts.LatentModel`.
        params: its parameters.
        z: the point from which the other dimensions are kept.
        distribution: gives each dimension's mean and standard deviation.
        dimensions: which, in the order of the rows.
        values: in standard deviations from the mean.
        label: the class of all of them, for a generator that is told classes.
    """
    points = np.array(
        [[_with(z, distribution, dimension, value) for value in values] for dimension in dimensions]
    )
    labels = None if label is None else np.full(points.shape[:-1], label, np.int32)
    return decode(model, params, points, labels)


def lerp(
    start: Float[np.ndarray, " z"], end: Float[np.ndarray, " z"], count: int
) -> Float[np.ndarray, "n z"]:
    """Codes at equal steps along the straight line, both ends included."""
    along = np.linspace(0, 1, count)[:, None]
    return (1 - along) * start + along * end


def slerp(
    start: Float[np.ndarray, " z"], end: Float[np.ndarray, " z"], count: int
) -> Float[np.ndarray, "n z"]:
    """Codes at equal angles along the arc, both ends included (Shoemake 1985; White 2016 for latent spaces).

    A straight line between two draws of a high-dimensional Gaussian passes nearer to the origin than any
    draw lies; the arc does not. Codes in one line with the origin have no one arc, and get the straight line.
    """
    norms = np.linalg.norm(start) * np.linalg.norm(end)
    cosine = float(start @ end / norms) if norms else 1.0
    if 1 - abs(cosine) < 1e-6:
        return lerp(start, end, count)
    angle = np.arccos(cosine)
    along = np.linspace(0, 1, count)[:, None]
    return (np.sin((1 - along) * angle) * start + np.sin(along * angle) * end) / np.sin(angle)


def _with(
    z: Float[np.ndarray, "*n z"], distribution: Gaussian, dimension: int, value: float
) -> Float[np.ndarray, "*n z"]:
    moved = np.array(z, np.float32)
    moved[..., dimension] = distribution.mean[dimension] + value * distribution.scale[dimension]
    return moved


@functools.partial(jax.jit, static_argnames="model")
def _encode(
    model: nn.Module, params: Params, images: UInt8[Array, "b h w c"]
) -> tuple[Float[Array, "b z"], Float[Array, "b z"] | None]:
    encoded: Any = model.apply({"params": params}, images.astype(jnp.float32) / 255, method="encode")
    # NumPy would take means of bfloat16 in bfloat16.
    return jax.tree.map(lambda array: jnp.asarray(array, jnp.float32), encoded)


@functools.partial(jax.jit, static_argnames="model")
def _decode(
    model: nn.Module, params: Params, z: Float[Array, "b z"], labels: Int[Array, " b"] | None = None
) -> UInt8[Array, "b h w c"]:
    given = () if labels is None else (labels,)
    logits = model.apply({"params": params}, z, *given, method="decode")
    return jnp.round(255 * jax.nn.sigmoid(jnp.asarray(logits, jnp.float32))).astype(jnp.uint8)
