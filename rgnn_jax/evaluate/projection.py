"""Two coordinates for codes of many dimensions, so that they can be looked at."""

import warnings
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from rgnn_jax.errors import UserError


class Projection(NamedTuple):
    """Where each of n codes lies on the page.

    Attributes:
        points: coordinates; only distances mean something, and of t-SNE and UMAP only the small ones.
        explained: of PCA, the share of the variance that each coordinate has.
    """

    points: Float[np.ndarray, "n k"]
    explained: Float[np.ndarray, " k"] | None = None


def pca(codes: Float[np.ndarray, "n z"], dimensions: int = 2) -> Projection:
    """The principal components of largest variance, with the sign that makes the largest weight positive.

    Raises:
        UserError: where there are fewer codes or latent dimensions than coordinates.
    """
    _check(codes, dimensions)
    centred = np.asarray(codes, np.float64) - codes.mean(axis=0)
    _, deviations, axes = np.linalg.svd(centred, full_matrices=False)
    axes = axes[:dimensions]
    axes *= np.sign(axes[np.arange(dimensions), np.abs(axes).argmax(axis=1)])[:, None]
    total = np.sum(deviations**2)
    return Projection(centred @ axes.T, deviations[:dimensions] ** 2 / max(total, 1e-300))


def tsne(codes: Float[np.ndarray, "n z"], *, perplexity: float = 30.0, seed: int = 0) -> Projection:
    """t-SNE (van der Maaten and Hinton 2008) by scikit-learn, begun from PCA.

    Args:
        codes: of n pictures; a thousand take seconds, ten thousand minutes.
        perplexity: how many neighbours count; lowered where there are few codes.
        seed: of what is random.

    Raises:
        UserError: without scikit-learn, or for fewer than three codes.
    """
    _check(codes, 2)
    try:
        from sklearn.manifold import TSNE
    except ImportError:
        raise UserError('t-SNE needs scikit-learn: pip install "rgnn-jax[latent]"') from None
    neighbours = min(perplexity, (len(codes) - 1) / 3)
    fitted = TSNE(init="pca", perplexity=neighbours, random_state=seed)
    return Projection(fitted.fit_transform(np.asarray(codes, np.float32)))


def umap(codes: Float[np.ndarray, "n z"], *, neighbours: int = 15, seed: int = 0) -> Projection:
    """UMAP (McInnes et al. 2018) by umap-learn.

    Args:
        codes: of n pictures.
        neighbours: how many count; lowered where there are few codes.
        seed: of what is random.

    Raises:
        UserError: without umap-learn, or for fewer than three codes.
    """
    _check(codes, 2)
    try:
        from umap import UMAP
    except ImportError:
        raise UserError(
            "UMAP needs umap-learn: pip install umap-learn, or choose --method pca or tsne"
        ) from None
    fitted = UMAP(n_neighbors=min(neighbours, len(codes) - 1), random_state=seed, n_jobs=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numba and the spectral start comment on harmless things
        return Projection(fitted.fit_transform(np.asarray(codes, np.float32)))


def _check(codes: np.ndarray, dimensions: int) -> None:
    if len(codes) <= dimensions:
        raise UserError(
            f"{len(codes)} codes cannot be projected to {dimensions} dimensions: give {dimensions + 1} "
            "pictures or more"
        )
    if codes.shape[1] < dimensions:
        raise UserError(f"codes of {codes.shape[1]} dimensions cannot be projected to {dimensions}")
