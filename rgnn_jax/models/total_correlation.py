"""How dependent the dimensions of a code are: KL(q(z) || prod_j q(z_j)), estimated in two ways.

Both see the pictures of one micro-batch only. With few of them the estimate is poor: what is trained for it
wants one micro-batch a device, and at least some dozens of pictures in it.
"""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from rgnn_jax.contracts import Params
from rgnn_jax.errors import UserError

_LEAK = 0.2


def sampled_total_correlation(
    z: Float[Array, "b z"], z_mean: Float[Array, "b z"], z_logvar: Float[Array, "b z"], data_size: int
) -> Float[Array, ""]:
    """Total correlation of the aggregate posterior, from the posteriors of a micro-batch.

    log q(z_i) is estimated by the posteriors of the micro-batch's pictures, each weighted by how many of the
    data set's it stands for: its own by 1 / N, as it is in the sum for certain, the others equally by what
    remains. That is the minibatch-stratified sampling of beta-TCVAE (Chen et al. 2018, appendix C.2) with the
    choice of the odd picture averaged out. q(z_i) is unbiased, and exact where the micro-batch is the data
    set; its logarithm, and so the estimate, is not.

    Args:
        z: codes, one drawn from each posterior.
        z_mean: means of the posteriors.
        z_logvar: logarithms of their variances.
        data_size: N, pictures in the data set, at least those of the micro-batch.

    Raises:
        UserError: for a micro-batch of fewer than two pictures.
    """
    b = len(z)
    if b < 2:
        raise UserError("the total correlation needs micro-batches of at least 2 pictures; enlarge them")
    own, other = 1.0 / data_size, (data_size - 1.0) / (data_size * (b - 1.0))
    log_weight = jnp.log(jnp.where(jnp.eye(b, dtype=bool), own, other))
    difference = z[:, None, :] - z_mean[None, :, :]
    # log q(z_i | x_j) a dimension, but for a constant that cancels out in the result.
    log_q = -0.5 * (jnp.square(difference) * jnp.exp(-z_logvar)[None] + z_logvar[None])
    joint = jax.nn.logsumexp(log_q.sum(2) + log_weight, axis=1)
    marginals = jax.nn.logsumexp(log_q + log_weight[:, :, None], axis=1)
    return (joint - marginals.sum(1)).mean()


class Discriminator(nn.Module):
    """FactorVAE's judge: dense layers that tell codes from those whose dimensions were shuffled.

    Attributes:
        hidden: widths of the hidden layers, with leaky rectifiers (Kim and Mnih 2018, appendix A).
    """

    hidden: tuple[int, ...]

    @nn.compact
    def __call__(self, z: Float[Array, "b z"]) -> Float[Array, " b"]:
        """Log-odds that a code is one of the model's, which at best is log q(z) - sum_j log q(z_j)."""
        for i, width in enumerate(self.hidden):
            z = nn.leaky_relu(nn.Dense(width, name=f"hidden_{i}")(z), _LEAK)
        return nn.Dense(1, name="output")(z)[:, 0]


def permute_codes(key: PRNGKeyArray, z: Float[Array, "b z"]) -> Float[Array, "b z"]:
    """Codes with each dimension shuffled over the batch by itself (Kim and Mnih 2018, algorithm 1)."""
    return jax.random.permutation(key, z, axis=0, independent=True)


def judged_total_correlation(
    discriminator: Discriminator, params: Params, z: Float[Array, "b z"], key: PRNGKeyArray
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """Total correlation as the discriminator sees it, and the discriminator's own loss.

    One gradient serves both: of the first value it reaches the codes alone, of the second the discriminator
    alone. The discriminator compares the first half of the codes with the second, shuffled.

    Args:
        discriminator: the network.
        params: its parameters.
        z: codes.
        key: of the shuffling.

    Returns:
        The mean log-odds (Kim and Mnih 2018, equation 3), and the mean cross-entropy of the discriminator's
        judgements.

    Raises:
        UserError: for a micro-batch of fewer than two pictures.
    """
    half = len(z) // 2
    if half < 1:
        raise UserError("the total correlation needs micro-batches of at least 2 pictures; enlarge them")
    log_odds: Any = discriminator.apply({"params": jax.lax.stop_gradient(params)}, z)
    z = jax.lax.stop_gradient(z)
    shuffled = permute_codes(key, z[half : 2 * half])
    judged: Any = discriminator.apply({"params": params}, jnp.concatenate([z[:half], shuffled]))
    loss = 0.5 * (jax.nn.softplus(-judged[:half]).mean() + jax.nn.softplus(judged[half:]).mean())
    return log_odds.mean(), loss
