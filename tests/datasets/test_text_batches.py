import jax
import numpy as np
import pytest

from rgnn_jax.datasets.text_batches import LONGEST_TEXT, TextBatches
from rgnn_jax.errors import UserError

KEY = jax.random.key(0)


def draw(
    batches: TextBatches, step: int = 0, index: int = 0, count: int = 1, key: jax.Array = KEY
) -> np.ndarray:
    arrays = (jax.numpy.asarray(batches.data), key, jax.numpy.int32(step), jax.numpy.int32(index))
    return np.asarray(jax.jit(batches.draw, static_argnums=4)(*arrays, count))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32])
def test_windows_are_runs_of_the_text(dtype):
    batches = TextBatches(np.arange(50, dtype=dtype), batch_size=8, window=5)
    tokens = draw(batches)
    assert tokens.shape == (8, 6)
    assert tokens.dtype == np.int32
    np.testing.assert_array_equal(tokens[:, 1:], tokens[:, :-1] + 1)


def test_every_start_is_drawn_and_none_beyond():
    batches = TextBatches(np.arange(12), batch_size=400, window=4)
    assert set(draw(batches)[:, 0].tolist()) == set(range(8))


def test_a_text_of_one_window_is_drawn_whole():
    np.testing.assert_array_equal(draw(TextBatches(np.arange(5), batch_size=2, window=4)), [np.arange(5)] * 2)


def test_draws_depend_on_key_step_and_index_alone():
    batches = TextBatches(np.arange(10_000), batch_size=4, window=3)
    first = draw(batches, step=3, index=1, count=2)
    np.testing.assert_array_equal(first, draw(batches, step=3, index=1, count=2))
    for other in (
        draw(batches, step=4, index=1, count=2),
        draw(batches, step=3, index=0, count=2),
        draw(batches, step=1, index=3, count=2),
        draw(batches, step=3, index=1, count=2, key=jax.random.key(1)),
    ):
        assert (first != other).any()


def test_batches_that_cannot_be_dealt_are_refused():
    with pytest.raises(UserError, match="multiple of 3"):
        draw(TextBatches(np.arange(20), batch_size=4, window=3), count=3)


def test_texts_of_the_wrong_length_are_refused():
    with pytest.raises(UserError, match="holds no window of 5"):
        TextBatches(np.arange(5), batch_size=1, window=5)
    endless = np.broadcast_to(np.uint8(0), (LONGEST_TEXT + 1,))
    with pytest.raises(UserError, match="int32"):
        TextBatches(endless, batch_size=1, window=5)
