"""Applies a compiled function to many rows, some at a time."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jaxtyping import Int


def in_batches(function: Callable[[Int[np.ndarray, " b"]], Any], count: int, batch_size: int) -> Any:
    """What a function makes of `count` rows, asked for in batches of one size, so that it compiles once.

    Args:
        function: from the indices of rows to an array of them, or to a tree of such arrays.
        count: how many rows there are.
        batch_size: rows at a time; of no influence on the result, where a row does not depend on the others.

    Returns:
        NumPy arrays of all rows, in a tree like the function's.
    """
    size = min(batch_size, count)
    parts = []
    for start in range(0, max(count, 1), max(size, 1)):
        rows = np.arange(start, min(start + size, count))
        # The last batch repeats its rows to be full.
        made = function(np.resize(rows, size))
        parts.append(jax.tree.map(lambda array, rows=rows: np.asarray(array)[: len(rows)], made))
    return jax.tree.map(lambda *arrays: np.concatenate(arrays), *parts)
