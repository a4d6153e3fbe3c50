import numpy as np
import pytest
from toy_pictures import linear_pictures

from rgnn_jax.errors import UserError
from rgnn_jax.sampling import latent_directions as directions
from rgnn_jax.sampling.latent_curves import fit_curve


def test_mean_difference_by_hand():
    codes = np.array([[1.0, 0.0], [3.0, 0.0], [2.0, 5.0]])
    np.testing.assert_allclose(directions.mean_difference(codes, np.array([True, True, False])), [0, -5])
    with pytest.raises(UserError, match="with the attribute and pictures without"):
        directions.mean_difference(codes, np.ones(3, bool))


def test_regression_tells_factors_apart_that_occur_together(rng):
    age = rng.normal(size=2000)
    glasses = (age + rng.normal(size=2000) > 0).astype(float)
    codes = np.stack([3 * age, 2 * glasses], axis=1) + 0.1 * rng.normal(size=(2000, 2))
    vectors = directions.regression_vectors(codes, np.stack([age, glasses, np.ones(2000)], axis=1))
    np.testing.assert_allclose(vectors[0], [3 * age.std(), 0], atol=0.02)
    np.testing.assert_allclose(vectors[1] / glasses.std(), [0, 2], atol=0.02)
    np.testing.assert_allclose(vectors[2], 0)
    # The difference of means does not: with glasses come years.
    assert directions.mean_difference(codes, glasses > 0)[0] > 2


def test_edit_adds_multiples_of_the_vector():
    edited = directions.edit(np.array([[1.0, 2.0]]), np.array([0.0, 1.0]), np.array([-2.0, 0.0, 0.5]))
    np.testing.assert_array_equal(edited, [[[1, 0], [1, 2], [1, 2.5]]])


SIDE = 32


def face(shift=0.0, tilt=0.0):
    """A bright disc, whose dark eyes and nose may stand aside or lean, on a dark ground; as logits."""
    y, x = np.meshgrid(np.linspace(-1, 1, SIDE), np.linspace(-1, 1, SIDE), indexing="ij")
    x, y = x * np.cos(tilt) + y * np.sin(tilt), y * np.cos(tilt) - x * np.sin(tilt)
    skin = 4 * (x**2 + (y / 1.2) ** 2 < 0.55) - 2.0
    spots = sum(
        np.exp(-((x - shift - a) ** 2 + (y - b) ** 2) / 0.02)
        for a, b in [(-0.25, -0.2), (0.25, -0.2), (0, 0.15)]
    )
    return (skin - 3 * spots).ravel()


def modes(*, mirrored=False):
    """Patterns of a turn, a tilt, light from the side, and brightness, for a linear model of faces."""
    x = np.tile(np.linspace(-1, 1, SIDE), SIDE)
    turn = (face(0.06) - face(-0.06)) * (-1 if mirrored else 1)
    return np.stack([turn, face(tilt=0.1) - face(tilt=-0.1), 2 * x, np.ones(SIDE * SIDE)]).astype(np.float32)


@pytest.mark.parametrize("mirrored", [False, True])
def test_the_turn_is_found_among_tilt_light_and_brightness_without_labels(mirrored):
    mixing = np.linalg.qr(np.random.default_rng(1).normal(size=(4, 4)))[0].astype(np.float32)
    model, params = linear_pictures(
        4, (SIDE, SIDE, 1), patterns=mixing.T @ modes(mirrored=mirrored), bias=face().astype(np.float32)
    )
    causes = np.random.default_rng(2).normal(size=(400, 4)).astype(np.float32)
    curve = directions.find_turn(model, params, causes @ mixing)
    found = curve.locate(causes @ mixing)
    correlations = np.array([np.corrcoef(found, cause)[0, 1] for cause in causes.T])
    assert correlations[0] * (-1 if mirrored else 1) > 0.9
    assert np.abs(correlations[1:]).max() < 0.35


def test_no_turn_is_found_where_all_is_symmetric():
    model, params = linear_pictures(
        2,
        (SIDE, SIDE, 1),
        patterns=modes()[[3, 3]] * np.array([[1.0], [0.5]], np.float32),
        bias=face().astype(np.float32),
    )
    with pytest.raises(UserError, match="no turn can be found"):
        directions.find_turn(model, params, np.random.default_rng(0).normal(size=(50, 2)))


def test_strips_go_from_one_end_of_the_curve_to_the_other(rng):
    model, params = linear_pictures(2, (2, 2, 1))
    codes = rng.normal(size=(100, 2))
    curve = fit_curve(codes, codes[:, 0], degree=1)
    values, strips = directions.rotate(model, params, curve, codes[:3], 5)
    assert strips.shape == (3, 5, 2, 2, 1)
    np.testing.assert_allclose(values, np.linspace(codes[:, 0].min(), codes[:, 0].max(), 5))
