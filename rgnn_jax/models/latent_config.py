"""The settings that every model with a latent space shares: its size, its likelihood and its objective."""

from typing import Literal

from rgnn_jax.fields import Count, Fraction, NonNegative, Positive, Variant


class LatentConfig(Variant, frozen=True, kw_only=True):
    """What a latent model is trained for; each family adds the shape of its networks.

    Attributes:
        z_dim: latent dimensions.
        variational: False makes a deterministic autoencoder: no `z_logvar`, no sampling, no KL term. It is
            not the same as `beta = 0`, which samples and leaves the noise unpunished.
        likelihood: of a pixel given z, with the sigmoid of the decoder's output as its mean.
        scale: standard deviation of the Gaussian likelihood, in units of the pixel range [0, 1].
        objective: `beta` (Higgins et al. 2017), `tc` (Chen et al. 2018) or `factor` (Kim and Mnih 2018).
        beta: weight of the KL term; of the total correlation for `tc` and `factor`.
        kl_warmup: fraction of the run over which the KL weight rises from 0 to its value.
        capacity: nats of KL that are free at the end of the run (Burgess et al. 2018); None for no such term.
        capacity_weight: gamma, the weight of |KL - C| where there is a capacity.
        free_bits: nats a latent dimension that are not punished (Kingma et al. 2016).
    """

    z_dim: Count = 32
    variational: bool = True
    likelihood: Literal["bernoulli", "gaussian"] = "bernoulli"
    scale: Positive = 1.0
    objective: Literal["beta", "tc", "factor"] = "beta"
    beta: NonNegative = 1.0
    kl_warmup: Fraction = 0.0
    capacity: NonNegative | None = None
    capacity_weight: Positive = 1000.0
    free_bits: NonNegative = 0.0
