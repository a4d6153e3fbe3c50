import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rgnn_jax.datasets.handwriting_strips import draw_strips, make_table
from rgnn_jax.datasets.pictures import Pictures
from rgnn_jax.errors import UserError

SIDE = 28


def keys(count, seed=0):
    return jax.random.split(jax.random.key(seed), count)


def table_of(images):
    return make_table(
        Pictures(images[..., None], np.arange(len(images), dtype=np.int32) % 10), "0123456789", ""
    )


def test_pictures_of_a_digit_are_equally_likely():
    images = np.broadcast_to(np.arange(30, dtype=np.uint8)[:, None, None], (30, 4, 4))
    strips = draw_strips(table_of(images), jnp.full((3000, 1), 9), keys(3000))
    shown, counts = np.unique(np.rint(255 * strips[:, 0, 0, 0, 0]), return_counts=True)
    assert shown.tolist() == [9, 19, 29]
    assert counts.min() > 900


def test_augmentation_moves_ink_a_little_and_keeps_it():
    images = np.zeros((10, SIDE, SIDE), np.uint8)
    images[:, 8:20, 8:20] = 255
    symbols = jnp.zeros((100, 1), jnp.int32)
    plain = np.asarray(draw_strips(table_of(images), symbols, keys(100)))[:, 0, :, :, 0]
    moved = np.asarray(draw_strips(table_of(images), symbols, keys(100), augment=True))[:, 0, :, :, 0]
    np.testing.assert_array_equal(plain, np.broadcast_to(images[:1] / 255.0, plain.shape).astype(np.float32))
    assert 0 <= moved.min() <= moved.max() <= 1 + 1e-6
    ink = moved.sum(axis=(1, 2)) / plain.sum(axis=(1, 2))
    assert 0.65 < ink.min() < 0.9 < 1.1 < ink.max() < 1.5
    rows = np.arange(SIDE)
    centre = (moved.sum(axis=2) * rows).sum(1) / moved.sum(axis=(1, 2))
    assert 0.4 < centre.std() < 2
    assert abs(centre.mean() - 13.5) < 0.5
    assert moved[:, 14, 14].min() > 0.99


def test_noise_differs_from_picture_to_picture_and_spares_no_blank():
    grey = np.full((10, SIDE, SIDE), 127, np.uint8)
    symbols = jnp.tile(jnp.array([[3, 12]]), (200, 1))
    plain, noisy = (draw_strips(table_of(grey), symbols, keys(200), noise=noise) for noise in (0.0, 0.1))
    assert 0 <= float(noisy.min()) <= float(noisy.max()) <= 1
    amounts = np.asarray(noisy[:, 0] - plain[:, 0]).std(axis=(1, 2, 3))
    np.testing.assert_allclose(np.quantile(amounts, [0, 0.25, 0.5, 0.75, 1]), 0.025 * np.arange(5), atol=0.01)
    blanks = np.asarray(noisy[:, 1])
    assert np.quantile(blanks.max(axis=(1, 2, 3)), 0.1) > 0
    assert np.corrcoef(amounts, blanks.std(axis=(1, 2, 3)))[0, 1] < 0.3


def test_a_digit_without_a_picture_is_named():
    with pytest.raises(UserError, match="no picture of 7"):
        make_table(
            Pictures(np.zeros((7, 4, 4, 1), np.uint8), np.arange(7, dtype=np.int32)), "0123456789", "set"
        )
