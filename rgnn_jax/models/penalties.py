"""What a discriminator is kept from: steep slopes, and answers that dropout can change."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from rgnn_jax.losses import pixel_sum
from rgnn_jax.models.gan import Verdict

Scores = Callable[[Float[Array, "b h w c"]], Float[Array, " b"]]


def gradient_penalty(
    scores: Scores, real: Float[Array, "b h w c"], fake: Float[Array, "b h w c"], key: PRNGKeyArray
) -> Float[Array, ""]:
    """Mean of (|grad D| - 1)^2 at random points between real and generated pictures.

    (Gulrajani et al. 2017, equation 3.)

    Args:
        scores: the discriminator, of each picture by itself.
        real: pictures.
        fake: as many others.
        key: of the points, one a pair.
    """
    share = jax.random.uniform(key, (len(real), 1, 1, 1))
    return slope_penalty(scores, share * real + (1.0 - share) * fake)


def slope_penalty(scores: Scores, pictures: Float[Array, "b h w c"]) -> Float[Array, ""]:
    """Mean of (|grad D| - 1)^2 at these pictures."""
    # The small number keeps the root differentiable where the gradient vanishes.
    return jnp.square(jnp.sqrt(pixel_sum(jnp.square(_slopes(scores, pictures))) + 1e-12) - 1.0).mean()


def squared_slope(scores: Scores, pictures: Float[Array, "b h w c"]) -> Float[Array, ""]:
    """Half the mean of |grad D|^2, the R1 penalty for gamma 1 (Mescheder et al. 2018, equation 9).

    Args:
        scores: the discriminator, of each picture by itself.
        pictures: real ones.
    """
    return 0.5 * pixel_sum(jnp.square(_slopes(scores, pictures))).mean()


def _slopes(scores: Scores, pictures: Float[Array, "b h w c"]) -> Float[Array, "b h w c"]:
    return jax.grad(lambda x: jnp.sum(scores(x)))(pictures)


def consistency(one: Verdict, other: Verdict, margin: float) -> Float[Array, ""]:
    """Mean of max(0, d(D(x'), D(x'')) + 0.1 d(D_(x'), D_(x'')) - M') (Wei et al. 2018, equation 4).

    D_ is the last hidden layer; d is the squared difference, as in the authors' program, averaged over D_'s
    features.

    Args:
        one: of real pictures under one dropout mask.
        other: under another.
        margin: M'.
    """
    scores = jnp.square(one.scores - other.scores)
    features = jnp.square(one.features - other.features).mean(1)
    return jax.nn.relu(scores + 0.1 * features - margin).mean()
