import jax
import numpy as np
import pytest

from rgnn_jax.errors import UserError, WorkFailed
from rgnn_jax.evaluate.distances import (
    frechet_distance,
    gaussian_frechet_distance,
    kernel_distance,
    precision_recall,
)

KEY = jax.random.key(0)


def normal(n, d, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d))


def covariance(d, seed, rank=None):
    factor = normal(d, rank or d, seed)
    return factor @ factor.T


def test_frechet_of_gaussians_with_commuting_covariances_is_the_closed_form():
    rotation, _ = np.linalg.qr(normal(4, 4))
    a, b = np.array([1.0, 4, 9, 16]), np.array([4.0, 1, 0, 25])
    mean_a, mean_b = np.zeros(4), np.array([1.0, 2, 0, 0])
    got = gaussian_frechet_distance(
        mean_a, rotation @ np.diag(a) @ rotation.T, mean_b, rotation @ np.diag(b) @ rotation.T
    )
    assert got == pytest.approx(5 + (1 + 1 + 9 + 1), rel=1e-9)


@pytest.mark.parametrize("rank", [6, 3])
def test_frechet_agrees_with_the_schur_root_of_scipy(rank):
    linalg = pytest.importorskip("scipy.linalg")
    a, b = covariance(6, 1), covariance(6, 2, rank)
    root = linalg.sqrtm(a @ b).real
    expected = np.trace(a + b - 2 * root)
    got = gaussian_frechet_distance(np.zeros(6), a, np.zeros(6), b)
    assert got == pytest.approx(expected, rel=1e-4 if rank < 6 else 1e-10)


def test_frechet_of_features_with_fewer_rows_than_columns_is_zero_to_themselves():
    features = normal(5, 40)
    assert frechet_distance(features, features) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(features, features + 3) == pytest.approx(9 * 40, rel=1e-9)


def test_frechet_moves_with_scale_and_not_with_a_common_shift_or_rotation():
    a, b = normal(50, 3, 1), 2 * normal(50, 3, 2) + 1
    rotation, _ = np.linalg.qr(normal(3, 3))
    distance = frechet_distance(a, b)
    assert distance > 3
    assert frechet_distance(a @ rotation + 7, b @ rotation + 7) == pytest.approx(distance, rel=1e-9)
    assert frechet_distance(b, a) == pytest.approx(distance, rel=1e-9)
    assert frechet_distance(3 * a, 3 * b) == pytest.approx(9 * distance, rel=1e-9)


def test_frechet_takes_a_single_feature():
    a = np.array([[0.0], [2.0]])
    assert frechet_distance(a, 2 * a + 1) == pytest.approx(4 + 2)


def test_kernel_distance_of_two_parts_is_worked_out_by_hand():
    """One feature, kernel (xy + 1)^3; the real are all 0, the generated all 1, so every part is alike."""
    value, standard_error = kernel_distance(np.zeros((4, 1)), np.ones((6, 1)), KEY, subsets=2)
    assert value == pytest.approx(1 + 8 - 2)
    assert standard_error == 0


def test_kernel_distance_agrees_with_its_definition():
    a, b = normal(8, 3, 1), normal(8, 3, 2) + 0.5

    def discrepancy(x, y):
        def kernel(u, v):
            return (u @ v / 3 + 1) ** 3

        def mean(p, q, skip):
            pairs = [(i, j) for i in range(len(p)) for j in range(len(q)) if not (skip and i == j)]
            return np.mean([kernel(p[i], q[j]) for i, j in pairs])

        return mean(x, x, True) + mean(y, y, True) - 2 * mean(x, y, False)

    key_a, key_b = jax.random.split(KEY)
    a_mixed, b_mixed = a[jax.random.permutation(key_a, 8)], b[jax.random.permutation(key_b, 8)]
    parts = [discrepancy(a_mixed[i : i + 4], b_mixed[i : i + 4]) for i in (0, 4)]
    got = kernel_distance(a, b, KEY, subsets=2)
    assert got.value == pytest.approx(np.mean(parts))
    assert got.standard_error == pytest.approx(abs(parts[0] - parts[1]) / 2)


def test_kernel_distance_of_equal_distributions_is_zero_within_its_error():
    scores = []
    for i in range(40):
        value, error = kernel_distance(normal(200, 4, 2 * i), normal(200, 4, 2 * i + 1), KEY)
        scores.append(value / error)
    assert abs(np.mean(scores)) < 4 / 40**0.5
    assert np.mean(np.abs(scores) < 2.26) > 0.8
    shifted = kernel_distance(normal(200, 4, 1), normal(200, 4, 2) + 0.5, KEY)
    assert shifted.value > 5 * shifted.standard_error


def test_precision_and_recall_count_points_inside_balls():
    real = np.array([[0.0], [1], [2], [10], [11], [12]])
    generated = np.array([[0.5], [1.5], [2.5], [50.0], [50.5]])
    precision, recall = precision_recall(real, generated, neighbours=1)
    assert precision == 3 / 5
    assert recall == 3 / 6
    assert precision_recall(real, real, neighbours=1) == (1, 1)
    assert precision_recall(real, real + 1000, neighbours=2) == (0, 0)


def test_precision_sees_noise_and_recall_sees_a_missing_mode():
    real = np.concatenate([normal(100, 2, 1), normal(100, 2, 2) + 20])
    one_mode = normal(200, 2, 3)
    precision, recall = precision_recall(real, one_mode)
    assert precision > 0.9
    assert 0.4 < recall <= 0.5
    precision, recall = precision_recall(real, 40 * normal(200, 2, 4))
    assert precision < 0.1


def test_blocks_change_nothing():
    real, generated = normal(1500, 2, 1), normal(1100, 2, 2)
    order = np.random.default_rng(0).permutation(1500)
    assert precision_recall(real, generated) == precision_recall(real[order], generated)


def test_features_that_cannot_be_compared_are_refused():
    good, bad = normal(6, 3), normal(6, 3)
    bad[4, 1] = np.nan
    with pytest.raises(WorkFailed, match="generated picture 4"):
        frechet_distance(good, bad)
    with pytest.raises(UserError, match="1 generated pictures"):
        kernel_distance(good, good[:1], KEY)
    with pytest.raises(UserError, match="subsets of 6 and 6"):
        kernel_distance(good, good, KEY, subsets=4)
    with pytest.raises(UserError, match="too few points"):
        precision_recall(good, good, neighbours=6)
