"""The objective of every language model: predict the next token."""

import dataclasses

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from rgnn_jax.contracts import Metrics, Params
from rgnn_jax.losses import cross_entropy


@dataclasses.dataclass(frozen=True)
class NextToken:
    """Mean cross-entropy of each next token, in nats.

    Attributes:
        model: a `contracts.SequenceModel`.
        window: tokens a training sequence feeds in.
    """

    model: nn.Module
    window: int

    def init(self, key: PRNGKeyArray) -> Params:
        """Fresh parameters."""
        tokens = jnp.zeros((1, self.window), jnp.int32)
        return self.model.init({"params": key}, tokens)["params"]

    def __call__(
        self,
        params: Params,
        batch: Int[Array, "b t"],
        key: PRNGKeyArray,
        progress: Float[Array, ""],
        train: bool,
    ) -> tuple[Float[Array, ""], Metrics]:
        """Loss of a batch of `window + 1` tokens a row: all but the last predict all but the first."""
        rngs = {"dropout": key} if train else None
        output = self.model.apply({"params": params}, batch[:, :-1], train=train, rngs=rngs)
        logits = jnp.asarray(output, jnp.float32)
        nll = cross_entropy(logits, batch[:, 1:])
        count = jnp.asarray(nll.size, jnp.float32)
        hits = jnp.sum(jnp.argmax(logits, -1) == batch[:, 1:])
        total = nll.sum()
        return total / count, {"loss": (total, count), "accuracy": (hits.astype(jnp.float32), count)}


def parameter_count(params: Params) -> int:
    """Numbers in a parameter tree."""
    return sum(leaf.size for leaf in jax.tree.leaves(params))
