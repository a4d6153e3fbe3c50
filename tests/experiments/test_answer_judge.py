import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from rgnn_jax.evaluate.variety import style_distance
from rgnn_jax.experiments.answer_judge import _looks, _read, _Seen
from rgnn_jax.experiments.strip_judge import read_strips
from rgnn_jax.train.session import load_run

SIDE = 8
SYMBOLS = np.concatenate([np.random.default_rng(0).integers(0, 10, (40, 2)), np.full((40, 1), 12)], axis=1)
INK = SYMBOLS.ravel() != 12


def seen(seed, spread=1.0):
    """Pictures and features that differ from each other so much."""
    draws = np.random.default_rng(seed)
    grey = np.rint(100 + spread * draws.integers(-80, 80, (120, SIDE**2))).astype(np.uint8)
    return _Seen(SYMBOLS, spread * draws.normal(size=(120, 4)), np.full(120, 0.95), grey, INK)


def looks(ours, answered=SYMBOLS):
    return _looks(ours, seen(1), seen(2), answered, SYMBOLS, SIDE)


def test_pictures_like_the_real_ones_look_like_them():
    found = looks(seen(3))
    assert found.digits == 80
    assert abs(found.style - 1) < 0.15
    assert abs(found.style_pixels - 1) < 0.05
    assert abs(found.sharpness - 1) < 0.15
    assert found.confidence == found.real_confidence == 0.95
    assert found.sure == 1


def test_pictures_that_are_more_alike_than_the_real_ones_are_told():
    found = looks(seen(3, 0.5))
    assert abs(found.style - 0.5) < 0.1
    assert abs(found.style_pixels - 0.5) < 0.05
    assert found.distance > 2 * found.real_distance


def test_equal_digits_of_one_answer_are_one_picture_in_one_style():
    """Painted alike, "33" says nothing of how varied styles are, and neither does a picture drawn twice."""
    twice = SYMBOLS.copy()
    twice[:, 1] = twice[:, 0]
    painted = seen(3)
    for part in (painted.features, painted.pixels):
        part[1::3] = part[0::3]
    real = seen(1)
    real.pixels[3:60:3], real.features[3:60:3] = real.pixels[0], real.features[0]
    found = _looks(painted, real, seen(2), twice, SYMBOLS, SIDE)
    compared = [
        3 * row + place
        for row, (first, second) in enumerate(SYMBOLS[:, :2])
        for place in (0, 1)
        if (first != second if place else row not in range(1, 20))
    ]
    for style, ours, theirs in (
        (found.style, painted.features, real.features),
        (found.style_pixels, painted.pixels, real.pixels),
    ):
        expected = style_distance(ours[0::3], twice[:, 0])
        expected /= style_distance(theirs[compared], SYMBOLS.ravel()[compared])
        assert style == pytest.approx(expected)


def test_answers_without_digits_have_no_looks():
    assert looks(seen(3), np.full_like(SYMBOLS, 12)) is None


class TellsByBrightness(nn.Module):
    """Reads symbol k in a picture whose mean is 18 (k + 2) of 255."""

    def features(self, images):
        return images.mean((1, 2, 3))[:, None]

    def __call__(self, images):
        brightness = 255 / 18 * self.features(images) - 2
        return -30 * (brightness - jnp.arange(12)[None]) ** 2


def strips_of(symbols):
    grey = np.where(symbols == 12, 0, 18 * (symbols + 2)) / 255
    return np.broadcast_to(grey[:, :, None, None, None], (*symbols.shape, 4, 4, 1)).astype(np.float32)


@pytest.fixture
def judge(ckpt_dir):
    return dataclasses.replace(load_run("tiny", ckpt_dir), model=TellsByBrightness(), params={})


def test_the_judge_reads_every_picture_in_its_place(judge):
    symbols = np.random.default_rng(1).integers(0, 13, (230, 3))
    read = _read(judge, strips_of(symbols))
    np.testing.assert_array_equal(read.symbols, symbols)
    np.testing.assert_array_equal(read.ink, symbols.ravel() != 12)
    np.testing.assert_array_equal(read.pixels[:, 0], np.where(read.ink, 18 * (symbols.ravel() + 2), 0))
    np.testing.assert_allclose(read.features[:, 0], read.pixels[:, 0] / 255, atol=1e-6)


def test_the_reading_of_queries_counts_pictures_and_whole_queries(judge):
    symbols = np.random.default_rng(2).integers(0, 12, (120, 3))
    shown = symbols.copy()
    shown[:6, 1] = (shown[:6, 1] + 1) % 12
    found = read_strips(judge, strips_of(shown), symbols)
    assert found.queries.accuracy == pytest.approx(114 / 120)
    assert found.pictures.accuracy == pytest.approx(354 / 360)
