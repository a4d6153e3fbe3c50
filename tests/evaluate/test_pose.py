import flax.linen as nn
import jax.numpy as jnp
import numpy as np
import pytest

from rgnn_jax.datasets.faces import Factor
from rgnn_jax.evaluate.pose import read_factors, rises, score_readings, score_turn

FACTORS = (
    Factor("turn", "continuous", "degrees", -45.0, 45.0),
    Factor("glasses", "categorical", "worn", 0.0, 2.0, ("none", "glasses", "sunglasses"), (0.5, 0.25, 0.25)),
    Factor("skin", "continuous", "tone", 0.0, 1.0),
)


class Brightness(nn.Module):
    """Reads a hundredfold brightness, class 1 and nothing; the likelihood says how far it was off."""

    factors: tuple[Factor, ...] = FACTORS

    def read(self, images):
        brightness = images.mean((1, 2, 3))
        return jnp.stack([100 * brightness, jnp.ones_like(brightness), jnp.zeros_like(brightness)], 1)

    def nll(self, images, factors):
        return jnp.abs(self.read(images) - factors)


def test_a_turn_is_scored_by_hand():
    asked = np.array([-30.0, 0, 30])
    good = [[-28, 1, 0.5], [1, 1, 0.5], [33, 1, 0.7]]
    poor = [[-10, 0, 0.2], [-10, 2, 0.2], [20, 0, 0.5]]
    score = score_turn(np.array([good, poor]), asked, np.array([[0, 1, 0.5], [5, 0, 0.2]]), FACTORS)
    assert score.monotone == 0.5
    assert score.span == (61 + 30) / 2
    assert score.error == pytest.approx((2 + 1 + 3 + 20 + 10 + 10) / 6)
    assert score.unchanged == {"glasses": 5 / 6}
    assert score.moved == pytest.approx({"skin": 0.5 / 6})


def test_slack_forgives_small_falls_but_not_a_row_that_ends_below_its_start():
    angles = np.array([[0.0, 2, 3], [0, 3, 2], [0, 3, 1], [0, -1, -0.5], [1, 1, 1]])
    assert rises(angles).tolist() == [True, False, False, False, False]
    assert rises(angles, slack=1.5).tolist() == [True, True, False, False, False]


@pytest.mark.parametrize("batch_size", [1, 2, 3, 100])
def test_batches_change_nothing(batch_size, rng):
    images = rng.integers(0, 256, (5, 4, 4, 1), np.uint8)
    got = read_factors(Brightness(), {}, images, batch_size=batch_size)
    np.testing.assert_allclose(got[:, 0], 100 * images.mean((1, 2, 3)) / 255, rtol=1e-5)


@pytest.mark.parametrize("batch_size", [2, 256])
def test_readings_are_scored_by_hand(batch_size):
    images = np.repeat(np.array([51, 102, 255], np.uint8), 4).reshape(3, 2, 2, 1)
    truth = np.array([[23.0, 1, 0.5], [40, 2, 0], [94, 1, 0.1]], np.float32)
    expected = {"loss": (3.5 + 1 + 6.1) / 3, "turn_error": 3, "glasses_accuracy": 2 / 3, "skin_error": 0.2}
    got = score_readings(Brightness(), {}, images, truth, batch_size=batch_size)
    assert got == pytest.approx(expected, rel=1e-5)
