"""What the folders in which pictures lie say of them: their classes, and a test split of their own."""

import os
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
    """Takes folders for classes, and those called train and test, where there are both, for splits.

    Args:
        folders: where each picture lies below what was named, "." for there itself.
        sources: the pictures' names, for messages.

    Raises:
        UserError: a picture lies beside the folders of classes.
    """
    above = len(PurePosixPath(os.path.commonpath(folders)).parts)
    parts = [PurePosixPath(folder).parts[above:] for folder in folders]
    heads = [part[0].lower() if part else "" for part in parts]
    held_out = np.zeros(len(parts), bool)
    if set(heads) <= _SPLITS and set(heads) & _TRAIN and set(heads) & _TEST:
        held_out = np.array([head in _TEST for head in heads])
        parts = [part[1:] for part in parts]
    strays = [source for source, part in zip(sources, parts, strict=True) if not part]
    if 0 < len(strays) < len(parts):
        raise UserError(f"{strays[0]}: lies beside the folders of classes; put it into one, or take it away")
    order = np.argsort(held_out, kind="stable")
    labels, classes = number_labels(["/".join(part) for part in parts])
    if len(classes) < 2:
        return Filed(order, None, (), int(held_out.sum()))
    names = tuple(PurePosixPath(name).name for name in classes)
    unique = names if len(set(names)) == len(names) else classes
    return Filed(order, labels[order], unique, int(held_out.sum()))
