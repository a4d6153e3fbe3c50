import numpy as np
import pytest

from rgnn_jax.datasets.image_resize import crop_square, fit_pictures, resize_weights
from rgnn_jax.errors import UserError

NOISE = np.random.default_rng(0).integers(0, 256, (3, 12, 9, 3), np.uint8)


@pytest.mark.parametrize("size", [4, 9, 20])
def test_arrays_and_pillow_agree(size):
    image = pytest.importorskip("PIL.Image")
    ours = fit_pictures(NOISE, size, 0)
    for picture, fitted in zip(crop_square(NOISE), ours, strict=True):
        pillows = image.fromarray(picture).resize((size, size), image.Resampling.BILINEAR)
        assert abs(np.asarray(pillows).astype(int) - fitted).max() <= 1


def test_weights_worked_by_hand():
    np.testing.assert_allclose(resize_weights(2, 4), [[1, 0], [0.75, 0.25], [0.25, 0.75], [0, 1]])
    # Two new pixels of two old ones: a triangle of half-width 2 about 1.0 and 3.0.
    np.testing.assert_allclose(resize_weights(4, 2)[0], np.array([3, 3, 1, 0]) / 7)


def test_a_crop_is_about_the_centre():
    np.testing.assert_array_equal(crop_square(NOISE), NOISE[:, 1:10])
    np.testing.assert_array_equal(fit_pictures(NOISE, 9, 0), NOISE[:, 1:10])


def test_grey_and_colour():
    image = pytest.importorskip("PIL.Image")
    grey = fit_pictures(NOISE, 0, 1)
    assert grey.shape == (3, 12, 9, 1)
    pillows = np.asarray(image.fromarray(NOISE[0]).convert("L")).astype(int)
    assert abs(pillows - grey[0, :, :, 0]).max() <= 1
    np.testing.assert_array_equal(fit_pictures(grey, 0, 3), np.repeat(grey, 3, 3))
    assert fit_pictures(NOISE, 0, 0) is NOISE


def test_channels_that_are_neither_grey_nor_colour_are_refused():
    with pytest.raises(UserError, match="2 channels"):
        fit_pictures(np.zeros((1, 4, 4, 2), np.uint8), 0, 3)
