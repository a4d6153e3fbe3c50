import numpy as np
import pytest

from rgnn_jax.experiments.picture_looks import (
    compared,
    look_of_data,
    measure_look,
    nearest,
    variance_explained,
)


def noise(count, seed=0, side=16):
    return np.random.default_rng(seed).integers(0, 256, (count, side, side, 3), np.uint8)


def test_a_training_picture_is_its_own_nearest():
    among = noise(300)
    distances, places = nearest(among[[7, 250]], among)
    assert places.tolist() == [7, 250]
    assert distances.tolist() == [0.0, 0.0]


def test_what_is_compared_is_taken_from_all_of_a_sorted_set():
    numbers = np.arange(5000, dtype=np.uint16)
    chosen = np.ascontiguousarray(compared(numbers.view(np.uint8).reshape(-1, 1, 1, 2))).view(np.uint16)
    assert len(set(chosen.flat)) == len(chosen) == 2000
    assert chosen.mean() == pytest.approx(numbers.mean(), abs=2)
    few = noise(30)
    np.testing.assert_array_equal(compared(few), few)


def test_of_the_data_only_the_nearest_is_that_of_held_out_pictures():
    training, test = noise(30) // 2, noise(40, 1)
    look = look_of_data(test, training)
    assert look.contrast == pytest.approx(np.std(training / 255, axis=(1, 2, 3)).mean(), rel=1e-4)
    chosen = test[np.linspace(0, 39, 30).astype(int)]
    assert look.nearest == pytest.approx(nearest(chosen, training)[0].mean())


def test_the_distance_is_in_shares_of_the_range_a_pixel():
    black, grey = np.zeros((1, 2, 2, 3), np.uint8), np.full((1, 2, 2, 3), 51, np.uint8)
    assert nearest(grey, black)[0] == pytest.approx([0.2])


def test_reconstructions_explain_all_or_nothing():
    pictures = noise(20)
    mean = pictures.mean(axis=0).round().astype(np.uint8)
    assert variance_explained(pictures, pictures) == 1
    assert variance_explained(pictures, np.broadcast_to(mean, pictures.shape)) == pytest.approx(0, abs=1e-4)


def test_blur_is_seen_and_other_pictures_of_the_same_kind_are_near():
    data, others = noise(40, 1), noise(40, 2)
    blurred = others.reshape(40, 8, 2, 8, 2, 3).mean(axis=(2, 4)).astype(np.uint8)
    blurred = blurred.repeat(2, axis=1).repeat(2, axis=2)
    sharp, soft = (measure_look(pictures, data, noise(50, 3)) for pictures in (others, blurred))
    assert soft.sharpness < sharp.sharpness
    assert soft.texture > 1.1 * sharp.texture
    assert soft.distance > sharp.distance
    assert soft.contrast < sharp.contrast


def test_one_picture_over_and_over_has_precision_and_no_recall():
    data = noise(40, 1)
    same = np.repeat(noise(1, 2), 40, axis=0)
    other, alike = (measure_look(pictures, data, noise(50, 3)) for pictures in (same, noise(40, 2)))
    assert other.recall == 0 < alike.recall
