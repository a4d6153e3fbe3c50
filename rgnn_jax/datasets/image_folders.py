"""What the folders in which pictures lie say of them: their classes, and a test split of their own."""

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from rgnn_jax.datasets.image_cache import number_labels
from rgnn_jax.errors import UserError

_TRAIN, _TEST = frozenset({"train", "training"}), frozenset({"test", "testing"})
_SPLITS = _TRAIN | _TEST | {"val", "valid", "validation"}


class Filed(NamedTuple):
    """Pictures in their order, with what their folders say.

    Attributes:
        order: the places of the pictures, those of the test split last.
        labels: in this order; None where there are fewer than two classes.
        classes: names of the labels.
        test: how many of the last ones are the test split.
    """

    order: Int[np.ndarray, " n"]
    labels: Int[np.ndarray, " n"] | None
    classes: tuple[str, ...]
    test: int


def read_folders(folders: Sequence[str], sources: Sequence[str]) -> Filed:
    """Takes folders for classes, and those called train, test and val, where train is not alone, for splits.

    What is not test is dealt anew: pictures of val are among those that are trained on or validate.

    Args:
        folders: where each picture lies below what was named, "." for there itself.
        sources: the pictures' names, for messages.

    Raises:
        UserError: a picture lies beside the folders of classes.
    """
    parts = [PurePosixPath(folder.lstrip("/")).parts for folder in folders]
    above = _shared(parts)
    parts = [part[above:] for part in parts]
    heads = [part[0].lower() if part else "" for part in parts]
    held_out = np.zeros(len(parts), bool)
    if set(heads) <= _SPLITS and set(heads) & _TRAIN and len(set(heads)) > 1:
        held_out = np.array([head in _TEST for head in heads])
        parts = [part[1:] for part in parts]
    inner = {part[:length] for part in set(parts) for length in range(len(part))}
    for source, part in zip(sources, parts, strict=True):
        if part in inner:
            raise UserError(f"{source}: lies beside the folders of classes; put it into one, or take it away")
    order = np.argsort(held_out, kind="stable")
    labels, classes = number_labels(["/".join(part) for part in parts])
    if len(classes) < 2:
        return Filed(order, None, (), int(held_out.sum()))
    names = tuple(PurePosixPath(name).name for name in classes)
    unique = names if len(set(names)) == len(names) else classes
    return Filed(order, labels[order], unique, int(held_out.sum()))


def _shared(parts: Sequence[tuple[str, ...]]) -> int:
    """How many folders all places begin with."""
    first, last = min(parts), max(parts)
    return next((i for i, part in enumerate(first) if last[i : i + 1] != (part,)), len(first))
