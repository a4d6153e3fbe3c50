import itertools

import numpy as np
import pytest

from rgnn_jax.errors import UserError
from rgnn_jax.evaluate import factor_scores
from rgnn_jax.evaluate.factor_scores import is_categorical, score_factors


def grid(*sizes):
    rows = np.array(list(itertools.product(*map(range, sizes))), np.float64)
    return np.random.default_rng(0).permutation(np.repeat(rows, 64, axis=0))


@pytest.mark.parametrize(
    ("values", "answer"), [([0, 2, 1, 2], True), ([0, 0.5, 1], False), ([-1, 0, 1], False)]
)
def test_names_are_few_whole_numbers(values, answer):
    assert is_categorical(np.array(values)) is answer


def test_a_code_for_each_factor_scores_one_and_constant_factors_do_not_count():
    factors = grid(4, 5)
    scores = score_factors(factors[:, ::-1] * 3.0, np.insert(factors, 1, 7.0, axis=1), ("a", "b", "c"))
    assert set(scores) == {
        "mig", "mig_per_factor", "dci_disentanglement", "dci_completeness", "dci_informativeness", "sap",
        "factor_vae_score", "beta_vae_score",
    }  # fmt: skip
    assert scores.pop("mig_per_factor") == pytest.approx({"a": 1, "c": 1})
    # The separated predictability of names is 1 - 1 / classes at best.
    assert scores.pop("sap") == pytest.approx((3 / 4 + 4 / 5) / 2, abs=0.1)
    assert scores == pytest.approx(dict.fromkeys(scores, 1.0), abs=0.01)


def test_codes_of_noise_score_nothing():
    factors = grid(4, 5)
    scores = score_factors(np.random.default_rng(1).normal(size=factors.shape), factors, "ab")
    assert max(scores["mig"], scores["sap"], scores["dci_informativeness"]) < 0.35
    assert scores["mig"] < 0.1
    assert scores["factor_vae_score"] < 0.75


def test_one_factor_cannot_be_told_from_others():
    with pytest.raises(UserError, match="two or more known factors"):
        score_factors(np.zeros((8, 2)), np.arange(8.0)[:, None], "a")


def test_rows_in_the_order_of_a_factor_score_like_shuffled_ones(monkeypatch):
    """As in dSprites, whose first rows are all of one shape."""
    monkeypatch.setattr(factor_scores, "_FOREST_ROWS", 256)
    factors = grid(4, 5)
    ordered = factors[np.argsort(factors[:, 0], kind="stable")]
    scores = score_factors(3.0 * ordered, ordered, "ab")
    assert scores["dci_disentanglement"] > 0.95 and scores["dci_informativeness"] > 0.95
