"""Whether the classes lie apart in a latent space, which was learned without them."""

import msgspec
import numpy as np
from jaxtyping import Float, Int

from rgnn_jax.errors import UserError


class ClusterScores(msgspec.Struct, frozen=True, kw_only=True):
    """How well codes and classes agree.

    Attributes:
        knn_accuracy: share of the held-out codes whose nearest training codes vote for their class.
        neighbours: how many vote.
        silhouette: mean over codes of (b - a) / max(a, b), a the mean distance to the codes of the own
            class, b to those of the nearest other (Rousseeuw 1987): up to 1, and 0 where classes overlap.
        adjusted_rand_index: agreement of k-means with the classes (Hubert and Arabie 1985): 1 for equal
            partitions, about 0 for unrelated ones; k is the number of classes.
        count: how many held-out codes were scored.
    """

    knn_accuracy: float
    neighbours: int
    silhouette: float
    adjusted_rand_index: float
    count: int


def score_clusters(
    train_codes: Float[np.ndarray, "m z"],
    train_labels: Int[np.ndarray, " m"],
    codes: Float[np.ndarray, "n z"],
    labels: Int[np.ndarray, " n"],
    *,
    neighbours: int = 10,
    seed: int = 0,
    silhouette_count: int = 5000,
) -> ClusterScores:
    """Measures held-out codes: by neighbours among the training codes, by distances, and by k-means.

    Args:
        train_codes: among which neighbours are looked for.
        train_labels: their classes.
        codes: that are scored.
        labels: their classes.
        neighbours: that vote.
        seed: of the start of k-means and of the draw below.
        silhouette_count: the most codes whose distances are computed; more are drawn from.

    Raises:
        UserError: without scikit-learn, or where there are fewer than two classes or too few codes.
    """
    try:
        from sklearn.metrics import adjusted_rand_score, silhouette_score
        from sklearn.neighbors import KNeighborsClassifier
    except ImportError:
        raise UserError('clusters need scikit-learn: pip install "rgnn-jax[latent]"') from None
    classes = np.unique(labels)
    if not 2 <= len(classes) < len(labels):
        raise UserError(
            f"clusters need at least two classes and more pictures than classes, "
            f"not {len(classes)} among {len(labels)} pictures"
        )
    if len(train_codes) < neighbours:
        raise UserError(f"{neighbours} neighbours cannot be chosen among {len(train_codes)} training codes")
    voters = KNeighborsClassifier(neighbours).fit(train_codes, train_labels)
    return ClusterScores(
        knn_accuracy=float(np.mean(voters.predict(codes) == labels)),
        neighbours=neighbours,
        silhouette=float(
            silhouette_score(codes, labels, sample_size=min(len(codes), silhouette_count), random_state=seed)
        ),
        adjusted_rand_index=float(adjusted_rand_score(labels, find_clusters(codes, len(classes), seed=seed))),
        count=len(labels),
    )


def find_clusters(codes: Float[np.ndarray, "n z"], count: int, *, seed: int = 0) -> Int[np.ndarray, " n"]:
    """The cluster of each code by k-means, the best of ten starts.

    Raises:
        UserError: without scikit-learn.
    """
    try:
        from sklearn.cluster import KMeans
    except ImportError:
        raise UserError('clusters need scikit-learn: pip install "rgnn-jax[latent]"') from None
    return KMeans(count, n_init=10, random_state=seed).fit_predict(codes)
