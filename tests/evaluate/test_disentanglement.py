"""Codes whose scores are known by argument."""

import itertools

import numpy as np
import pytest

from rgnn_jax.errors import UserError, WorkFailed
from rgnn_jax.evaluate.disentanglement import (
    concentration,
    discretise,
    disentanglement_completeness_informativeness,
    mutual_information_gap,
    separated_attribute_predictability,
)

ORDERED = [False, False]


def grid(*sizes):
    """Every combination of factors, in random order."""
    rows = np.array(list(itertools.product(*map(range, sizes))), np.float64)
    return np.random.default_rng(0).permutation(rows)


def rotated(codes):
    """The first two dimensions turned by 45 degrees."""
    turn = np.eye(codes.shape[1])
    turn[:2, :2] = np.array([[1, -1], [1, 1]]) / np.sqrt(2)
    return codes @ turn


def normal(n, d, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d))


def test_few_values_are_classes_and_many_are_intervals():
    values = np.array([[5.0, 0], [2.0, 1], [5.0, 2.5], [9.0, 3], [9.0, 10]])
    np.testing.assert_array_equal(discretise(values, 4)[:, 0], [1, 0, 1, 2, 2])
    np.testing.assert_array_equal(discretise(values, 4)[:, 1], [0, 0, 1, 1, 3])


def test_a_code_for_each_factor_scores_one_whatever_its_scale_sign_and_order():
    factors = grid(4, 5, 3)
    codes = factors[:, [2, 0, 1]] * np.array([-1, 100.0, 0.01]) + 7
    score, gaps, information, entropies = mutual_information_gap(codes, factors)
    assert score == pytest.approx(1)
    np.testing.assert_allclose(gaps, 1)
    np.testing.assert_allclose(information.max(0), np.log([4, 5, 3]))
    np.testing.assert_allclose(entropies, np.log([4, 5, 3]))
    np.testing.assert_allclose(np.sort(information, 0)[:-1], 0, atol=1e-12)
    assert separated_attribute_predictability(codes, factors, [False] * 3).score == pytest.approx(1)


def test_mig_of_a_code_that_knows_half_of_a_factor_is_half():
    factors = grid(4, 4)
    halves = factors // 2
    assert mutual_information_gap(halves, factors).score == pytest.approx(0.5)


def test_a_second_copy_of_each_code_takes_the_whole_gap():
    factors = grid(4, 5)
    copied = np.concatenate([factors, factors], axis=1)
    assert mutual_information_gap(copied, factors).score == pytest.approx(0, abs=1e-12)
    assert separated_attribute_predictability(copied, factors, ORDERED).score == pytest.approx(0, abs=1e-12)


def test_codes_turned_by_45_degrees_know_both_factors_and_score_nothing():
    factors = np.random.default_rng(0).uniform(-1, 1, (20000, 2))
    codes = rotated(factors)
    assert mutual_information_gap(codes, factors).score < 0.02
    assert separated_attribute_predictability(codes, factors, ORDERED).score < 0.02
    straight = mutual_information_gap(factors, factors)
    assert straight.score > 0.98
    dci = disentanglement_completeness_informativeness(codes[:4000], factors[:4000], ORDERED, trees=5)
    assert dci.disentanglement < 0.05
    assert dci.completeness < 0.05
    assert dci.informativeness > 0.95


def test_noise_scores_nothing():
    factors = np.random.default_rng(0).uniform(-1, 1, (20000, 2))
    noise = normal(20000, 4)
    assert mutual_information_gap(noise, factors).score < 0.005
    assert separated_attribute_predictability(noise, factors, ORDERED).score < 0.005
    dci = disentanglement_completeness_informativeness(noise[:3000], factors[:3000], ORDERED, trees=5)
    assert dci.informativeness < 0.02
    assert dci.disentanglement < 0.1


def test_mutual_information_agrees_with_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    factors = grid(4, 5, 6)
    codes = factors @ normal(3, 2) + 0.1 * normal(120, 2, 1)
    information = mutual_information_gap(codes, factors, bins=7).information
    classes = discretise(codes, 7)
    expected = [[metrics.mutual_info_score(c, f) for f in factors.T] for c in classes.T]
    np.testing.assert_allclose(information, expected, rtol=1e-10)


def test_a_single_code_is_compared_with_nothing():
    factors = grid(4, 5)
    result = mutual_information_gap(factors[:, :1], factors)
    np.testing.assert_allclose(result.gaps, [1, 0], atol=1e-12)


def test_an_unused_code_changes_nothing():
    factors = grid(4, 5)
    codes = np.concatenate([factors, np.zeros((20, 3))], axis=1)
    assert mutual_information_gap(codes, factors).score == pytest.approx(1)
    assert separated_attribute_predictability(codes, factors, ORDERED).score == pytest.approx(1)


def test_sap_of_names_is_the_balanced_accuracy_above_chance():
    """Three names, one ten times as frequent, told apart by the first code and not by the second."""
    names = np.repeat([0.0, 1, 2], [10000, 1000, 1000])[:, None]
    order = np.random.default_rng(0).permutation(len(names))
    codes = np.concatenate([names[order], normal(len(names), 1)], axis=1)
    result = separated_attribute_predictability(codes, names[order], [True])
    assert result.predictability[0, 0] == 1
    assert result.predictability[1, 0] == pytest.approx(1 / 3, abs=0.04)
    assert result.score == pytest.approx(2 / 3, abs=0.04)


def test_sap_of_an_ordered_factor_is_the_squared_correlation():
    factor = normal(5000, 1)
    code = factor + 2 * normal(5000, 1, 1)
    result = separated_attribute_predictability(code, factor, [False])
    assert result.score == pytest.approx(np.corrcoef(code[:, 0], factor[:, 0])[0, 1] ** 2)


@pytest.mark.parametrize(
    ("table", "disentanglement", "completeness"),
    [
        (np.eye(3), 1, 1),
        (np.ones((3, 3)), 0, 0),
        # Two codes share each factor: a code still matters for one factor only.
        (np.repeat(np.eye(2), 2, axis=0), 1, 0.5),
        # One code carries both factors: each factor still has one code only.
        (np.array([[1.0, 1], [0, 0]]), 0, 1),
    ],
)
def test_concentration_by_hand(table, disentanglement, completeness):
    got = concentration(table)
    np.testing.assert_allclose(got, (disentanglement, completeness), atol=1e-12)


def test_dci_of_a_code_for_each_factor_is_nearly_one():
    rng = np.random.default_rng(0)
    factors = np.stack([rng.uniform(-1, 1, 3000), rng.integers(0, 3, 3000)], axis=1)
    codes = np.concatenate([factors[:, ::-1], normal(3000, 1)], axis=1)
    result = disentanglement_completeness_informativeness(codes, factors, [False, True], trees=5)
    assert min(result.disentanglement, result.completeness, result.informativeness) > 0.97
    np.testing.assert_allclose(result.importance.sum(0), 1)
    assert result.importance.argmax(0).tolist() == [1, 0]


def test_useless_input_is_refused():
    factors = grid(4, 5)
    with pytest.raises(UserError, match="factor 1 never changes"):
        mutual_information_gap(factors, factors * np.array([1, 0]))
    with pytest.raises(WorkFailed, match="code of picture 3"):
        mutual_information_gap(np.where(np.arange(20)[:, None] == 3, np.inf, factors), factors)
    with pytest.raises(UserError, match="names 1 factors of 2"):
        separated_attribute_predictability(factors, factors, [True])
    with pytest.raises(UserError, match="two or more codes"):
        disentanglement_completeness_informativeness(factors[:, :1], factors, ORDERED)
