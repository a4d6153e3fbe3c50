"""Ring buffers of many convolutions in one array, so that a step reads and writes all of them at once."""

import dataclasses
from functools import cached_property

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int


@dataclasses.dataclass(frozen=True)
class RingLayout:
    """Which slots of an array [b m d] hold the latest inputs of which convolution.

    Each convolution has a ring of `span = (kernel_size - 1) * dilation` slots; the rings follow one another.
    Step `position` puts its input into slot `position % span` of a ring, in the place of the oldest.

    Attributes:
        dilations: one a convolution.
        kernel_size: taps of every convolution.
    """

    dilations: tuple[int, ...]
    kernel_size: int

    @cached_property
    def spans(self) -> np.ndarray:
        """Slots of each ring."""
        return (self.kernel_size - 1) * np.array(self.dilations, np.int32)

    @cached_property
    def ends(self) -> np.ndarray:
        """The slot after each ring's last."""
        return np.cumsum(self.spans, dtype=np.int32)

    @property
    def size(self) -> int:
        """Slots of all rings, m."""
        return int(self.spans.sum())

    def past(self, position: Int[Array, ""]) -> Int[Array, "n p"]:
        """The slots that each convolution's earlier taps see at this step; the first is to be replaced."""
        ages = np.outer(self.dilations, np.arange(self.kernel_size - 1)).astype(np.int32)
        return jnp.asarray(self._starts[:, None]) + (position + ages) % self.spans[:, None]

    def by_age(self, position: Int[Array, ""]) -> Int[Array, " m"]:
        """The slots of each ring in turn, from its oldest input to its latest."""
        ages = np.concatenate([np.arange(span, dtype=np.int32) for span in self.spans])
        starts, spans = np.repeat(self._starts, self.spans), np.repeat(self.spans, self.spans)
        return jnp.asarray(starts) + (position + ages) % spans

    @property
    def _starts(self) -> np.ndarray:
        return self.ends - self.spans
