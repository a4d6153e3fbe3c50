"""How well a latent model explains pictures that it has not seen: the evidence lower bound and its parts."""

import functools
import math
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jaxtyping import Array, Float, PRNGKeyArray, UInt8

from rgnn_jax.contracts import Params
from rgnn_jax.errors import UserError, WorkFailed
from rgnn_jax.in_batches import in_batches
from rgnn_jax.losses import Likelihood, bernoulli_nll, kl_divergence, reconstruction_nll

ACTIVE_VARIANCE = 0.01
"""A unit is active where its posterior mean varies by more than this over the data (Burda et al. 2016)."""

_PIXELS_AT_ONCE = 2**20
_IMPORTANCE_ROWS = 100


def score_images(
    model: nn.Module,
    params: Params,
    images: UInt8[np.ndarray, "n h w c"],
    *,
    likelihood: Likelihood = "bernoulli",
    scale: float = 1.0,
    seed: int = 0,
    batch_size: int = 500,
) -> dict[str, float | list[float]]:
    """Scores pictures by the evidence lower bound, with one code drawn for each.

    Args:
        model: a `contracts.LatentModel` that reads pictures.
        params: its parameters.
        images: the pictures; what is dynamically binarised in training has to be binary here too.
        likelihood: of a pixel.
        scale: standard deviation of the Gaussian likelihood, for pixels in [0, 1].
        seed: of the codes; that of a picture depends on this and its place alone.
        batch_size: pictures at a time; of no influence on the result.

    Returns:
        Means over the pictures, in nats unless said otherwise:
        `reconstruction_loss`, summed over pixels;
        `mse`, squared error a pixel of the decoded posterior mean, and `bce`, the pictures' binary
        cross-entropy a pixel given that mean; and for a variational model
        `kl_loss`, the sum of the list `kl_per_dim`;
        `negative_elbo`, the sum of both losses;
        `bits_per_dim`, the same in bits a pixel and channel, where a Gaussian density on [0, 1] counts as the
        probability of one of 256 levels;
        `active_units`, how many dimensions' posterior means have a variance over the pictures above 0.01.

    Raises:
        UserError: for no pictures.
        WorkFailed: if a loss is not finite, naming the picture.
    """
    key = jax.random.key(seed)

    def score(rows: np.ndarray) -> dict[str, Array]:
        return _score(model, params, images[rows], rows.astype(np.uint32), key, likelihood, scale)

    _require_pictures(images)
    columns = in_batches(score, len(images), batch_size)
    _check_finite(columns["reconstruction_loss"])
    z_mean, kl = columns.pop("z_mean"), columns.pop("kl", None)
    scores: dict[str, float | list[float]] = {name: _mean(column) for name, column in columns.items()}
    if kl is None:
        return scores
    kl_loss = _mean(kl.sum(1))
    negative_elbo = _mean(columns["reconstruction_loss"]) + kl_loss
    levels = 8.0 if likelihood == "gaussian" else 0.0
    active = z_mean.var(0, dtype=np.float64) > ACTIVE_VARIANCE
    return scores | {
        "kl_loss": kl_loss,
        "negative_elbo": negative_elbo,
        "bits_per_dim": negative_elbo / (images[0].size * math.log(2)) + levels,
        "active_units": float(active.sum()),
        "kl_per_dim": kl.mean(0, dtype=np.float64).tolist(),
    }


def importance_weighted_nll(
    model: nn.Module,
    params: Params,
    images: UInt8[np.ndarray, "n h w c"],
    k: int,
    *,
    likelihood: Likelihood = "bernoulli",
    scale: float = 1.0,
    beta: float = 1.0,
    seed: int = 0,
) -> Float[np.ndarray, " n"]:
    """Upper bound of each picture's negative log-likelihood that falls to it as `k` grows.

    It is -log of the mean of `k` importance weights p(x, z) / q(z | x) (Burda et al. 2016, equation 8), which
    are summed up as they come: the memory it takes does not grow with `k`.

    Args:
        model: a variational `contracts.LatentModel`.
        params: its parameters.
        images: the pictures; what is dynamically binarised in training has to be binary here too.
        k: codes drawn for each picture.
        likelihood: of a pixel.
        scale: standard deviation of the Gaussian likelihood, for pixels in [0, 1].
        beta: exponent of p(z) / q(z | x) in the weights, as in training; only with 1 it is such a bound.
        seed: of the codes; those of a picture depend on this and its place alone.

    Returns:
        Nats a picture.

    Raises:
        UserError: for no pictures, k < 1 or a deterministic autoencoder.
        WorkFailed: if a bound is not finite, naming the picture.
    """
    if k < 1:
        raise UserError(f"k {k}: at least one importance sample is needed")
    key, draws, power = jax.random.key(seed), jnp.asarray(k, jnp.int32), jnp.asarray(beta, jnp.float32)

    def bound(rows: np.ndarray) -> Array:
        places = rows.astype(np.uint32)
        return _importance_nll(model, params, images[rows], places, key, draws, power, likelihood, scale)

    _require_pictures(images)
    nll = in_batches(bound, len(images), _IMPORTANCE_ROWS)
    _check_finite(nll)
    return nll


