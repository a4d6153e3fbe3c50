import numpy as np
import pytest

from rgnn_jax.errors import UserError
from rgnn_jax.sampling.latent_curves import fit_curve, fit_local_curves


def bent(turn):
    return np.stack([turn / 30, (turn / 45) ** 2, np.zeros_like(turn)], axis=1)


def test_curve_follows_a_bend_and_locates_codes_that_have_other_causes_too(rng):
    turn = rng.uniform(-45, 45, 3000)
    codes = bent(turn) + rng.normal(size=(3000, 3)) * [0.05, 0.05, 2.0]
    curve = fit_curve(codes, turn)
    np.testing.assert_allclose(
        curve.at(np.array([-30.0, 0.0, 45.0])), bent(np.array([-30, 0, 45])), atol=0.15
    )
    assert np.abs(curve.locate(codes) - turn).mean() < 2
    moved = curve.move(codes[:4], np.array([-20.0, 0.0, 20.0]))
    assert moved.shape == (4, 3, 3)
    for place, asked in enumerate((-20.0, 0.0, 20.0)):
        np.testing.assert_allclose(curve.locate(moved[:, place]), asked, atol=1.5)
    own = codes[:4, None, 2] * np.ones((1, 3))
    np.testing.assert_allclose(moved[:, :, 2], own, atol=0.25)


@pytest.mark.parametrize("fit", [fit_curve, fit_local_curves])
def test_moving_to_where_a_code_is_changes_nothing(fit, rng):
    turn = rng.uniform(-1, 1, 200)
    codes = np.stack([turn, rng.normal(size=200)], axis=1)
    curve = fit(codes, turn, degree=1)
    at = curve.locate(codes[:1])
    np.testing.assert_allclose(curve.move(codes[:1], at)[0, 0], codes[0], atol=1e-9)


def test_curve_needs_a_cause_that_changes():
    with pytest.raises(UserError, match="more than 3 different values"):
        fit_curve(np.ones((9, 2)), np.arange(9) % 3)


def test_local_curves_move_each_code_as_those_like_it_move(rng):
    turn, kind = rng.uniform(-1, 1, 3000), rng.integers(0, 2, 3000)
    # The second dimension follows the turn for one kind only; the third says which kind it is.
    follows = 0.4 * kind * turn
    codes = np.stack([turn, follows, 3.0 * kind], axis=1) + [0.05, 0.2, 0.3] * rng.normal(size=(3000, 3))
    asked = np.array([-0.8, 0.8])
    truth = (codes[:200, 1] - follows[:200])[:, None] + 0.4 * kind[:200, None] * asked[None]
    one, own = (fit(codes, turn).move(codes[:200], asked) for fit in (fit_curve, fit_local_curves))
    assert np.abs(own[:, :, 1] - truth).mean() < 0.9 * np.abs(one[:, :, 1] - truth).mean()
    np.testing.assert_allclose(own[:, :, 0], np.repeat(asked[None], 200, axis=0), atol=0.15)
