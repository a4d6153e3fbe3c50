"""Pictures in memory: what is known of each, and a set of them in three splits."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int, Int32, UInt8

from rgnn_jax.datasets.image_spec import ImageSpec


@dataclass(frozen=True)
class Pictures:
    """Pictures of one split, with what is known of each.

    Attributes:
        images: values of 0 to 255; may be mapped from a file.
        labels: numbers of the classes.
        factors: known causes of each picture.
    """

    images: UInt8[np.ndarray, "n h w c"]
    labels: Int32[np.ndarray, " n"] | None = None
    factors: Float32[np.ndarray, "n f"] | None = None

    def __len__(self) -> int:
        return len(self.images)

    def take(self, indices: np.ndarray | slice) -> "Pictures":
        """Some of the pictures."""
        chosen = (array if array is None else array[indices] for array in (self.labels, self.factors))
        return Pictures(self.images[indices], *chosen)


@dataclass(frozen=True)
class Images:
    """A set of pictures in three splits.

    Attributes:
        spec: shape and names.
        digest: SHA-256 of the source, in hexadecimal.
    """

    train: Pictures
    validation: Pictures
    test: Pictures
    spec: ImageSpec
    digest: str


def evenly(count: int, most: int) -> Int[np.ndarray, " m"]:
    """Places of at most `most` of `count` things, from the first to the last in even steps."""
    return np.linspace(0, count - 1, min(count, most)).astype(int)
