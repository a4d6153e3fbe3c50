"""What the document says of a VAE of clothes, each beside the numbers of ours that decide it."""

from rgnn_jax.experiments.fashion_results import FashionResults
from rgnn_jax.experiments.report import Observation, tested_at, verdict

VAE, AE, PIXELS = "VAE", "AE", "pixels"

NEIGHBOURS_RIGHT = 0.84
"""Share of test pictures whose nearest codes must name their class."""

STRUCTURE = 0.25
"""Silhouette below which there is no substantial structure (Kaufman and Rousseeuw 1990, table 4)."""

_KEPT = 0.8


def observe(results: FashionResults) -> tuple[Observation, ...]:
    """The document's observations; tiny models (scale smoke) test none of them."""
    rows = (*_reconstruction(results), *_latent(results))
    return tested_at(results.facts.scale, rows)


def _reconstruction(results: FashionResults) -> tuple[Observation, ...]:
    model = results.models[VAE]
    kept = model.score.agreement >= _KEPT
    improved = model.score.mse <= 0.8 * model.early_mse
    return (
        Observation(
            "The VAE's reconstructions can be recognised.",
            "Most pictures stay what they are." if kept else "Many do not stay what they are.",
            f"The classifier gives {model.score.agreement:.1%} of the reconstructions the class of their "
            f"original (from {_KEPT:.0%}); squared error {model.score.mse:.4f} a pixel, "
            f"{model.score.mse / results.data.variance:.0%} of the variance",
            verdict(kept),
        ),
        Observation(
            "The result is better than after the first epoch.",
            "It is." if improved else "It is hardly better.",
            f"Squared error {model.early_mse:.4f} after {results.early}, {model.score.mse:.4f} at the end "
            "(up to 0.8 of that)",
            verdict(improved),
        ),
    )


def _latent(results: FashionResults) -> tuple[Observation, ...]:
    codes, pixels = results.clusters[VAE], results.clusters[PIXELS]
    plane = results.plane_silhouette
    named, apart = codes.knn_accuracy >= NEIGHBOURS_RIGHT, plane[VAE] >= STRUCTURE
    better = codes.knn_accuracy >= pixels.knn_accuracy + 0.005 and codes.silhouette > pixels.silhouette
    return (
        Observation(
            "Classes can be told from the latent space.",
            "Neighbours are mostly of one class." if named else "Neighbours are too often of several.",
            f"Class by {codes.neighbours} nearest codes: {codes.knn_accuracy:.1%} right (from "
            f"{NEIGHBOURS_RIGHT:.0%})",
            verdict(named),
        ),
        Observation(
            "The projection shows clear clusters.",
            "The classes lie apart in it." if apart else "Several classes run into each other in it.",
            f"Silhouette of the classes {plane[VAE]:.2f} in the t-SNE of the codes (from {STRUCTURE:g}), "
            f"{codes.silhouette:.2f} in all {results.models[VAE].score.z_dim} dimensions; adjusted Rand "
            f"index of k-means {codes.adjusted_rand_index:.2f}",
            verdict(apart),
        ),
        Observation(
            "The clusters are the latent space's (the document projected pixels).",
            "The codes tell classes apart better than the pixels." if better
            else "The pixels tell classes apart as well.",
            f"As many principal components of the pixels: {pixels.knn_accuracy:.1%} right by neighbours (to "
            f"be surpassed by 0.5 points), silhouette {pixels.silhouette:.2f}, {plane[PIXELS]:.2f} in their "
            "t-SNE",
            verdict(better),
        ),
    )  # fmt: skip
