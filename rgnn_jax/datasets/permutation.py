"""A keyed permutation of the cells of a grid, computed cell by cell, so that no order is sorted or stored."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Array, UInt32

Bits = UInt32[Array | np.ndarray, "..."]

ROUNDS = 6


def mix_bits(bits: Bits) -> Bits:
    """The last steps of MurmurHash3, for arrays of NumPy and of JAX."""
    bits = (bits ^ (bits >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    bits = (bits ^ (bits >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return bits ^ (bits >> np.uint32(16))


def permute_cells(
    row: Bits, column: Bits, shape: tuple[int, int], offsets: Sequence[Bits] | Bits
) -> tuple[Bits, Bits]:
    """Where a pseudo-random permutation of a grid puts these cells.

    A Feistel network over the pairs (row, column): each round shifts one of the two, around the grid's edge,
    by a hash of the other (Black and Rogaway 2002, "Ciphers with arbitrary finite domains").

    Args:
        row: in [0, rows).
        column: in [0, columns).
        shape: (rows, columns), each below 2**31.
        offsets: the permutation's key, one word a round, or one word a round and cell.
    """
    rows, columns = (np.uint32(side) for side in shape)
    for i in range(len(offsets)):
        if i % 2:
            row = (row + mix_bits(column ^ offsets[i]) % rows) % rows
        else:
            column = (column + mix_bits(row ^ offsets[i]) % columns) % columns
    return row, column
