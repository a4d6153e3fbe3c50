"""The objective of an encoder-decoder: predict each symbol of the target from the source and those before."""

import dataclasses
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from rgnn_jax.contracts import Metrics, Params
from rgnn_jax.datasets.arithmetic import ArithmeticBatch
from rgnn_jax.losses import cross_entropy, teacher_forced
from rgnn_jax.models.painting import painting_loss


@dataclasses.dataclass(frozen=True)
class Translate:
    """Mean cross-entropy of each symbol of the target, in nats, given the true ones before it.

    Where the source is pictures, the mean cross-entropy of the symbol in each is added with its weight.
    Unless this is 0, answers are learned from the true symbols, as after a reading without error, and reading
    from its own loss alone. Where the target is to be painted, `painting_loss` is added.

    Attributes:
        model: a `contracts.ConditionalModel`.
        start: the token that stands before a target's first symbol.
    """

    model: nn.Module
    start: int

    def init(self, key: PRNGKeyArray) -> Params:
        """Fresh parameters."""
        tokens = jnp.zeros((1, self.model.target_length), jnp.int32)
        return self.model.init({"params": key}, tokens, self.model.empty_source(1))["params"]

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
        fed = teacher_forced(batch.target, self.start)
        shown = batch.symbols if train and self.model.config.reading_weight else None
        output: Any = self.model.apply(
            {"params": params}, fed, batch.source, shown, train=train, rngs=rngs, method="answer_and_read"
        )
        logits = jnp.asarray(output[0], jnp.float32)
        nll = cross_entropy(logits, batch.target)
        right = jnp.argmax(logits, -1) == batch.target
        count, rows = (jnp.asarray(n, jnp.float32) for n in (nll.size, len(nll)))
        total = nll.sum()
        loss, metrics = (
            total / count,
            {
                "loss": (total, count),
                "accuracy": (right.sum().astype(jnp.float32), count),
                "whole_accuracy": (right.all(axis=1).sum().astype(jnp.float32), rows),
            },
        )
        if batch.pictures is not None:
            painting, more = painting_loss(
                self.model, params, batch.pictures, batch.target, self.start, jax.random.fold_in(key, 1)
            )
            return loss + painting, metrics | more
        if batch.symbols is None:
            return loss, metrics
        readings = jnp.asarray(output[1], jnp.float32)
        unread = cross_entropy(readings, batch.symbols)
        read = jnp.argmax(readings, -1) == batch.symbols
        frames = jnp.asarray(unread.size, jnp.float32)
        metrics |= {
            "reading_loss": (unread.sum(), frames),
            "reading_accuracy": (read.sum().astype(jnp.float32), frames),
        }
        return loss + self.model.config.reading_weight * unread.mean(), metrics
