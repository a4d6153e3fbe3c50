"""The loss of a painter: the evidence lower bound of pictures given their symbols, and legibility."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from rgnn_jax.contracts import Metrics, Params
from rgnn_jax.datasets.image_distortion import distort
from rgnn_jax.losses import bernoulli_nll, cross_entropy, kl_divergence

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
    config, rows = model.config, max(1, len(symbols) // _READ_SHARE)
    posterior_key, prior_key, painted_key, given_key = jax.random.split(key, 4)
    flat, shown = symbols.reshape(-1), (symbols != blank).reshape(-1).astype(jnp.float32)
    images = pictures.reshape(-1, *pictures.shape[2:])
    z_mean, z_logvar = _painter(model, params, "style", images, flat)
    z = z_mean + jnp.exp(0.5 * z_logvar) * jax.random.normal(posterior_key, z_mean.shape)
    nll = bernoulli_nll(_painter(model, params, "decode", flat, z), images)
    kl = kl_divergence(z_mean, z_logvar).sum(axis=1)

    few = rows * symbols.shape[1]
    read_symbols, read_shown = flat[:few], shown[:few]
    styles = jax.random.normal(prior_key, (few, z_mean.shape[1]))
    painted = _painter(model, params, "paint", read_symbols, styles)
    frozen = jax.tree.map(jax.lax.stop_gradient, params)
    judged = _painter(model, frozen, "read", _roughened(painted, painted_key))
    given = _painter(model, params, "read", _roughened(images[:few], given_key))
    reading = cross_entropy(given, read_symbols)
    illegibility = cross_entropy(judged, read_symbols)
    right = (jnp.argmax(judged, -1) == read_symbols).astype(jnp.float32)

    count, read = shown.sum(), read_shown.sum()
    sums = {
        "picture_loss": ((nll + config.style_weight * kl) * shown).sum(),
        "style_kl": (kl * shown).sum(),
    }
    read_sums = {
        "illegibility": (illegibility * read_shown).sum(),
        "legible": (right * read_shown).sum(),
        "reading_loss": (reading * read_shown).sum(),
    }
    # A draw may hold nothing but blanks.
    bound = sums["picture_loss"] / jnp.maximum(count, 1.0) / images[0].size
    legibility = config.legibility_weight * read_sums["illegibility"] + read_sums["reading_loss"]
    loss = bound + legibility / jnp.maximum(read, 1.0)
    metrics = {name: (value, count) for name, value in sums.items()}
    return loss, metrics | {name: (value, read) for name, value in read_sums.items()}


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