def describe_collapse(
    scores: Mapping[str, Any], objective: str = "beta", beta: float = 1.0, capacity: float | None = None
) -> str | None:
    """Says in words that latent units carry nothing, and what to do about it; None where none is idle.

    Args:
        scores: of `score_images`.
        objective: what the model was trained for, as in `LatentConfig`.
        beta: likewise.
        capacity: likewise.
    """
    if "active_units" not in scores:
        return None
    count, active = len(scores["kl_per_dim"]), round(scores["active_units"])
    if active == count:
        return None
    if active == 0:
        found = f"posterior collapse: all {count} latent units are inactive and the pictures are not encoded"
    else:
        share = 1.0 - active / count
        found = f"{count - active} of {count} latent units ({share:.0%}) are inactive and carry nothing"
    if active > count // 2:
        return f"{found}; that costs nothing but their size: a smaller model.z_dim would do"
    if capacity is not None:
        return f"{found}; the others hold the {capacity:g} nats of model.capacity: raise it for more"
    if objective == "beta" and beta == 0:
        return f"{found}; at model.beta 0 no KL term holds them back: train longer"
    weight = "model.beta" if objective in ("beta", "tc") else "the learning rate"
    return f"{found}; lower {weight}, or set model.kl_warmup (0.3) or model.free_bits (0.1)"


@functools.partial(jax.jit, static_argnames=("model", "likelihood", "scale"))
def _score(
    model: nn.Module,
    params: Params,
    images: UInt8[Array, "b h w c"],
    places: Array,
    key: PRNGKeyArray,
    likelihood: Likelihood,
    scale: float,
) -> dict[str, Array]:
    pictures = images.astype(jnp.float32) / 255.0
    z_mean, z_logvar = _encode(model, params, pictures)
    at_mean = _explain(model, params, z_mean, pictures)
    columns = {
        "z_mean": z_mean,
        "mse": jnp.square(_decoded(model, params, z_mean) - pictures).mean((1, 2, 3)),
        "bce": bernoulli_nll(at_mean, pictures) / pictures[0].size,
    }
    if z_logvar is None:
        return columns | {"reconstruction_loss": reconstruction_nll(at_mean, pictures, likelihood, scale)}
    noise = _noise(key, places, (z_mean.shape[1],))
    logits = _explain(model, params, z_mean + jnp.exp(0.5 * z_logvar) * noise, pictures)
    return columns | {
        "reconstruction_loss": reconstruction_nll(logits, pictures, likelihood, scale),
        "kl": kl_divergence(z_mean, z_logvar),
    }


@functools.partial(jax.jit, static_argnames=("model", "likelihood", "scale"))
def _importance_nll(
    model: nn.Module,
    params: Params,
    images: UInt8[Array, "b h w c"],
    places: Array,
    key: PRNGKeyArray,
    k: Array,
    beta: Array,
    likelihood: Likelihood,
    scale: float,
) -> Float[Array, " b"]:
    pictures = images.astype(jnp.float32) / 255.0
    z_mean, z_logvar = _encode(model, params, pictures)
    if z_logvar is None:
        raise UserError("a deterministic autoencoder has no likelihood: train it with model.variational true")
    b, z_dim = z_mean.shape
    # However many pictures there are, or a picture's codes would depend on the others.
    draws = max(1, _PIXELS_AT_ONCE // (_IMPORTANCE_ROWS * pictures[0].size))
    repeated = jnp.repeat(pictures, draws, axis=0)
    deviation = jnp.exp(0.5 * z_logvar)

    def add(i: Array, total: Array) -> Array:
        noise = _noise(jax.random.fold_in(key, i), places, (draws, z_dim))
        z = z_mean[:, None] + deviation[:, None] * noise
        logits = _explain(model, params, z.reshape(b * draws, z_dim), repeated)
        nll = reconstruction_nll(logits, repeated, likelihood, scale).reshape(b, draws)
        log_ratio = 0.5 * (jnp.square(noise) - jnp.square(z) + z_logvar[:, None]).sum(2)
        counted = i * draws + jnp.arange(draws) < k
        weights = jnp.where(counted[None], beta * log_ratio - nll, -jnp.inf)
        return jnp.logaddexp(total, jax.nn.logsumexp(weights, axis=1))

    rounds = (k + draws - 1) // draws
    return jnp.log(k) - jax.lax.fori_loop(0, rounds, add, jnp.full((b,), -jnp.inf))


def _encode(model: nn.Module, params: Params, pictures: Array) -> tuple[Array, Array | None]:
    posterior: Any = model.apply({"params": params}, pictures, method="encode")
    z_mean, z_logvar = posterior
    return jnp.asarray(z_mean, jnp.float32), None if z_logvar is None else jnp.asarray(z_logvar, jnp.float32)


def _decoded(model: nn.Module, params: Params, z: Array) -> Array:
    return jax.nn.sigmoid(jnp.asarray(model.apply({"params": params}, z, method="decode"), jnp.float32))


def _explain(model: nn.Module, params: Params, z: Array, pictures: Array) -> Array:
    return jnp.asarray(model.apply({"params": params}, z, pictures, method="explain"), jnp.float32)


def _noise(key: PRNGKeyArray, places: Array, shape: tuple[int, ...]) -> Array:
    """Standard normal numbers for each picture, a function of its place in the data and not in the batch."""
    return jax.vmap(lambda place: jax.random.normal(jax.random.fold_in(key, place), shape))(places)


def _require_pictures(images: np.ndarray) -> None:
    if not len(images):
        raise UserError("there are no pictures to score")


def _mean(column: np.ndarray) -> float:
    return float(column.mean(dtype=np.float64))


def _check_finite(losses: np.ndarray) -> None:
    finite = np.isfinite(losses)
    if not finite.all():
        raise WorkFailed(f"the loss of picture {int(np.argmin(finite))} is not finite")
