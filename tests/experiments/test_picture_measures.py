import dataclasses

import numpy as np
import pytest

from rgnn_jax.datasets.image_spec import ImageSpec
from rgnn_jax.datasets.pictures import Images, Pictures
from rgnn_jax.errors import UserError
from rgnn_jax.experiments.judge import Judgement, score_samples
from rgnn_jax.experiments.latent.subject import Subject
from rgnn_jax.experiments.picture_measures import (
    mean_squared_error,
    pictures_of,
    require_classes,
    require_pictures,
    score_walks,
    together,
    unevenness,
)
from rgnn_jax.experiments.picture_results import WalkScore
from rgnn_jax.sampling.latent import Posterior

CLASSES = ("dark", "grey", "light")


class Thermometer(Subject):
    """A latent space of one number, which is the picture's brightness."""

    def __init__(self):
        """There is no run."""

    def encode(self, images):
        return Posterior(images.reshape(len(images), -1).mean(axis=1, keepdims=True), None)

    def decode(self, z):
        return np.broadcast_to(np.rint(z)[..., None, None], (*z.shape[:-1], 2, 2, 1)).astype(np.uint8)


def by_brightness(images):
    """Dark below 80, light from 176 on; its sureness falls from 1 at the ends to 1/2 in the middle."""
    level = images.reshape(len(images), -1).mean(axis=1)
    classes = np.digitize(level, (80, 176))
    sureness = 0.5 + np.abs(level - 127.5) / 255
    probabilities = np.full((len(images), 3), 0.0)
    probabilities += (1 - sureness[:, None]) / 2
    probabilities[np.arange(len(images)), classes] = sureness
    return Judgement(level[:, None], probabilities)


def flat(*levels):
    return np.array(levels, np.uint8).reshape(-1, 1, 1, 1).repeat(2, axis=1).repeat(2, axis=2)


def labelled(labels, classes=CLASSES):
    pictures = Pictures(flat(*range(len(labels))), np.array(labels, np.int32))
    spec = ImageSpec(height=2, width=2, channels=1, classes=classes)
    return Images(pictures, pictures, pictures, spec, "")


def test_equal_steps_are_even_and_one_jump_is_as_uneven_as_there_are_steps():
    even, jump = flat(0, 10, 20, 30, 40), flat(0, 0, 0, 0, 40)
    np.testing.assert_allclose(unevenness(np.stack([even, jump, flat(7, 7, 7, 7, 7)])), [1, 4, 1])


def test_a_walk_is_judged_at_its_inner_points():
    score = score_walks(Thermometer(), by_brightness, flat(0), flat(250), (0, 2), CLASSES)
    # Levels 25 to 225: four of nine inner points lie in 80 to 175, the class between.
    assert score.between == pytest.approx(4 / 9)
    assert (score.other, score.changes, score.count) == ("grey", 2.0, 1)
    assert score.unevenness == pytest.approx(1.0)
    inner = np.arange(25, 250, 25)
    assert score.sureness == pytest.approx(np.mean(0.5 + np.abs(inner - 127.5) / 255), abs=1e-6)


def test_a_walk_within_a_class_meets_no_other():
    score = score_walks(Thermometer(), by_brightness, flat(0, 10), flat(50, 60), (0, 2), CLASSES)
    assert (score.between, score.other, score.changes, score.count) == (0.0, None, 0.0, 2)


def test_a_class_that_ends_are_mistaken_for_is_another_class():
    score = score_walks(Thermometer(), by_brightness, flat(100), flat(250), (0, 2), CLASSES)
    # Levels 115 to 235: five of nine inner points are read as the class between, and so is the start.
    assert (score.between, score.other) == (pytest.approx(5 / 9), "grey")


def test_groups_of_walks_weigh_by_their_number():
    one, three = (
        WalkScore(unevenness=value, sureness=value, changes=value, between=value, other="grey", count=count)
        for value, count in ((1.0, 1), (5.0, 3))
    )
    both = together([one, three])
    assert (both.unevenness, both.sureness, both.count, both.other) == (4.0, 4.0, 4, None)


def test_the_error_is_of_values_from_0_to_1_and_does_not_wrap_around():
    assert mean_squared_error(flat(0, 255), flat(255, 255)) == pytest.approx(0.5)
    assert mean_squared_error(flat(10), flat(61)) == pytest.approx(0.04)


def test_samples_are_scored_against_as_many_real_pictures_of_the_whole_set():
    levels = np.sort(np.random.default_rng(0).integers(0, 256, 90))
    real = by_brightness(flat(*levels))
    same = score_samples(real, by_brightness(flat(*np.repeat(levels, 2))), seed=0)
    assert same.distance < 100
    assert same.count == 90
    far = score_samples(real, by_brightness(flat(*[250] * 40)), seed=0)
    assert far.distance > 1000
    assert (far.sure, far.count) == (1.0, 40)


def test_generated_pictures_of_all_classes_in_turn_are_compared_as_a_whole():
    levels = np.tile(np.arange(10) * 25, 40)
    real, generated = by_brightness(flat(*np.sort(levels)[::2])), by_brightness(flat(*levels))
    assert score_samples(real, generated, seed=0).distance < 100


def test_pictures_of_a_class_are_the_first_ones():
    data = labelled([2, 0, 2, 1, 2])
    np.testing.assert_array_equal(pictures_of(data, 2, 2), flat(0, 2))
    np.testing.assert_array_equal(pictures_of(data, 1, 2), flat(3))


def test_a_class_without_test_pictures_is_named():
    with pytest.raises(UserError, match=r"toys: no picture of class grey is in the test split"):
        require_classes(labelled([0, 2]), "toys", 3)


@pytest.mark.parametrize(("split", "least"), [("validation", 3), ("test", 8)])
def test_too_few_held_out_pictures_are_refused(split, least):
    data = labelled([0, 1, 2, 2, 1, 0, 0, 1])
    enough = dataclasses.replace(data, validation=data.test)
    require_pictures(enough, "toys")
    few = dataclasses.replace(enough, **{split: data.test.take(slice(least - 1))})
    with pytest.raises(
        UserError, match=rf"toys: the {split} split has {least - 1} pictures, but .* {least} or more"
    ):
        require_pictures(few, "toys")


def test_too_few_classes_are_refused_by_name():
    require_classes(labelled([0, 1, 2]), "toys", 3)
    with pytest.raises(UserError, match=r"toys: has 3 classes, but the walks need 10"):
        require_classes(labelled([0, 1, 2]), "toys", 10)
