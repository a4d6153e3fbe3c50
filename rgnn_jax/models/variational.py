"""The objective of every model with a latent space: reconstruct the picture and keep the code simple.

One convention, everywhere: the reconstruction loss is summed over pixels, the KL divergence over latent
dimensions, and both are averaged over the batch, so that `beta` means the same for every network and
batch size, and `beta = 1` is the evidence lower bound.
"""

import dataclasses
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from rgnn_jax.contracts import Batch, Metrics, Params
from rgnn_jax.losses import bernoulli_nll, gaussian_nll, kl_divergence
from rgnn_jax.models.latent_config import LatentConfig


@dataclasses.dataclass(frozen=True, eq=False)
class Variational:
    """Negative evidence lower bound with a weighted KL term, in nats (Kingma and Welling 2014, equation 10).

    Attributes:
        model: a `contracts.LatentModel`.
        settings: what it is trained for; `beta` may be a traced array.
    """

    model: nn.Module
    settings: LatentConfig

    def init(self, key: PRNGKeyArray) -> Params:
        """Fresh parameters."""
        images = jnp.zeros((1, *self.model.image_shape))
        return self.model.init({"params": key}, images)["params"]

    def __call__(
        self, params: Params, batch: Batch, key: PRNGKeyArray, progress: Float[Array, ""], train: bool
    ) -> tuple[Float[Array, ""], Metrics]:
        """Loss of a micro-batch, with one code drawn for each picture."""
        settings, images = self.settings, batch.images
        noise_key, *dropout_keys = jax.random.split(key, 3)
        encoder_rngs, decoder_rngs = ({"dropout": k} if train else None for k in dropout_keys)
        variables = {"params": params}
        posterior: Any = self.model.apply(variables, images, train=train, rngs=encoder_rngs, method="encode")
        z_mean, z_logvar = posterior
        z = z_mean if z_logvar is None else sample_posterior(noise_key, z_mean, z_logvar)
        output = self.model.apply(variables, z, train=train, rngs=decoder_rngs, method="decode")
        reconstruction = reconstruction_nll(settings, jnp.asarray(output, jnp.float32), images)
        loss = reconstruction.mean()
        terms = {"reconstruction_loss": reconstruction}
        if z_logvar is not None:
            kl = kl_divergence(z_mean, z_logvar)
            loss += _warm_up(settings, progress) * _kl_penalty(settings, kl.mean(0), progress)
            terms["kl_loss"] = kl.sum(1)
            terms["negative_elbo"] = reconstruction + kl.sum(1)
        count = jnp.asarray(len(images), jnp.float32)
        metrics = {"loss": (loss * count, count)}
        metrics |= {name: (term.sum(), count) for name, term in terms.items()}
        return loss, metrics


def sample_posterior(
    key: PRNGKeyArray, z_mean: Float[Array, "b z"], z_logvar: Float[Array, "b z"]
) -> Float[Array, "b z"]:
    """One code for each picture, differentiable in the posterior (the reparametrisation trick)."""
    return z_mean + jnp.exp(0.5 * z_logvar) * jax.random.normal(key, z_mean.shape)


def reconstruction_nll(
    settings: LatentConfig, logits: Float[Array, "b h w c"], images: Float[Array, "b h w c"]
) -> Float[Array, " b"]:
    """Negative log-likelihood of each picture under the decoder's output, in nats."""
    if settings.likelihood == "bernoulli":
        return bernoulli_nll(logits, images)
    return gaussian_nll(jax.nn.sigmoid(logits), images, settings.scale)


def _warm_up(settings: LatentConfig, progress: Float[Array, ""]) -> Float[Array, ""]:
    """Weight of all that is asked of the code: rises from 0 to 1 over `kl_warmup` of the run."""
    if settings.kl_warmup == 0.0:
        return jnp.ones(())
    return jnp.clip(progress / settings.kl_warmup, 0.0, 1.0)


def _kl_penalty(
    settings: LatentConfig, kl: Float[Array, " z"], progress: Float[Array, ""]
) -> Float[Array, ""]:
    """The KL term of the loss, from the micro-batch's mean KL a dimension."""
    total = jnp.maximum(kl, settings.free_bits).sum()
    if settings.capacity is None:
        return settings.beta * total
    return settings.capacity_weight * jnp.abs(total - settings.capacity * progress)
