"""How alike the people on two photographs are, in features that tell people apart and hardly heed their pose.

Fisher's linear discriminant on gradient orientations (the Fisherfaces of Belhumeur et al. 1997), learned from
people of whom there are several photographs.
"""

import dataclasses

import numpy as np
from jaxtyping import Float, Int, Num

from rgnn_jax.errors import UserError
from rgnn_jax.evaluate.yaw import gradient_histograms

_COMPONENTS = 100
_RIDGE = 0.1
_PAIRS = 4000


@dataclasses.dataclass(frozen=True)
class IdentityReader:
    """A linear map from gradient orientations to features in which one person's photographs lie together.

    Attributes:
        mean: of the histograms.
        weights: from histograms to features.
    """

    mean: Float[np.ndarray, " d"]
    weights: Float[np.ndarray, "d f"]

    def __call__(self, images: Num[np.ndarray, "n h w c"]) -> Float[np.ndarray, "n f"]:
        """Features of unit length."""
        features = (gradient_histograms(images) - self.mean[None]) @ self.weights
        return features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)

    def distance(
        self, a: Num[np.ndarray, "n h w c"], b: Num[np.ndarray, "n h w c"]
    ) -> Float[np.ndarray, " n"]:
        """One minus the cosine of each pair's features: 0 for one photograph, near 1 for strangers."""
        return 1 - np.sum(self(a) * self(b), axis=1)


def fit_identity_reader(images: Num[np.ndarray, "n h w c"], people: Int[np.ndarray, " n"]) -> IdentityReader:
    """Whitens the principal components by how they vary within one person.

    Args:
        images: faces, aligned alike.
        people: who is on each.

    Raises:
        UserError: where nobody is on two of them.
    """
    histograms = gradient_histograms(images).astype(np.float64)
    mean = histograms.mean(axis=0)
    _, person, counts = np.unique(people, return_inverse=True, return_counts=True)
    several = counts[person] > 1
    if not several.any():
        raise UserError("nobody is on two pictures: what makes a person cannot be learned from them")
    centred = histograms - mean[None]
    variances, axes = np.linalg.eigh(centred.T @ centred / len(centred))
    axes = axes[:, -_COMPONENTS:][:, variances[-_COMPONENTS:] > 0]
    components = centred @ axes
    sums = np.zeros((len(counts), components.shape[1]))
    np.add.at(sums, person, components)
    within = (components - (sums / counts[:, None])[person])[several]
    covariance = within.T @ within / len(within)
    covariance += _RIDGE * np.trace(covariance) / len(covariance) * np.eye(len(covariance))
    values, vectors = np.linalg.eigh(covariance)
    return IdentityReader(
        mean.astype(np.float32), (axes @ (vectors / np.sqrt(values)[None])).astype(np.float32)
    )


def pairs(
    people: Int[np.ndarray, " n"], *, seed: int = 0
) -> tuple[Int[np.ndarray, "p 2"], Int[np.ndarray, "q 2"]]:
    """Places of photographs of one person, and of as many strangers at most, in random order.

    Raises:
        UserError: where there are not both.
    """
    draws = np.random.default_rng(seed)
    order = draws.permutation(len(people))
    chosen = order[np.argsort(people[order], kind="stable")]
    alike = people[chosen[:-1]] == people[chosen[1:]]
    same = np.stack([chosen[:-1][alike], chosen[1:][alike]], axis=1)
    other = draws.integers(len(people), size=(2 * _PAIRS, 2))
    strangers = other[people[other[:, 0]] != people[other[:, 1]]]
    if not len(same) or not len(strangers):
        raise UserError("people cannot be compared: there must be two, and somebody on two pictures")
    return draws.permutation(same)[:_PAIRS], strangers[:_PAIRS]
