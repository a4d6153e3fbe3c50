import sys

import numpy as np
import pytest

from rgnn_jax.errors import UserError
from rgnn_jax.evaluate.clusters import find_clusters, score_clusters

pytest.importorskip("sklearn")
RNG = np.random.default_rng(0)
LABELS = np.repeat(np.arange(3), 20)
HEAPS = (np.eye(3)[LABELS] * 10 + RNG.normal(0, 0.1, (60, 3))).astype(np.float32)


def test_heaps_far_apart_score_full_marks():
    scores = score_clusters(HEAPS, LABELS, HEAPS[::2], LABELS[::2], neighbours=5)
    assert scores.knn_accuracy == 1
    assert scores.adjusted_rand_index == 1
    assert scores.silhouette > 0.95
    assert (scores.count, scores.neighbours) == (30, 5)


def test_labels_that_have_nothing_to_do_with_the_codes_score_nothing():
    labels = np.tile(np.arange(3), 20)
    scores = score_clusters(HEAPS, labels, HEAPS, labels, neighbours=20)
    assert abs(scores.adjusted_rand_index) < 0.1
    assert abs(scores.silhouette) < 0.1
    assert scores.knn_accuracy < 0.5


def test_training_pictures_vote_and_not_the_held_out_ones():
    assert score_clusters(HEAPS, (LABELS + 1) % 3, HEAPS, LABELS, neighbours=5).knn_accuracy == 0


def test_silhouette_worked_out_by_hand():
    # Distances to the own class 1 and to the other 9 and 10, or 10 and 9: (9.5 - 1) / 9.5 for each end.
    codes = np.array([[0.0], [1.0], [10.0], [11.0]])
    labels = np.array([0, 0, 1, 1])
    expected = np.mean([(10.5 - 1) / 10.5, (9.5 - 1) / 9.5] * 2)
    scores = score_clusters(codes, labels, codes, labels, neighbours=1)
    assert scores.silhouette == pytest.approx(expected)


def test_clusters_are_the_heaps_whatever_they_are_called():
    clusters = find_clusters(HEAPS, 3)
    assert len({(label, cluster) for label, cluster in zip(LABELS, clusters, strict=True)}) == 3


def test_what_cannot_be_scored_is_refused(monkeypatch):
    with pytest.raises(UserError, match="at least two classes"):
        score_clusters(HEAPS, LABELS, HEAPS[:5], LABELS[:5])
    with pytest.raises(UserError, match="10 neighbours cannot be chosen among 4"):
        score_clusters(HEAPS[:4], LABELS[:4], HEAPS, LABELS)
    monkeypatch.setitem(sys.modules, "sklearn.metrics", None)
    with pytest.raises(UserError, match=r"rgnn-jax\[latent\]"):
        score_clusters(HEAPS, LABELS, HEAPS, LABELS)
