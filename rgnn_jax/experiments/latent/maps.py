"""The latent space seen from above: projections and clusters."""

from itertools import pairwise
from typing import Literal

import msgspec
import numpy as np
from jaxtyping import Int

from rgnn_jax.datasets.pictures import evenly
from rgnn_jax.evaluate.clusters import find_clusters, score_clusters
from rgnn_jax.evaluate.factor_scores import is_categorical
from rgnn_jax.evaluate.projection import Projection, pca, tsne, umap
from rgnn_jax.experiments.latent.subject import Shown, Subject
from rgnn_jax.figures.charts import heatmap
from rgnn_jax.figures.hover_page import hover_page
from rgnn_jax.figures.images import to_png
from rgnn_jax.figures.scatter import latent_map
from rgnn_jax.typography import number

Method = Literal["pca", "tsne", "umap"]
_TITLES = {"pca": "PCA", "tsne": "t-SNE", "umap": "UMAP"}
_BANDS = 5


def projected(
    subject: Subject, *, method: Method = "pca", count: int = 2000, by: str | None = None, seed: int = 0
) -> Shown:
    """Codes of held-out pictures on a plane: a figure, and a page where the pictures appear under the mouse.

    Args:
        subject: the run.
        method: of the projection.
        count: pictures, at most, evenly taken.
        by: a factor that colours the points; None takes the classes, or the first factor.
        seed: of what is random in t-SNE and UMAP.

    Raises:
        UserError: for an unknown factor, or a missing package.
    """
    split, pictures = subject.held_out
    chosen = pictures.take(evenly(len(pictures), count))
    codes = subject.encode(chosen.images).z_mean
    projection = _project(codes, method, seed)
    spec = subject.data.spec
    title = f"Latent space of {subject.name}: {_TITLES[method]}"
    note = f"codes of {len(chosen):,} {split} pictures"
    axes = ("", "")
    if projection.explained is not None:
        first, second = (number(100 * share, 0) for share in projection.explained)
        axes = (f"first component, {first}% of the variance", f"second, {second}%")
    if by is None and chosen.labels is None and spec.factors:
        by = spec.factors[0]
    labels, names, values = None, tuple[str, ...](), None
    if by is not None and not is_categorical(subject.factor(chosen, by)):
        values = subject.factor(chosen, by)
        labels, names = _bands(values, by)
    elif by is not None or chosen.labels is not None:
        labels, names = subject.classes(chosen, by)
    figure = latent_map(
        projection.points, chosen.images,
        title=title, note=note, labels=labels, classes=names, values=values, value_label=by or "",
        axis_labels=axes,
    )  # fmt: skip
    page = hover_page(projection.points, chosen.images, title=title, note=note, labels=labels, classes=names)
    return Shown(
        {"points": projection.points, "codes": codes},
        {f"project_{method}.png": to_png(figure), f"project_{method}.html": page.encode()},
    )


def clustered(subject: Subject, *, by: str | None = None, neighbours: int = 10, seed: int = 0) -> Shown:
    """Whether the classes lie apart: three scores, and how k-means deals the classes out.

    Raises:
        UserError: where the data have no classes, or scikit-learn is missing.
    """
    split, pictures = subject.held_out
    labels, names = subject.classes(pictures, by)
    train_labels, _ = subject.classes(subject.data.train, by)
    train_codes = subject.encode(subject.data.train.images).z_mean
    codes = subject.encode(pictures.images).z_mean
    scores = score_clusters(train_codes, train_labels, codes, labels, neighbours=neighbours, seed=seed)
    present = np.unique(labels)
    clusters = find_clusters(codes, len(present), seed=seed)
    table = _by_largest_class(labels, clusters, present)
    figure = heatmap(
        100 * table / table.sum(axis=1, keepdims=True),
        [names[label] for label in present],
        [str(cluster + 1) for cluster in range(len(present))],
        label="% of each class",
        x_label="cluster of k-means",
        decimals=0,
    )
    figure.dpi = 200
    return Shown(
        {"codes": codes, "clusters": clusters, "table": table},
        {"clusters.png": to_png(figure)},
        {**msgspec.structs.asdict(scores), "split": split},
    )


def _project(codes: np.ndarray, method: Method, seed: int) -> Projection:
    match method:
        case "pca":
            return pca(codes)
        case "tsne":
            return tsne(codes, seed=seed)
        case "umap":
            return umap(codes, seed=seed)


def _bands(values: np.ndarray, name: str) -> tuple[Int[np.ndarray, " n"], tuple[str, ...]]:
    """A factor's values in equal bands, which a page can colour and hide like classes."""
    edges = np.linspace(float(values.min()), float(values.max()), _BANDS + 1)
    labels = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, _BANDS - 1)
    places = 0 if np.ptp(values) >= 10 else 2
    ends = [number(edge, places) for edge in edges]
    return labels, tuple(f"{name} {low} to {high}" for low, high in pairwise(ends))


def _by_largest_class(labels: np.ndarray, clusters: np.ndarray, present: np.ndarray) -> np.ndarray:
    """Counts of classes in clusters, the clusters in the order of the class that they hold most of."""
    table = np.array([np.bincount(clusters[labels == label], minlength=len(present)) for label in present])
    return table[:, np.argsort(table.argmax(axis=0), kind="stable")]
