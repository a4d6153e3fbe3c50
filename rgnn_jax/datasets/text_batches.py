"""Random windows of a text, drawn on the device."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, Integer, PRNGKeyArray

from rgnn_jax.datasets.micro_batches import micro_batch_key, micro_batch_size
from rgnn_jax.errors import UserError

LONGEST_TEXT = 2**31 - 1


@dataclass(frozen=True)
class TextBatches:
    """Batches of windows that start anywhere in the text with equal probability (`contracts.Batches`).

    Args:
        data: the codes of the training split.
        window: how many characters a window predicts; it holds one more.
        batch_size: windows in the batch of a step.

    Raises:
        UserError: the text is shorter than one window, or too long to be indexed by int32.
    """

    data: np.ndarray
    window: int
    batch_size: int

    def __post_init__(self) -> None:
        if len(self.data) <= self.window:
            raise UserError(
                f"a text of {len(self.data)} characters holds no window of {self.window} and the character "
                "after it; give a longer text or a smaller data.window"
            )
        if len(self.data) > LONGEST_TEXT:
            raise UserError(
                f"a text of {len(self.data)} characters is longer than {LONGEST_TEXT}, the most that int32 "
                "can index; give a part of it"
            )

    def draw(
        self,
        data: Integer[Array, " n"],
        key: PRNGKeyArray,
        step: Int[Array, ""],
        index: Int[Array, ""],
        count: int,
    ) -> Int[Array, "b t"]:
        """Windows of micro-batch `index` of the `count` that make up the batch of `step`.

        Returns:
            Tokens [batch_size / count, window + 1]; inputs are all but the last, labels all but the first.

        Raises:
            UserError: `count` does not divide the batch.
        """
        size = micro_batch_size(self.batch_size, count)
        key = micro_batch_key(key, step, index)
        starts = jax.random.randint(key, (size, 1), 0, len(data) - self.window)
        return data[starts + jnp.arange(self.window + 1)[None, :]].astype(jnp.int32)
