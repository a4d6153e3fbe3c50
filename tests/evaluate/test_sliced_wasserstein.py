import jax
import numpy as np
import pytest

from rgnn_jax.errors import UserError
from rgnn_jax.evaluate.sliced_wasserstein import (
    laplacian_pyramid,
    patch_sliced_wasserstein,
    sliced_wasserstein,
)

KEY = jax.random.key(0)


def pictures(n, size, seed=0, channels=1):
    return np.random.default_rng(seed).uniform(size=(n, size, size, channels)).astype(np.float32)


def blurred(images):
    for axis in (1, 2):
        images = (np.roll(images, 1, axis) + images + np.roll(images, -1, axis)) / 3
    return images


def test_of_one_pixel_it_is_the_distance_of_the_sorted_values():
    a = np.array([3.0, 0, 1]).reshape(3, 1, 1, 1)
    b = np.array([2.0, 2, 5]).reshape(3, 1, 1, 1)
    assert sliced_wasserstein(a, b, KEY, directions=5) == pytest.approx((2 + 1 + 2) / 3, rel=1e-6)


def test_a_shift_of_all_pixels_costs_what_the_docstring_says():
    a = pictures(4, 16)
    assert sliced_wasserstein(a, a + 0.1, KEY, directions=2000) == pytest.approx(
        0.1 * np.sqrt(2 / np.pi), rel=0.05
    )
    assert sliced_wasserstein(a, a[::-1], KEY) == 0


def test_bytes_and_fractions_agree():
    a = (255 * pictures(3, 8, 0)).round().astype(np.uint8)
    b = (255 * pictures(3, 8, 1)).round().astype(np.uint8)
    fractions = (a / 255).astype(np.float32), (b / 255).astype(np.float32)
    assert sliced_wasserstein(a, b, KEY) == pytest.approx(sliced_wasserstein(*fractions, KEY), rel=1e-4)


def test_the_key_decides_and_nothing_else():
    a, b = pictures(20, 8, 1), pictures(20, 8, 2)
    first = patch_sliced_wasserstein(a, b, KEY, patches=8, directions=70)
    assert first == patch_sliced_wasserstein(a, b, KEY, patches=8, directions=70)
    assert first != patch_sliced_wasserstein(a, b, jax.random.key(1), patches=8, directions=70)


def test_the_pyramid_halves_down_to_16_pixels_and_is_empty_where_a_picture_is_smooth():
    images = pictures(2, 64, channels=3)
    assert [level.shape[1] for level in laplacian_pyramid(images)] == [64, 32, 16]
    flat = np.full((1, 32, 32, 1), 0.3, np.float32)
    fine, coarse = laplacian_pyramid(flat)
    np.testing.assert_allclose(fine, 0, atol=1e-6)
    np.testing.assert_allclose(coarse, 0.3, rtol=1e-6)


def test_the_blur_is_the_burt_adelson_filter():
    point = np.zeros((1, 32, 32, 1), np.float32)
    point[0, 16, 16] = 1
    taps = np.array([1, 4, 6, 4, 1]) / 16
    _, coarse = laplacian_pyramid(point)
    np.testing.assert_allclose(coarse[0, 7:10, 7:10, 0], np.outer(taps[::2], taps[::2]), rtol=1e-6)


def test_patches_see_blur_at_the_finest_scale_most_and_not_brightness():
    real, other = pictures(60, 32, 1), pictures(60, 32, 2)
    same = patch_sliced_wasserstein(real, other, KEY, patches=64, directions=64)
    blur = patch_sliced_wasserstein(real, blurred(other), KEY, patches=64, directions=64)
    assert list(same) == [32, 16]
    assert blur[32] > 2 * same[32]
    assert blur[32] > blur[16]
    dark = patch_sliced_wasserstein(real, other / 2, KEY, patches=64, directions=64)
    assert dark[16] == pytest.approx(same[16], rel=1e-3)


def test_small_pictures_have_one_level():
    a = pictures(3, 28)
    assert list(patch_sliced_wasserstein(a, a, KEY, patches=2, directions=2)) == [28]


def test_pictures_that_cannot_be_compared_are_refused():
    a = pictures(3, 8)
    with pytest.raises(UserError, match="cannot be compared"):
        sliced_wasserstein(a, a[:2], KEY)
    with pytest.raises(UserError, match="no patch of 7x7"):
        patch_sliced_wasserstein(a[:, :6], a[:, :6], KEY)
