"""The objective of an encoder-decoder: predict each symbol of the target from the source and those before."""

import dataclasses

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from rgnn_jax.contracts import Metrics, Params
from rgnn_jax.datasets.arithmetic import ArithmeticBatch
from rgnn_jax.losses import cross_entropy, teacher_forced


@dataclasses.dataclass(frozen=True)
class Translate:
    """Mean cross-entropy of each symbol of the target, in nats, given the true ones before it.

    Attributes:
        model: a `contracts.ConditionalModel`.
        start: the token that stands before a target's first symbol.
    """

    model: nn.Module
    start: int

    def init(self, key: PRNGKeyArray) -> Params:
        """Fresh parameters."""
        tokens = jnp.zeros((1, self.model.target_length), jnp.int32)
        source = jnp.zeros((1, self.model.source_length), jnp.int32)
        return self.model.init({"params": key}, tokens, source)["params"]

    def __call__(
        self,
        params: Params,
        batch: ArithmeticBatch,
        key: PRNGKeyArray,
        progress: Float[Array, ""],
        train: bool,
    ) -> tuple[Float[Array, ""], Metrics]:
        """Loss; with it the fraction of symbols, and of whole targets, whose likeliest symbols are right."""
        rngs = {"dropout": key} if train else None
        output = self.model.apply(
            {"params": params}, teacher_forced(batch.target, self.start), batch.source, train=train, rngs=rngs
        )
        logits = jnp.asarray(output, jnp.float32)
        nll = cross_entropy(logits, batch.target)
        right = jnp.argmax(logits, -1) == batch.target
        count, rows = (jnp.asarray(n, jnp.float32) for n in (nll.size, len(nll)))
        total = nll.sum()
        return total / count, {
            "loss": (total, count),
            "accuracy": (right.sum().astype(jnp.float32), count),
            "whole_accuracy": (right.all(axis=1).sum().astype(jnp.float32), rows),
        }
