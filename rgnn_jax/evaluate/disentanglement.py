"""How well single latent dimensions stand for single known factors, from codes and factors alone.

MIG, SAP and DCI take any sample of pictures whose factors are known: `codes`, the means of their posteriors,
and `factors`, a column each. Whatever is counted is discretised first, by one rule for all (`discretise`).
The scores that need pictures with a factor held fixed are in `fixed_factors.py`.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Integer, Num

from rgnn_jax.errors import UserError, WorkFailed

BINS = 20


class MutualInformationGap(NamedTuple):
    """The score, its part for each factor, and in nats what codes know of factors, whose entropies follow."""

    score: float
    gaps: Float[np.ndarray, " f"]
    information: Float[np.ndarray, "z f"]
    entropies: Float[np.ndarray, " f"]


class SeparatedPredictability(NamedTuple):
    """The score, its part for each factor, and how well each code alone predicts each factor."""

    score: float
    gaps: Float[np.ndarray, " f"]
    predictability: Float[np.ndarray, "z f"]


class DCI(NamedTuple):
    """Disentanglement, completeness, informativeness, and the importance of each code for each factor."""

    disentanglement: float
    completeness: float
    informativeness: float
    importance: Float[np.ndarray, "z f"]


def discretise(values: Num[np.ndarray, "n d"], bins: int = BINS) -> Integer[np.ndarray, "n d"]:
    """Classes 0, 1, ... of each column: its distinct values where they are at most `bins`, otherwise `bins`
    intervals of equal width between its least and its greatest value (Locatello et al. 2019, appendix C).
    """
    return np.stack([_classes(column, bins) for column in values.T], axis=1)


def mutual_information_gap(
    codes: Float[np.ndarray, "n z"], factors: Num[np.ndarray, "n f"], *, bins: int = BINS
) -> MutualInformationGap:
    """MIG (Chen et al. 2018, eq. 6): what the best code knows of a factor and the second best does not.

    The difference is divided by the factor's entropy and averaged over factors: 1 where each factor is
    known by one code alone, 0 where two codes share each factor equally. Factors of more values than `bins`
    are binned as codes are, where the paper takes every value: that lifts the gap.

    Raises:
        UserError: where a factor never changes.
        WorkFailed: where a code is not finite.
    """
    check_codes(codes, factors)
    code_classes, factor_classes = discretise(codes, bins), discretise(factors, bins)
    information = np.array(
        [[_mutual_information(code, factor) for factor in factor_classes.T] for code in code_classes.T]
    )
    entropies = np.array([_entropy(np.bincount(factor)) for factor in factor_classes.T])
    gaps = _gap(information) / entropies
    return MutualInformationGap(float(gaps.mean()), gaps, information, entropies)


def separated_attribute_predictability(
    codes: Float[np.ndarray, "n z"],
    factors: Num[np.ndarray, "n f"],
    categorical: Sequence[bool],
    *,
    bins: int = BINS,
) -> SeparatedPredictability:
    """SAP (Kumar et al. 2018, section 3): how much better the best code predicts a factor than the second.

    Predictability is the squared correlation for a factor with an order. For a categorical one it is the
    balanced accuracy of the best thresholds: `bins` equal intervals of the code, each of which votes for a
    class on the even rows, and is tested on the odd. Chance is then 1 / classes, so a perfect code scores
    1 - 1 / classes on that factor, as in the paper.

    Args:
        codes: means of the posteriors, rows in random order.
        factors: their known factors.
        categorical: for each factor, whether its values are names and not amounts.
        bins: intervals of a code.

    Raises:
        UserError: where a factor never changes or `categorical` does not describe each.
        WorkFailed: where a code is not finite.
    """
    check_codes(codes, factors)
    if len(categorical) != factors.shape[1]:
        raise UserError(f"`categorical` names {len(categorical)} factors of {factors.shape[1]}")
    intervals = discretise(codes, bins)
    predictability = np.empty((codes.shape[1], factors.shape[1]))
    for j, by_name in enumerate(categorical):
        classes = np.unique(factors[:, j], return_inverse=True)[1]
        for i in range(codes.shape[1]):
            predictability[i, j] = (
                _balanced_accuracy(intervals[:, i], classes)
                if by_name
                else squared_correlation(codes[:, i], factors[:, j])
            )
    gaps = _gap(predictability)
    return SeparatedPredictability(float(gaps.mean()), gaps, predictability)


def disentanglement_completeness_informativeness(
    codes: Float[np.ndarray, "n z"],
    factors: Num[np.ndarray, "n f"],
    categorical: Sequence[bool],
    *,
    trees: int = 20,
    seed: int = 0,
) -> DCI:
    """DCI (Eastwood & Williams 2018, section 2), with the importances of random forests.

    A forest predicts each factor from all codes: a classifier where the factor is categorical, otherwise a
    regressor. Disentanglement asks of each code whether it matters for one factor only, weighted by how much
    it matters; completeness of each factor whether one code only matters for it. Informativeness is the mean
    over factors of the accuracy or R^2 on every fourth row, which was held out; below 0 counts as 0.

    Args:
        codes: means of the posteriors, rows in random order; some thousands suffice.
        factors: their known factors.
        categorical: for each factor, whether its values are names and not amounts.
        trees: in each forest.
        seed: of the forests.

    Raises:
        UserError: where a factor never changes or is not described, there are fewer than two codes or
            factors, or scikit-learn is not installed.
        WorkFailed: where a code is not finite.
    """
    check_codes(codes, factors)
    if len(categorical) != factors.shape[1] or min(codes.shape[1], factors.shape[1]) < 2:
        raise UserError(
            f"{codes.shape[1]} codes, {factors.shape[1]} factors, {len(categorical)} of them described: "
            "DCI compares two or more codes and factors, all described"
        )
    try:
        from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
    except ImportError:
        raise UserError('DCI needs scikit-learn: pip install "rgnn-jax[latent]"') from None
    held_out = np.arange(len(codes)) % 4 == 3
    importance, informativeness = [], []
    for factor, by_name in zip(factors.T, categorical, strict=True):
        forest = (RandomForestClassifier if by_name else RandomForestRegressor)(
            trees, min_samples_leaf=5, max_features=None, random_state=seed
        )
        target = np.unique(factor, return_inverse=True)[1] if by_name else factor
        forest.fit(codes[~held_out], target[~held_out])
        importance.append(forest.feature_importances_)
        informativeness.append(max(0.0, forest.score(codes[held_out], target[held_out])))
    table = np.stack(importance, axis=1)
    return DCI(*concentration(table), float(np.mean(informativeness)), table)


def concentration(importance: Float[np.ndarray, "z f"]) -> tuple[float, float]:
    """Disentanglement and completeness of a table of importances (Eastwood & Williams 2018, section 2)."""
    of_codes = 1 - _relative_entropy(importance)
    of_factors = 1 - _relative_entropy(importance.T)
    weights = importance.sum(1) / max(importance.sum(), np.finfo(float).tiny)
    return float(of_codes @ weights), float(of_factors.mean())


def check_codes(codes: Float[np.ndarray, "n z"], factors: Num[np.ndarray, "n f"]) -> None:
    """Raises an error that names what makes codes and factors useless for measuring."""
    finite = np.isfinite(codes).all(1)
    if not finite.all():
        raise WorkFailed(f"the code of picture {int(np.argmin(finite))} is not finite")
    constant = np.ptp(factors, axis=0) == 0
    if constant.any():
        raise UserError(f"factor {int(constant.argmax())} never changes: leave it out")


def _classes(column: Num[np.ndarray, " n"], bins: int) -> Integer[np.ndarray, " n"]:
    values, classes = np.unique(column, return_inverse=True)
    if len(values) <= bins:
        return classes
    edges = np.linspace(values[0], values[-1], bins + 1)
    return np.digitize(column, edges[1:-1])


def _table(a: Integer[np.ndarray, " n"], b: Integer[np.ndarray, " n"]) -> Integer[np.ndarray, "_ _"]:
    """How often class i of a meets class j of b."""
    shape = a.max() + 1, b.max() + 1
    return np.bincount(a * shape[1] + b, minlength=shape[0] * shape[1]).reshape(shape)


def _entropy(counts: Integer[np.ndarray, " k"]) -> float:
    shares = counts[counts > 0] / counts.sum()
    return -float(shares @ np.log(shares))


def _mutual_information(a: Integer[np.ndarray, " n"], b: Integer[np.ndarray, " n"]) -> float:
    table = _table(a, b)
    return _entropy(table.sum(1)) + _entropy(table.sum(0)) - _entropy(table.ravel())


def _gap(table: Float[np.ndarray, "z f"]) -> Float[np.ndarray, " f"]:
    """Between the best and the second-best code for each factor; a single code is compared with nothing."""
    ordered = np.sort(np.concatenate([table, np.zeros_like(table[:1])]), axis=0)
    return ordered[-1] - ordered[-2]


def squared_correlation(code: Num[np.ndarray, " n"], factor: Num[np.ndarray, " n"]) -> float:
    """How much of the one's variance a linear map of the other explains; 0 where either never changes."""
    code, factor = code - code.mean(dtype=np.float64), factor - factor.mean(dtype=np.float64)
    spread = (code @ code) * (factor @ factor)
    return float((code @ factor) ** 2 / spread) if spread > 0 else 0.0


def _balanced_accuracy(intervals: Integer[np.ndarray, " n"], classes: Integer[np.ndarray, " n"]) -> float:
    """Mean over classes of the share recognised; each class weighs the same in the vote, too."""
    shape = intervals.max() + 1, classes.max() + 1
    votes = np.zeros(shape)
    np.add.at(votes, (intervals[::2], classes[::2]), 1)
    choice = (votes / np.maximum(votes.sum(0, keepdims=True), 1)).argmax(1)
    right = choice[intervals[1::2]] == classes[1::2]
    tested = np.bincount(classes[1::2], minlength=shape[1])
    recognised = np.bincount(classes[1::2], right, minlength=shape[1])
    return float((recognised[tested > 0] / tested[tested > 0]).mean())


def _relative_entropy(rows: Float[np.ndarray, "r k"]) -> Float[np.ndarray, " r"]:
    """Entropy of each row as a distribution, relative to the greatest possible; 1 for a row of zeros."""
    totals = rows.sum(1, keepdims=True)
    shares = np.where(totals > 0, rows / np.where(totals > 0, totals, 1), 1 / rows.shape[1])
    logs = np.log(np.where(shares > 0, shares, 1))
    return -(shares * logs).sum(1) / np.log(rows.shape[1])
