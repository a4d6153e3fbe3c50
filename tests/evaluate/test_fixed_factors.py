"""Codes whose scores are known by argument."""

import itertools

import jax
import numpy as np
import pytest

from rgnn_jax.errors import UserError
from rgnn_jax.evaluate.fixed_factors import beta_vae_score, factor_vae_score

KEY = jax.random.key(0)
GRID = np.array(list(itertools.product(range(6), range(8), range(10), range(4))), np.float64)
DRAWN = np.random.default_rng(0).uniform(-1, 1, (20000, 3))


def normal(n, d, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d))


@pytest.mark.parametrize("factors", [GRID, DRAWN], ids=["grid", "drawn"])
def test_a_code_for_each_factor_scores_one(factors):
    codes = np.concatenate([-5 * factors[:, ::-1], normal(len(factors), 2)], axis=1)
    assert factor_vae_score(codes, factors, KEY, votes=100) == 1
    assert beta_vae_score(codes, factors, KEY, points=100) == 1


@pytest.mark.parametrize("factors", [GRID, DRAWN], ids=["grid", "drawn"])
def test_noise_scores_chance(factors):
    codes = normal(len(factors), 4)
    chance = 1 / factors.shape[1]
    assert factor_vae_score(codes, factors, KEY, votes=400) == pytest.approx(chance, abs=0.07)
    assert beta_vae_score(codes, factors, KEY, points=400) == pytest.approx(chance, abs=0.07)


def test_two_of_three_factors_known_score_two_thirds_and_half_of_the_rest():
    """Where the unknown factor is fixed nothing is still, so its votes go to either of the known ones'."""
    assert factor_vae_score(DRAWN[:, :2], DRAWN, KEY, votes=400) == pytest.approx(2 / 3, abs=0.01)


def test_codes_that_mix_two_factors_evenly_cannot_tell_them_apart():
    mixed = np.stack([DRAWN[:, 0] + DRAWN[:, 1], DRAWN[:, 0] - DRAWN[:, 1]], axis=1)
    assert factor_vae_score(mixed, DRAWN[:, :2], KEY, votes=400) == pytest.approx(0.5, abs=0.07)
    assert beta_vae_score(mixed, DRAWN[:, :2], KEY, points=400) == pytest.approx(0.5, abs=0.07)


def test_beta_vae_is_lenient_where_factor_vae_is_not():
    """A factor whose two copies turn with a third one is named by a mixture of dimensions, not by one."""
    codes = np.stack([DRAWN[:, 0] + 0.5 * DRAWN[:, 1], DRAWN[:, 0] - 2 * DRAWN[:, 1] + DRAWN[:, 2]], axis=1)
    lenient, strict = beta_vae_score(codes, DRAWN, KEY), factor_vae_score(codes, DRAWN, KEY)
    assert lenient > 0.99
    assert strict < 0.7


def test_a_dimension_is_still_by_its_own_measure():
    codes = DRAWN * np.array([[1.0, 10.0, 100.0]])
    assert factor_vae_score(codes, DRAWN, KEY, votes=100) == 1


def test_unused_dimensions_do_not_vote():
    codes = np.concatenate([DRAWN, 1e-3 * normal(len(DRAWN), 2)], axis=1)
    assert factor_vae_score(codes, DRAWN, KEY, votes=100) == 1
    assert factor_vae_score(1e-3 * DRAWN, DRAWN, KEY, votes=100) == 0


def test_a_factor_without_enough_pictures_of_a_value_is_refused():
    with pytest.raises(UserError, match="no value of a factor has 64 pictures, the most 8"):
        factor_vae_score(GRID[:80], GRID[:80, 2:], KEY)
    with pytest.raises(UserError, match="factor 0 never changes"):
        beta_vae_score(GRID[:80], GRID[:80], KEY)
