import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rgnn_jax.in_batches import in_batches


@pytest.mark.parametrize(("count", "batch_size"), [(7, 3), (6, 3), (2, 5), (1, 1), (0, 5)])
def test_every_row_is_made_once_in_batches_of_one_size(count, batch_size):
    values, sizes = np.arange(2 * count, dtype=np.float32).reshape(count, 2), []

    def function(rows):
        sizes.append(len(rows))
        return {"twice": 2 * jnp.asarray(values[rows]), "row": rows}

    made = in_batches(function, count, batch_size)
    assert set(sizes) == {min(count, batch_size)}
    assert all(isinstance(leaf, np.ndarray) for leaf in jax.tree.leaves(made))
    np.testing.assert_array_equal(made["twice"], 2 * values)
    np.testing.assert_array_equal(made["row"], np.arange(count))
