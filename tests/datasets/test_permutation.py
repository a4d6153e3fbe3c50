import jax.numpy as jnp
import numpy as np
import pytest

from rgnn_jax.datasets.permutation import permute_cells

KEY = np.array([1, 2**31, 77, 5, 6, 2**32 - 1], np.uint32)


@pytest.mark.parametrize("shape", [(5, 11), (100, 101), (1, 7)])
def test_every_cell_is_taken_once(shape):
    rows, columns = (grid.ravel().astype(np.uint32) for grid in np.indices(shape))
    row, column = permute_cells(rows, columns, shape, KEY)
    assert row.max() < shape[0]
    assert column.max() < shape[1]
    assert len(set(zip(row.tolist(), column.tolist(), strict=True))) == shape[0] * shape[1]
    assert not (row == rows).all() or shape[0] == 1
    assert not (column == columns).all()


def test_numpy_and_jax_agree():
    rows, columns = np.arange(50, dtype=np.uint32), np.arange(50, dtype=np.uint32)[::-1].copy()
    ours = permute_cells(rows, columns, (99_999, 100_001), KEY)
    theirs = permute_cells(jnp.asarray(rows), jnp.asarray(columns), (99_999, 100_001), jnp.asarray(KEY))
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(one, other)
