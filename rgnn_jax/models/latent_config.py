"""The settings that every model with a latent space shares: its size, its likelihood and its objective."""

from typing import Literal

from rgnn_jax.errors import UserError
from rgnn_jax.fields import Count, Fraction, NonNegative, Positive, Variant
from rgnn_jax.losses import Likelihood


class LatentConfig(Variant, frozen=True, kw_only=True):
    """What a latent model is trained for; each family adds the shape of its networks.

    Attributes:
        z_dim: latent dimensions.
        variational: False makes a deterministic autoencoder: no `z_logvar`, no sampling, no KL term; the
            settings below `scale` then say nothing. It is not the same as `beta = 0`, which samples and
            leaves the noise unpunished.
        likelihood: of a pixel given z, with the sigmoid of the decoder's output as its mean.
        scale: standard deviation of the Gaussian likelihood, in units of the pixel range [0, 1].
        objective: `beta` (Higgins et al. 2017), `tc` (Chen et al. 2018), `factor` (Kim and Mnih 2018) or
            `iwae` (Burda et al. 2016).
        beta: weight of the KL term; of the total correlation for `tc`, where 1 is the plain bound, and for
            `factor`, where 0 is.
        kl_warmup: fraction of the run over which all that is asked of the code gains its full weight.
        capacity: nats of KL asked for at the end of the run, rising from 0 (Burgess et al. 2018), in place of
            a weighted KL; None for no such term.
        capacity_weight: gamma, the weight of |KL - C| where there is a capacity.
        free_bits: nats of a latent dimension's mean KL that are not punished (Kingma et al. 2016).
        particles: codes drawn for each picture by `iwae`.
        discriminator: hidden widths of the network that `factor` trains beside the model.
    """

    z_dim: Count = 32
    variational: bool = True
    likelihood: Likelihood = "bernoulli"
    scale: Positive = 1.0
    objective: Literal["beta", "tc", "factor", "iwae"] = "beta"
    beta: NonNegative = 1.0
    kl_warmup: Fraction = 0.0
    capacity: NonNegative | None = None
    capacity_weight: Positive = 1000.0
    free_bits: NonNegative = 0.0
    particles: Count = 1
    discriminator: tuple[Count, ...] = (1000,) * 6

    def __post_init__(self) -> None:
        if self.particles > 1 and self.objective != "iwae":
            raise UserError('model.particles: only model.objective "iwae" draws several codes a picture')
        if self.objective == "iwae" and (self.capacity is not None or self.free_bits):
            raise UserError('model.objective "iwae": its bound has no KL term for a capacity or free bits')
