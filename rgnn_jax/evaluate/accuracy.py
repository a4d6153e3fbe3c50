"""How well a classifier of pictures tells held-out ones apart."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jaxtyping import Array, Float, Int, UInt8

from rgnn_jax.contracts import Params
from rgnn_jax.in_batches import in_batches
from rgnn_jax.losses import cross_entropy


def score_classes(
    model: nn.Module,
    params: Params,
    images: UInt8[np.ndarray, "n h w c"],
    labels: Int[np.ndarray, " n"],
    *,
    batch_size: int = 250,
) -> dict[str, float]:
    """Mean cross-entropy in nats and the fraction of pictures that are given their own class.

    Args:
        model: a classifier, whose `__call__` maps pictures in [0, 1] to logits [b classes].
        params: its parameters.
        images: values of 0 to 255.
        labels: the classes' numbers.
        batch_size: pictures at a time; of no influence on the result.
    """

    def score(rows: np.ndarray) -> tuple[Array, Array]:
        return _score(model, params, images[rows], labels[rows])

    nll, right = in_batches(score, len(images), batch_size)
    return {"loss": float(nll.mean(dtype=np.float64)), "accuracy": float(right.mean())}


@functools.partial(jax.jit, static_argnames="model")
def _score(
    model: nn.Module, params: Params, images: UInt8[Array, "b h w c"], labels: Int[Array, " b"]
) -> tuple[Float[Array, " b"], Array]:
    logits = model.apply({"params": params}, images.astype(jnp.float32) / 255.0)
    logits = jnp.asarray(logits, jnp.float32)
    return cross_entropy(logits, labels), logits.argmax(-1) == labels
