"""Spaces in which classes may lie apart: a model's codes, and the pixels that it read."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from rgnn_jax.datasets.pictures import Images, evenly
from rgnn_jax.evaluate.clusters import ClusterScores, score_clusters
from rgnn_jax.experiments.latent.subject import Subject


class Space(NamedTuple):
    """Where training and test pictures lie."""

    train: Float[np.ndarray, "m z"]
    test: Float[np.ndarray, "n z"]

    @classmethod
    def of(cls, subject: Subject, data: Images) -> "Space":
        """A model's posterior means."""
        return cls(subject.encode(data.train.images).z_mean, subject.encode(data.test.images).z_mean)

    def clusters(self, data: Images, seed: int) -> ClusterScores:
        """How well the classes lie apart."""
        train, test = (np.asarray(split.labels) for split in (data.train, data.test))
        return score_clusters(self.train, train, self.test, test, seed=seed)


def plane_silhouette(points: Float[np.ndarray, "n 2"], data: Images) -> float:
    """Silhouette of the classes of as many test pictures, evenly taken, as there are points."""
    from sklearn.metrics import silhouette_score

    places = evenly(len(data.test), len(points))
    return float(silhouette_score(points, np.asarray(data.test.labels)[places]))


def principal_components(data: Images, size: int) -> Space:
    """Pixels in [0, 1] on the `size` axes along which the training pictures vary most."""
    train, test = (
        split.images.reshape(len(split), -1).astype(np.float32) / 255 for split in (data.train, data.test)
    )
    mean = train.mean(axis=0, keepdims=True)
    _, axes = np.linalg.eigh(np.cov(train, rowvar=False))
    chosen = axes[:, -size:].astype(np.float32)
    return Space((train - mean) @ chosen, (test - mean) @ chosen)
