import flax.linen as nn
import numpy as np
import pytest

from rgnn_jax.evaluate.pose import read_factors, reading_quality, rises, score_turn

NAMES = ("turn", "glasses", "skin")
CATEGORICAL = (False, True, False)


class Mean(nn.Module):
    """Reads the brightness and its double."""

    def read(self, images):
        brightness = images.mean((1, 2, 3))
        return np.array([1.0, 2.0], np.float32)[None] * brightness[:, None]


def test_a_turn_is_scored_by_hand():
    asked = np.array([-30.0, 0, 30])
    good = [[-28, 1, 0.5], [1, 1, 0.5], [33, 1, 0.7]]
    poor = [[-10, 0, 0.2], [-10, 2, 0.2], [20, 0, 0.5]]
    score = score_turn(
        np.array([good, poor]), asked, np.array([[0, 1, 0.5], [5, 0, 0.2]]), NAMES, CATEGORICAL
    )
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
def test_batches_change_nothing(batch_size):
    images = np.random.default_rng(0).integers(0, 256, (5, 4, 4, 1), np.uint8)
    brightness = images.mean((1, 2, 3)) / 255
    got = read_factors(Mean(), {}, images, batch_size=batch_size)
    np.testing.assert_allclose(got, np.stack([brightness, 2 * brightness], 1), rtol=1e-5)


def test_quality_of_readings_by_hand():
    truth = np.array([[10.0, 0, 0.5], [20, 2, 0.5]])
    read = np.array([[13.0, 0, 0.5], [19, 1, 0.1]])
    expected = {"turn_error": 2, "glasses_accuracy": 0.5, "skin_error": 0.2}
    assert reading_quality(read, truth, NAMES, CATEGORICAL) == pytest.approx(expected)
