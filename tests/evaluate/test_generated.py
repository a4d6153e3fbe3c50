"""The distance and the health of generated pictures."""

import numpy as np
import pytest

from rgnn_jax.evaluate.generated import describe_health, pairwise, score_generated

RNG = np.random.default_rng(0)
REAL = RNG.integers(0, 256, (200, 16, 16, 1)).astype(np.uint8)
OTHER = RNG.integers(0, 256, (200, 16, 16, 1)).astype(np.uint8)
SOUND = {"loss": 1.0, "spread": 0.9, "nearest": 0.6, "real_accuracy": 0.7, "fake_accuracy": 0.8}


def test_pairwise_distances_by_hand():
    images = np.array([0, 0, 255], np.uint8).reshape(3, 1, 1, 1)
    mean, nearest = pairwise(images)
    np.testing.assert_allclose((mean, nearest), (2 / 3, 0.0), atol=1e-6)
    assert pairwise(images[:1]) == (0.0, 0.0)


def test_pictures_of_the_same_kind_are_near_and_differ_as_much():
    scores = score_generated(REAL, OTHER)
    dark = score_generated(REAL, OTHER // 2)
    assert 0 < scores["loss"] < 0.5 * dark["loss"]
    assert scores["layout_distance"] < 0.5 * dark["layout_distance"]
    np.testing.assert_allclose((scores["spread"], scores["nearest"]), 1.0, atol=0.05)
    np.testing.assert_allclose(dark["spread"], 0.25, atol=0.02)


def test_a_collapsed_generator_is_seen_by_its_pictures():
    same = np.repeat(OTHER[:1], 200, axis=0)
    few = np.repeat(OTHER[:10], 20, axis=0)
    one, ten = score_generated(REAL, same), score_generated(REAL, few)
    assert one["spread"] == pytest.approx(0, abs=1e-5)
    assert ten["spread"] > 0.8 and ten["nearest"] == pytest.approx(0, abs=1e-3)
    for scores in (one, ten):
        assert "collapsed" in describe_health({**SOUND, **scores})


def test_a_generator_that_makes_one_picture_a_class_is_seen_where_classes_are_told():
    labels = np.arange(200) % 10
    prototypes = OTHER[:10][labels]
    assert score_generated(REAL, prototypes)["spread"] > 0.8
    assert score_generated(REAL, prototypes, labels)["spread"] == pytest.approx(0, abs=1e-5)
    assert score_generated(REAL, OTHER, labels)["spread"] == pytest.approx(1, abs=0.05)


def test_pictures_too_small_for_patches_are_compared_as_a_whole():
    scores = score_generated(REAL[:, :4, :4], OTHER[:, :4, :4])
    assert scores["loss"] == scores["layout_distance"] and "texture_distance" not in scores


@pytest.mark.parametrize(
    ("metrics", "words"),
    [
        ({}, None),
        (SOUND, None),
        ({**SOUND, "spread": 0.2}, "20% as far apart"),
        ({**SOUND, "nearest": 0.02}, "2% as far to the nearest other"),
        ({**SOUND, "loss": np.nan}, "diverged"),
        ({**SOUND, "real_accuracy": 1.0, "fake_accuracy": 1.0}, "tells all"),
    ],
)
def test_what_is_wrong_is_said_in_words(metrics, words):
    found = describe_health(metrics)
    assert (found is None) if words is None else words in found


def test_a_critic_has_no_threshold_to_judge_by():
    perfect = {**SOUND, "real_accuracy": 1.0, "fake_accuracy": 1.0}
    assert describe_health(perfect, judged=False) is None
