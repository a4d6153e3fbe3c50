"""The loss of a painter: the evidence lower bound of pictures given their symbols, and legibility."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from rgnn_jax.contracts import Metrics, Params
from rgnn_jax.datasets.image_distortion import distort
from rgnn_jax.losses import bernoulli_nll, cross_entropy, kl_divergence
from rgnn_jax.models.variational import sample_posterior

_READ_SHARE = 8
"""One in so many rows is read: enough to teach the painter, at a fraction of the cost."""

_READ_NOISE = 0.1
"""Standard deviation of what is added to each pixel before it is read."""


def painting_loss(
    model: nn.Module,
    params: Params,
    pictures: Float[Array, "b t h w 1"],
    symbols: Int[Array, "b t"],
    blank: int,
    key: PRNGKeyArray,
) -> tuple[Float[Array, ""], Metrics]:
    """What training minimises, a mean over pictures of `bound + legibility_weight * illegibility + reading`.

    The bound, a mean over pixels too, is -log p(picture | symbol, z) + style_weight KL(q(z | picture, symbol)
    || N(0, 1)). Illegibility is the reader's cross-entropy of the symbol in a picture that is painted from a
    style drawn at random; it moves the painter alone. Reading is its cross-entropy on given pictures, and
    moves the reader alone. Whatever is read is first distorted and made noisy, so that the painter must be
    legible to more than this one reader.

    Args:
        model: a `Seq2Seq` that paints.
        params: its parameters.
        pictures: of the target, in [0, 1].
        symbols: what they show.
        blank: the symbol that is not painted.
        key: of the styles.
    """
    config, read = model.config, max(1, len(symbols) // _READ_SHARE) * symbols.shape[1]
    bound_key, *legibility_keys = jax.random.split(key, 4)
    flat, shown = symbols.reshape(-1), (symbols != blank).reshape(-1).astype(jnp.float32)
    images = pictures.reshape(-1, *pictures.shape[2:])
    per_picture = _bound(model, params, images, flat, bound_key)
    per_read = _legibility(model, params, images[:read], flat[:read], *legibility_keys)
    metrics = {name: ((values * shown).sum(), shown.sum()) for name, values in per_picture.items()}
    metrics |= {
        name: ((values * shown[:read]).sum(), shown[:read].sum()) for name, values in per_read.items()
    }
    # A draw may hold nothing but blanks.
    mean = {name: total / jnp.maximum(count, 1.0) for name, (total, count) in metrics.items()}
    legibility = config.legibility_weight * mean["illegibility"] + mean["reading_loss"]
    return mean["picture_loss"] / images[0].size + legibility, metrics


def _bound(
    model: nn.Module,
    params: Params,
    images: Float[Array, "n h w 1"],
    symbols: Int[Array, " n"],
    key: PRNGKeyArray,
) -> dict[str, Float[Array, " n"]]:
    """The negative bound of each picture, and the KL divergence of its style."""
    z_mean, z_logvar = _painter(model, params, "style", images, symbols)
    z = sample_posterior(key, z_mean, z_logvar)
    nll = bernoulli_nll(_painter(model, params, "decode", symbols, z), images)
    kl = kl_divergence(z_mean, z_logvar).sum(axis=1)
    return {"picture_loss": nll + model.config.style_weight * kl, "style_kl": kl}


def _legibility(
    model: nn.Module,
    params: Params,
    images: Float[Array, "n h w 1"],
    symbols: Int[Array, " n"],
    style_key: PRNGKeyArray,
    painted_key: PRNGKeyArray,
    given_key: PRNGKeyArray,
) -> dict[str, Float[Array, " n"]]:
    """What the reader makes of each symbol, painted in a random style, and of the given pictures."""
    styles = jax.random.normal(style_key, (len(symbols), model.config.style_dim))
    painted = _painter(model, params, "paint", symbols, styles)
    frozen = jax.tree.map(jax.lax.stop_gradient, params)
    judged = _painter(model, frozen, "read", _roughened(painted, painted_key))
    given = _painter(model, params, "read", _roughened(images, given_key))
    return {
        "illegibility": cross_entropy(judged, symbols),
        "legible": (jnp.argmax(judged, -1) == symbols).astype(jnp.float32),
        "reading_loss": cross_entropy(given, symbols),
    }


def _roughened(pictures: Float[Array, "b h w 1"], key: PRNGKeyArray) -> Float[Array, "b h w 1"]:
    """The pictures, each distorted a little in its own way, with noise."""
    distortion_key, noise_key = jax.random.split(key)
    distorted = distort(pictures[..., 0], jnp.arange(len(pictures)), distortion_key)[..., None]
    return distorted + _READ_NOISE * jax.random.normal(noise_key, pictures.shape)


def _painter(model: nn.Module, params: Params, method: str, *inputs: Array) -> Any:
    output = model.apply(
        {"params": params}, *inputs, method=lambda bound, *given: getattr(bound.painter, method)(*given)
    )
    return jax.tree.map(lambda array: jnp.asarray(array, jnp.float32), output)
