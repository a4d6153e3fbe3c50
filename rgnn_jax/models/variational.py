"""The objective of every model with a latent space: reconstruct the picture and keep the code simple.

One convention, everywhere: the reconstruction loss is summed over pixels, the KL divergence over latent
dimensions, and both are averaged over the batch, so that `beta` means the same for every network and
batch size, and `beta = 1` is the evidence lower bound.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray, UInt8

from rgnn_jax.contracts import Metrics, Params
from rgnn_jax.datasets.image_batches import ImageBatch
from rgnn_jax.datasets.pictures import Images
from rgnn_jax.losses import kl_divergence, reconstruction_nll
from rgnn_jax.models.autoencoder import with_mean_picture
from rgnn_jax.models.latent_config import LatentConfig
from rgnn_jax.models.total_correlation import (
    Discriminator,
    judged_total_correlation,
    sampled_total_correlation,
)

_MOST_AVERAGED = 10_000

PixelLoss = Callable[[Array, Array], Array]
Means = dict[str, Float[Array, ""]]


@dataclasses.dataclass(frozen=True, eq=False)
class Variational:
    """The evidence lower bound, negative and in nats, and what is made of it to shape the code.

    With R the reconstruction loss and KL that of the posterior from N(0, 1), `settings.objective` minimises

    - `beta`: R + beta KL (Higgins et al. 2017, equation 4);
    - `tc`: R + KL + (beta - 1) TC, which is beta-TCVAE with alpha = gamma = 1 (Chen et al. 2018, equation 4),
      its KL in closed form, TC the total correlation;
    - `factor`: R + KL + beta TC, TC by a discriminator (Kim and Mnih 2018, equation 2) whose parameters lie
      beside the model's under "discriminator", and which the same optimiser moves in the same step;
    - `iwae`: -log of the mean of `particles` weights exp(-R) (p(z) / q(z | x))^beta (Burda et al. 2016,
      equation 8);

    and a deterministic autoencoder R alone. A dimension's KL, averaged over the micro-batch, counts as at
    least `free_bits`; a capacity C that rises linearly over the run replaces the KL term by
    capacity_weight |KL - C| (Burgess et al. 2018, equation 8); `kl_warmup` multiplies all but R.

    Attributes:
        model: a `contracts.LatentModel`.
        settings: what it is trained for; `beta` may be a traced array.
        images: what is trained on: their mean is where the decoder begins, and `tc` needs their number.
    """

    model: nn.Module
    settings: LatentConfig
    images: Images | None = None

    def init(self, key: PRNGKeyArray) -> Params:
        """Fresh parameters, which decode to about the mean picture where `images` are known."""
        model_key, judge_key = jax.random.split(key)
        pictures = jnp.zeros((1, *self.model.image_shape))
        params = self.model.init({"params": model_key}, pictures)["params"]
        if self.images is not None:
            params = with_mean_picture(params, mean_picture(self.images.train.images))
        if self.settings.variational and self.settings.objective == "factor":
            z = jnp.zeros((1, self.settings.z_dim))
            params = params | {"discriminator": self._discriminator.init(judge_key, z)["params"]}
        return params

    def __call__(
        self, params: Params, batch: ImageBatch, key: PRNGKeyArray, progress: Float[Array, ""], train: bool
    ) -> tuple[Float[Array, ""], Metrics]:
        """Loss of a micro-batch, with fresh codes for each picture.

        The metrics are `loss`, `reconstruction_loss`, and for a variational model `kl_loss`, `negative_elbo`
        and what its objective adds. For `factor` the returned scalar also holds the discriminator's loss,
        which `loss` leaves out.
        """
        encoder_key, decoder_key, noise_key = jax.random.split(key, 3)
        z_mean, z_logvar = self._apply(params, "encode", (batch.images,), encoder_key, train)

        def nll(z: Float[Array, "n z"], images: Float[Array, "n h w c"]) -> Float[Array, " n"]:
            logits = self._apply(params, "explain", (z, images), decoder_key, train)
            return reconstruction_nll(logits, images, self.settings.likelihood, self.settings.scale)

        if z_logvar is None:
            loss = nll(z_mean, batch.images).mean()
            minimised, means = loss, {"loss": loss, "reconstruction_loss": loss}
        elif self.settings.objective == "iwae":
            minimised, means = self._importance_weighted(
                nll, batch.images, z_mean, z_logvar, noise_key, progress
            )
        else:
            minimised, means = self._bound(params, nll, batch.images, z_mean, z_logvar, noise_key, progress)
        count = jnp.asarray(len(batch.images), jnp.float32)
        return minimised, {name: (mean * count, count) for name, mean in means.items()}

    def _apply(
        self, params: Params, method: str, inputs: tuple[Array, ...], key: PRNGKeyArray, train: bool
    ) -> Any:
        rngs = {"dropout": key} if train else None
        output = self.model.apply({"params": params}, *inputs, train=train, rngs=rngs, method=method)
        return jax.tree.map(lambda array: jnp.asarray(array, jnp.float32), output)

    def _bound(
        self,
        params: Params,
        nll: PixelLoss,
        images: Float[Array, "b h w c"],
        z_mean: Float[Array, "b z"],
        z_logvar: Float[Array, "b z"],
        key: PRNGKeyArray,
        progress: Float[Array, ""],
    ) -> tuple[Float[Array, ""], Means]:
        """All objectives with a KL term: the value to minimise, and the metrics' means."""
        settings, (noise_key, shuffle_key) = self.settings, jax.random.split(key)
        z = sample_posterior(noise_key, z_mean, z_logvar)
        reconstruction = nll(z, images).mean()
        kl = kl_divergence(z_mean, z_logvar).mean(0)
        means = {"reconstruction_loss": reconstruction, "kl_loss": kl.sum()}
        means["negative_elbo"] = reconstruction + kl.sum()
        penalty, judgement = self._kl_term(kl, progress), jnp.zeros(())
        if settings.objective == "tc":
            correlation = sampled_total_correlation(z, z_mean, z_logvar, self._data_size)
            penalty += (settings.beta - 1.0) * correlation
            means["total_correlation"] = correlation
        elif settings.objective == "factor":
            correlation, judgement = judged_total_correlation(
                self._discriminator, params["discriminator"], z, shuffle_key
            )
            penalty += settings.beta * correlation
            means |= {"total_correlation": correlation, "discriminator_loss": judgement}
        loss = reconstruction + self._warm_up(progress) * penalty
        return loss + judgement, {"loss": loss, **means}

    def _importance_weighted(
        self,
        nll: PixelLoss,
        images: Float[Array, "b h w c"],
        z_mean: Float[Array, "b z"],
        z_logvar: Float[Array, "b z"],
        key: PRNGKeyArray,
        progress: Float[Array, ""],
    ) -> tuple[Float[Array, ""], Means]:
        """The importance-weighted bound: the value to minimise, and the metrics' means."""
        count = self.settings.particles
        noise = jax.random.normal(key, (count, *z_mean.shape))
        z = z_mean[None] + jnp.exp(0.5 * z_logvar)[None] * noise
        repeated = jnp.broadcast_to(images[None], (count, *images.shape))
        losses = nll(_flat(z), _flat(repeated)).reshape(count, len(images))
        log_ratio = 0.5 * (jnp.square(noise) - jnp.square(z) + z_logvar[None]).sum(2)
        log_weight = self._warm_up(progress) * self.settings.beta * log_ratio - losses
        loss = (jnp.log(float(count)) - jax.nn.logsumexp(log_weight, axis=0)).mean()
        reconstruction, kl = losses.mean(), kl_divergence(z_mean, z_logvar).sum(1).mean()
        means = {"reconstruction_loss": reconstruction, "kl_loss": kl, "negative_elbo": reconstruction + kl}
        return loss, {"loss": loss, **means}

    def _kl_term(self, kl: Float[Array, " z"], progress: Float[Array, ""]) -> Float[Array, ""]:
        """What is asked of the micro-batch's mean KL a dimension."""
        settings = self.settings
        total = jnp.maximum(kl, settings.free_bits).sum()
        if settings.capacity is not None:
            return settings.capacity_weight * jnp.abs(total - settings.capacity * progress)
        return settings.beta * total if settings.objective == "beta" else total

    def _warm_up(self, progress: Float[Array, ""]) -> Float[Array, ""]:
        """Weight of all but the reconstruction: rises from 0 to 1 over `kl_warmup` of the run."""
        if self.settings.kl_warmup == 0.0:
            return jnp.ones(())
        return jnp.clip(progress / self.settings.kl_warmup, 0.0, 1.0)

    @property
    def _discriminator(self) -> Discriminator:
        return Discriminator(self.settings.discriminator)

    @property
    def _data_size(self) -> int:
        if self.images is None:
            raise ValueError('the objective "tc" needs the pictures that are trained on')
        return len(self.images.train)


def sample_posterior(
    key: PRNGKeyArray, z_mean: Float[Array, "b z"], z_logvar: Float[Array, "b z"]
) -> Float[Array, "b z"]:
    """One code for each picture, differentiable in the posterior (Kingma and Welling 2014, section 2.4)."""
    return z_mean + jnp.exp(0.5 * z_logvar) * jax.random.normal(key, z_mean.shape)


def mean_picture(images: UInt8[np.ndarray, "n h w c"]) -> Float[np.ndarray, "h w c"]:
    """Mean of the pictures, or of 10,000 of them spread evenly, in [0, 1]."""
    chosen = images[:: -(-len(images) // _MOST_AVERAGED)]
    return chosen.mean(0, dtype=np.float64) / 255.0


def _flat(particles: Array) -> Array:
    """Particles as further rows of the batch."""
    return particles.reshape(-1, *particles.shape[2:])
