import sys

import numpy as np
import pytest

from rgnn_jax.errors import UserError
from rgnn_jax.evaluate.projection import pca, tsne, umap


def test_pca_finds_the_axes_of_a_stretched_cloud(rng):
    spread = np.array([[0.5, 0, 0], [0, 5.0, 0], [0, 0, 2.0]])
    codes = rng.normal(size=(4000, 3)) @ spread + 7
    points, explained = pca(codes)
    np.testing.assert_allclose(explained, np.array([25, 4]) / 29.25, atol=0.02)
    for column, axis in ((0, 1), (1, 2)):
        np.testing.assert_allclose(points[:, column], codes[:, axis] - codes[:, axis].mean(), atol=0.7)
    np.testing.assert_allclose(points.mean(axis=0), 0, atol=1e-9)


def test_pca_does_not_depend_on_the_order_and_keeps_all_distances_in_full_rank(rng):
    codes = rng.normal(size=(20, 2))
    points = pca(codes).points
    np.testing.assert_allclose(pca(codes[::-1]).points[::-1], points, atol=1e-12)
    np.testing.assert_allclose(
        np.linalg.norm(points[0] - points[1]), np.linalg.norm(codes[0] - codes[1]), rtol=1e-12
    )


def test_tsne_keeps_two_heaps_apart_and_repeats_itself(rng):
    pytest.importorskip("sklearn")
    codes = np.concatenate([rng.normal(0, 0.1, (15, 4)), rng.normal(5, 0.1, (15, 4))]).astype(np.float32)
    points = tsne(codes, seed=3).points
    np.testing.assert_array_equal(points, tsne(codes, seed=3).points)
    heaps = points[:15], points[15:]
    between = np.linalg.norm(heaps[0].mean(axis=0) - heaps[1].mean(axis=0))
    assert between > 2 * max(np.linalg.norm(heap - heap.mean(axis=0), axis=1).max() for heap in heaps)


@pytest.mark.parametrize("project", [pca, tsne, umap])
def test_too_few_codes_are_refused(project):
    with pytest.raises(UserError, match="2 codes cannot be projected"):
        project(np.zeros((2, 3)))
    with pytest.raises(UserError, match="1 dimensions cannot be projected to 2"):
        project(np.zeros((5, 1)))


@pytest.mark.parametrize(
    ("project", "module", "advice"), [(tsne, "sklearn.manifold", "latent"), (umap, "umap", "umap-learn")]
)
def test_a_missing_package_is_named(project, module, advice, monkeypatch, rng):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UserError, match=f"pip install .*{advice}"):
        project(rng.normal(size=(9, 3)))
