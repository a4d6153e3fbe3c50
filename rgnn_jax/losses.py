"""Per-example losses, pure functions of logits and targets, in nats."""

import math
from typing import Literal

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int

Likelihood = Literal["bernoulli", "gaussian"]
AdversarialLoss = Literal["non_saturating", "hinge", "wasserstein"]


def cross_entropy(logits: Float[Array, "*n v"], labels: Int[Array, "*n"]) -> Float[Array, "*n"]:
    """Negative log-probability of the labels under a softmax.

    Args:
        logits: unnormalised log-probabilities.
        labels: class indices in [0, v).

    Returns:
        Nats an example.
    """
    return optax.softmax_cross_entropy_with_integer_labels(logits, labels)


def teacher_forced(target: Int[Array, "b t"], start: int) -> Int[Array, "b t"]:
    """What a decoder is fed to predict the target: its symbols one step later, after `start`."""
    first = jnp.full((len(target), 1), start, target.dtype)
    return jnp.concatenate([first, target[:, :-1]], axis=1)


def bernoulli_nll(logits: Float[Array, "b h w c"], images: Float[Array, "b h w c"]) -> Float[Array, " b"]:
    """Negative log-probability of pictures whose pixels are coins, independent given their logits.

    For grey pixels it is the cross-entropy against their brightness, which is no probability: no number
    from it may be compared with one from binary pictures.

    Args:
        logits: log-odds that a pixel is 1.
        images: pixels in [0, 1].

    Returns:
        Nats a picture, summed over its pixels.
    """
    # The first term is max(logits, 0), with the gradient 1/2 at 0 that the whole has there.
    softplus = 0.5 * (logits + jnp.abs(logits)) + jnp.log1p(jnp.exp(-jnp.abs(logits)))
    return pixel_sum(softplus - logits * images)


def gaussian_nll(
    means: Float[Array, "b h w c"], images: Float[Array, "b h w c"], scale: float
) -> Float[Array, " b"]:
    """Negative log-density of pictures whose pixels are independent Gaussians of one width.

    Args:
        means: of the pixels, in the units of `images`.
        images: the pixels.
        scale: standard deviation of a pixel.

    Returns:
        Nats a picture, summed over its pixels, normalising constant included.
    """
    constant = math.log(scale) + 0.5 * math.log(2.0 * math.pi)
    return pixel_sum(0.5 * jnp.square((images - means) / scale) + constant)


def kl_divergence(z_mean: Float[Array, "b z"], z_logvar: Float[Array, "b z"]) -> Float[Array, "b z"]:
    """KL divergence of diagonal Gaussians from the standard one (Kingma and Welling 2014, appendix B).

    Args:
        z_mean: means.
        z_logvar: logarithms of the variances.

    Returns:
        Nats a picture and dimension; their sum over the dimensions is the divergence.
    """
    return 0.5 * (jnp.square(z_mean) + jnp.exp(z_logvar) - 1.0 - z_logvar)


def reconstruction_nll(
    logits: Float[Array, "b h w c"], images: Float[Array, "b h w c"], likelihood: Likelihood, scale: float
) -> Float[Array, " b"]:
    """Negative log-likelihood of pictures under a decoder's output.

    Args:
        logits: the decoder's output, whose sigmoid is the mean of the pixels for both likelihoods.
        images: pixels in [0, 1].
        likelihood: of a pixel.
        scale: standard deviation of the Gaussian one; the other has none.

    Returns:
        Nats a picture, summed over its pixels.
    """
    if likelihood == "bernoulli":
        return bernoulli_nll(logits, images)
    return gaussian_nll(jax.nn.sigmoid(logits), images, scale)


def pixel_sum(values: Float[Array, "b h w c"]) -> Float[Array, " b"]:
    """The sum over each picture, as a product with ones.

    XLA's own reduction takes seven times as long on a CPU.
    """
    pixels = values.reshape(len(values), -1)
    ones = jnp.ones((pixels.shape[1],), pixels.dtype)
    return jnp.matmul(pixels, ones, precision=jax.lax.Precision.HIGHEST)


def discriminator_loss(
    real: Float[Array, " b"], fake: Float[Array, " b"], kind: AdversarialLoss, real_label: float = 1.0
) -> Float[Array, ""]:
    """What the discriminator minimises, a mean over the pictures.

    Args:
        real: its outputs for real pictures.
        fake: for generated ones.
        kind: `non_saturating` is the cross-entropy (Goodfellow et al. 2014, equation 1), `hinge` that of Lim
            and Ye (2017), `wasserstein` the difference of means (Arjovsky et al. 2017, equation 2).
        real_label: the cross-entropy's target for real pictures.
    """
    match kind:
        case "non_saturating":
            real_loss = real_label * jax.nn.softplus(-real) + (1.0 - real_label) * jax.nn.softplus(real)
            return (real_loss + jax.nn.softplus(fake)).mean()
        case "hinge":
            return (jax.nn.relu(1.0 - real) + jax.nn.relu(1.0 + fake)).mean()
        case "wasserstein":
            return (fake - real).mean()


def generator_loss(fake: Float[Array, " b"], kind: AdversarialLoss) -> Float[Array, ""]:
    """What the generator minimises, a mean over its pictures: see `discriminator_loss`."""
    return (jax.nn.softplus(-fake) if kind == "non_saturating" else -fake).mean()
