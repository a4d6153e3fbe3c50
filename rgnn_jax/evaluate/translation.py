"""How likely an encoder-decoder finds the true targets."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jaxtyping import Array, Float, Int, Shaped

from rgnn_jax.contracts import Params, Rows
from rgnn_jax.errors import UserError
from rgnn_jax.in_batches import in_batches
from rgnn_jax.losses import cross_entropy, teacher_forced


def score_targets(
    model: nn.Module,
    params: Params,
    source: Rows,
    target: Int[np.ndarray, "n t"],
    start: int,
    *,
    batch_size: int = 1000,
) -> float:
    """Mean cross-entropy of the targets' symbols, each given the true ones before it, in nats.

    Args:
        model: a `contracts.ConditionalModel`.
        params: its parameters.
        source: what each target depends on, a row each.
        target: true symbols.
        start: the token before a target's first.
        batch_size: targets at a time; of no influence on the result.
    """

    def score(rows: np.ndarray) -> Array:
        return _score(model, params, source[rows], target[rows], start)

    return float(in_batches(score, len(target), batch_size).sum(dtype=np.float64)) / target.size


def source_attention(
    model: nn.Module,
    params: Params,
    source: Shaped[np.ndarray | Array, "b ..."],
    target: Int[np.ndarray, "b t"],
    start: int,
) -> Float[np.ndarray, "b t s"]:
    """How much a decoder that writes the targets attends to each source position, for each symbol of them.

    The mean over layers and heads; each symbol is written given those before it in the target.

    Args:
        model: a `contracts.ConditionalModel`.
        params: its parameters.
        source: what the targets depend on.
        target: what is written.
        start: the token before a target's first.

    Raises:
        UserError: where the decoder attends to nothing.
    """
    weights = _attention(model, params, jnp.asarray(source), jnp.asarray(target, jnp.int32), start)
    if not weights:
        raise UserError("the decoder attends to no source position; train one with model.source attention")
    return np.mean([np.asarray(layer).mean(axis=1) for layer in weights], axis=0)


@functools.partial(jax.jit, static_argnames=("model", "start"))
def _attention(
    model: nn.Module, params: Params, source: Shaped[Array, "b ..."], target: Int[Array, "b t"], start: int
) -> list[Array]:
    tokens = teacher_forced(target, start)
    _, left = model.apply({"params": params}, tokens, source, mutable=["attention"])
    return jax.tree.leaves(left)


@functools.partial(jax.jit, static_argnames=("model", "start"))
def _score(
    model: nn.Module, params: Params, source: Shaped[Array, "b ..."], target: Int[Array, "b t"], start: int
) -> Float[Array, " b"]:
    tokens = teacher_forced(target, start)
    logits = jnp.asarray(model.apply({"params": params}, tokens, source), jnp.float32)
    return cross_entropy(logits, target).sum(axis=1)
