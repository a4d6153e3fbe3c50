"""How far apart two sets of pictures are, measured in the features that some network gives them.

The features are passed in; their network must be named with the number. A Frechet or kernel distance is a
FID or a KID only in the features of one particular Inception network, so here neither is ever called that.
"""

from collections.abc import Iterator
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Float, PRNGKeyArray

from rgnn_jax.errors import UserError, WorkFailed


class KernelDistance(NamedTuple):
    """A squared maximum mean discrepancy; unbiased, so it can be below zero."""

    value: float
    standard_error: float


class PrecisionRecall(NamedTuple):
    """Share of the generated that look real, and share of the real that could be generated."""

    precision: float
    recall: float


def frechet_distance(real: Float[np.ndarray, "n d"], generated: Float[np.ndarray, "m d"]) -> float:
    """Squared Frechet distance of the Gaussians fitted to two sets of features (Heusel et al. 2017, eq. 6).

    It falls with the number of rows even where nothing else changes: compare only at equal numbers, several
    times more than there are features.

    Raises:
        UserError: where there are fewer than two rows.
        WorkFailed: where one is not finite.
    """
    real, generated = _checked(real, generated)
    return gaussian_frechet_distance(
        real.mean(0),
        np.atleast_2d(np.cov(real, rowvar=False)),
        generated.mean(0),
        np.atleast_2d(np.cov(generated, rowvar=False)),
    )


def gaussian_frechet_distance(
    mean_a: Float[np.ndarray, " d"],
    covariance_a: Float[np.ndarray, "d d"],
    mean_b: Float[np.ndarray, " d"],
    covariance_b: Float[np.ndarray, "d d"],
) -> float:
    """Squared 2-Wasserstein distance of two Gaussians: |m_a - m_b|^2 + tr(A + B - 2 (AB)^(1/2)).

    The trace of the root is the sum of the singular values of A^(1/2) B^(1/2), whose factors are symmetric.
    This stays real and exact where A or B has no full rank, unlike the Schur root of the product AB.
    """
    product = _symmetric_root(covariance_a) @ _symmetric_root(covariance_b)
    overlap = np.linalg.svd(product, compute_uv=False).sum()
    spread = np.trace(covariance_a) + np.trace(covariance_b) - 2 * overlap
    return float(np.sum((mean_a - mean_b) ** 2) + max(spread, 0.0))


def kernel_distance(
    real: Float[np.ndarray, "n d"],
    generated: Float[np.ndarray, "m d"],
    key: PRNGKeyArray,
    *,
    subsets: int = 10,
) -> KernelDistance:
    """Maximum mean discrepancy under (x.y / d + 1)^3 (Binkowski et al. 2018, section 4).

    Both sets are cut at random into `subsets` disjoint parts; the value is the mean over the parts, and as
    they are independent its standard error is their standard deviation over the root of their number.
    Overlapping subsets, as in the paper, would make the error look smaller than it is.

    Raises:
        UserError: where a part would have fewer than two rows.
        WorkFailed: where one is not finite.
    """
    real, generated = _checked(real, generated)
    size_real, size_generated = len(real) // subsets, len(generated) // subsets
    if subsets < 2 or min(size_real, size_generated) < 2:
        raise UserError(
            f"{subsets} subsets of {len(real)} and {len(generated)} rows: "
            "there must be two subsets or more, each with two rows or more"
        )
    key_real, key_generated = jax.random.split(key)
    rows_real = np.asarray(jax.random.permutation(key_real, len(real)))
    rows_generated = np.asarray(jax.random.permutation(key_generated, len(generated)))
    values = [
        _squared_discrepancy(
            real[rows_real[i * size_real : (i + 1) * size_real]],
            generated[rows_generated[i * size_generated : (i + 1) * size_generated]],
        )
        for i in range(subsets)
    ]
    return KernelDistance(float(np.mean(values)), float(np.std(values, ddof=1) / subsets**0.5))


def precision_recall(
    real: Float[np.ndarray, "n d"], generated: Float[np.ndarray, "m d"], *, neighbours: int = 3
) -> PrecisionRecall:
    """Precision and recall of a distribution (Kynkaanniemi et al. 2019, eq. 1 and 2).

    A set's support is taken to be the balls around its points that reach to their `neighbours`-th nearest
    other point. Precision is the share of the generated inside the support of the real, recall the reverse.

    Raises:
        UserError: where there are too few rows.
        WorkFailed: where one is not finite.
    """
    real, generated = _checked(real, generated)
    if not 1 <= neighbours < min(len(real), len(generated)):
        raise UserError(f"{neighbours} neighbours of {len(real)} and {len(generated)} points: too few points")
    return PrecisionRecall(
        precision=_share_inside(generated, real, neighbours),
        recall=_share_inside(real, generated, neighbours),
    )


def _symmetric_root(matrix: Float[np.ndarray, "d d"]) -> Float[np.ndarray, "d d"]:
    """The positive root of a covariance; eigenvalues that only rounding keeps from zero are zero."""
    values, vectors = np.linalg.eigh(matrix)
    rounding = len(values) * np.finfo(np.float64).eps * values[-1]
    return (vectors * np.sqrt(np.where(values > rounding, values, 0.0))) @ vectors.T


def _squared_discrepancy(x: Float[np.ndarray, "n d"], y: Float[np.ndarray, "m d"]) -> float:
    """Gretton et al. 2012, eq. 3: a point is never compared with itself."""

    def kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return (a @ b.T / a.shape[1] + 1) ** 3

    def mean_of_pairs(a: np.ndarray) -> float:
        values = kernel(a, a)
        return (values.sum() - np.trace(values)) / (len(a) * (len(a) - 1))

    return float(mean_of_pairs(x) + mean_of_pairs(y) - 2 * kernel(x, y).mean())


def _share_inside(
    points: Float[np.ndarray, "m d"], support: Float[np.ndarray, "n d"], neighbours: int
) -> float:
    radii = np.concatenate([np.partition(d, neighbours, 1)[:, neighbours] for d in _blocks(support, support)])
    inside = [(distances <= radii[None]).any(1) for distances in _blocks(points, support)]
    return float(np.concatenate(inside).mean())


def _blocks(
    a: Float[np.ndarray, "n d"], b: Float[np.ndarray, "m d"], rows: int = 1024
) -> Iterator[Float[np.ndarray, "_ m"]]:
    """Squared distances from rows of a to all of b, some rows at a time, to fit in memory."""
    squares = (b**2).sum(1)
    for i in range(0, len(a), rows):
        part = a[i : i + rows]
        yield np.maximum((part**2).sum(1)[:, None] + squares[None] - 2 * part @ b.T, 0.0)


def _checked(
    real: Float[np.ndarray, "n d"], generated: Float[np.ndarray, "m d"]
) -> tuple[Float[np.ndarray, "n d"], Float[np.ndarray, "m d"]]:
    """Both sets in double precision, in which sums over thousands of rows are exact enough."""
    for name, features in (("real", real), ("generated", generated)):
        if len(features) < 2:
            raise UserError(f"{len(features)} {name} pictures: a distance needs two or more")
        if not np.isfinite(features).all():
            row = int(np.argmin(np.isfinite(features).all(1)))
            raise WorkFailed(f"the features of {name} picture {row} are not finite")
    return real.astype(np.float64), generated.astype(np.float64)
