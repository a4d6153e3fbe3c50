"""Decoded pictures: what every source of pictures is turned into."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Decoded:
    """All pictures of a source, of one size, with what is known of each.

    Attributes:
        images: uint8 [n, h, w, c].
        labels: int32 [n], or None where there are none.
        factors: float32 [n, f], the known causes of each picture, or None.
        groups: int32 [n], pictures of one group (a person) go to the same split; None where each is alone.
        test: how many of the last pictures are the source's own test split; 0 where it has none.
        classes: names of the labels.
        factor_names: names of the factors.
    """

    images: np.ndarray
    labels: np.ndarray | None = None
    factors: np.ndarray | None = None
    groups: np.ndarray | None = None
    test: int = 0
    classes: tuple[str, ...] = ()
    factor_names: tuple[str, ...] = ()
