"""What is the same for all batches that are drawn on the device: their shares, and the key of each."""

import jax
from jaxtyping import Array, Int, PRNGKeyArray

from rgnn_jax.errors import UserError


def micro_batch_size(batch_size: int, count: int) -> int:
    """How many examples each of `count` micro-batches holds.

    Raises:
        UserError: `count` does not divide the batch.
    """
    if batch_size % count:
        raise UserError(
            f"a batch of {batch_size} cannot be dealt to {count} micro-batches of one size; "
            f"set training.batch_size to a multiple of {count}"
        )
    return batch_size // count


def micro_batch_key(key: PRNGKeyArray, step: Int[Array, ""], index: Int[Array, ""]) -> PRNGKeyArray:
    """The key of micro-batch `index` at `step`, on which all that is random in it depends."""
    return jax.random.fold_in(jax.random.fold_in(key, step), index)
