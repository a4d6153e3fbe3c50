"""Per-example losses, pure functions of logits and targets, in nats."""

import optax
from jaxtyping import Array, Float, Int


def cross_entropy(logits: Float[Array, "*n v"], labels: Int[Array, "*n"]) -> Float[Array, "*n"]:
    """Negative log-probability of the labels under a softmax.

    Args:
        logits: unnormalised log-probabilities.
        labels: class indices in [0, v).

    Returns:
        Nats an example.
    """
    return optax.softmax_cross_entropy_with_integer_labels(logits, labels)
