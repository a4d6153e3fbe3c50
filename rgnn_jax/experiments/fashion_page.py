"""The page of the reproduction on clothes, and its short form for a terminal."""

from collections.abc import Mapping, Sequence

from rgnn_jax.experiments.fashion_observations import (
    AE,
    NEIGHBOURS_RIGHT,
    PIXELS,
    STRUCTURE,
    VAE,
    observe,
)
from rgnn_jax.experiments.fashion_results import FashionResults
from rgnn_jax.experiments.picture_tables import (
    judge_words,
    networks,
    score_table,
)
from rgnn_jax.experiments.report import (
    Block,
    Column,
    Figure,
    Picture,
    Report,
    Section,
    Table,
    agreeing,
    document_section,
    verdict_lines,
)
from rgnn_jax.typography import format_table, number

_SPACES = {
    VAE: "codes of the VAE",
    AE: "codes of the autoencoder",
    PIXELS: "principal components of the pixels",
}


def make_page(results: FashionResults, curves: Sequence[Figure], pictures: Mapping[str, bytes]) -> Report:
    """The page that shows the results.

    Args:
        results: what was found out.
        curves: of the reconstruction loss and of the KL.
        pictures: PNG files by name.
    """
    observations = observe(results)
    return Report(
        title=f"A VAE of {_subject(results)}, and its latent space",
        summary=(_reconstructing(results), _neighbours(results), agreeing(observations)),
        sections=(
            Section("From noise to the result", _stages(results, curves, pictures)),
            Section("Reconstruction error", _errors(results, pictures)),
            Section("The latent space on a plane", _planes(results, pictures)),
            Section("Clusters and classes", _clusters(results, pictures)),
            Section("Walks between classes", _walks(results, pictures)),
            document_section(observations),
            Section(
                "The networks", (networks({name: model.score for name, model in results.models.items()}),)
            ),
        ),
        facts=results.facts,
        observations=observations,
        notice=results.facts.notice("every run is kept to two or three minutes on two cores."),
    )


def to_terminal(results: FashionResults) -> str:
    """The models, the spaces and the observations in plain lines."""
    models = [
        {
            "model": name,
            "-elbo": None if model.score.negative_elbo is None else f"{model.score.negative_elbo:.2f}",
            "kl": None if model.score.kl_loss is None else f"{model.score.kl_loss:.2f}",
            "mse": f"{model.score.mse:.4f}",
            "same class": f"{model.score.agreement:.1%}",
            "distance": f"{model.samples.distance:.1f}",
        }
        for name, model in results.models.items()
    ]
    spaces = [
        {
            "space": _SPACES[name],
            "knn": f"{scores.knn_accuracy:.2%}",
            "silhouette": f"{scores.silhouette:.3f}",
            "adjusted rand": f"{scores.adjusted_rand_index:.3f}",
        }
        for name, scores in results.clusters.items()
    ]
    return "\n".join(
        [
            format_table(models),
            "test pictures, nats; distance (Frechet, in a classifier's features): samples from N(0, 1)",
            "",
            format_table(spaces),
            "",
            *verdict_lines(observe(results)),
        ]
    )


def _subject(results: FashionResults) -> str:
    return "clothes" if results.data.path == "fashion_mnist" else f"what {results.data.path} shows"


def _reconstructing(results: FashionResults) -> str:
    vae, ae = (results.models[name].score for name in (VAE, AE))
    return (
        f"A VAE of {vae.z_dim} latent dimensions explains test pictures with {vae.negative_elbo or 0:.1f} "
        f"nats (negative ELBO), and its reconstructions have a squared error of {vae.mse:.4f} a pixel, "
        f"against {ae.mse:.4f} for an autoencoder of the same size."
    )


def _neighbours(results: FashionResults) -> str:
    codes, pixels = results.clusters[VAE], results.clusters[PIXELS]
    reached = "reaches" if codes.knn_accuracy >= NEIGHBOURS_RIGHT else "misses"
    return (
        f"The {codes.neighbours} nearest codes name the class of {codes.knn_accuracy:.1%} of the test "
        f"pictures, which {reached} the {NEIGHBOURS_RIGHT:.0%} that were asked for; as many principal "
        f"components of the pixels name {pixels.knn_accuracy:.1%}. The classes' silhouette in the latent "
        f"space is {codes.silhouette:.2f}: "
        + (
            "they form clusters."
            if codes.silhouette >= STRUCTURE
            else "they lie close to each other, not apart."
        )
    )


def _stages(
    results: FashionResults, curves: Sequence[Figure], pictures: Mapping[str, bytes]
) -> tuple[Block, ...]:
    model = results.models[VAE]
    return (
        f"After {results.early} ({results.early_step:,} steps) the squared error of test pictures is "
        f"{model.early_mse:.4f} a pixel, at the end (step {model.score.steps:,}) {model.score.mse:.4f}.",
        Picture(
            pictures["stages.png"],
            f"The first test picture of each class, its reconstruction after {results.early} and at the end, "
            "and ten random codes at the same two times.",
            "Five rows of ten pictures: originals, reconstructions at two times, samples at two times.",
            f"rgnn latent {results.facts.directory}/vae random --seed {results.facts.seed}",
        ),
        *curves,
    )


def _errors(results: FashionResults, pictures: Mapping[str, bytes]) -> tuple[Block, ...]:
    samples = {name: model.samples for name, model in results.models.items()}
    return (
        judge_words(results.judge),
        score_table(
            {name: model.score for name, model in results.models.items()},
            binarized=results.data.binarized,
            command=f"rgnn evaluate {results.facts.directory}/vae",
        ),
        Picture(
            pictures["beside.png"],
            "Another test picture of each class, and each model's reconstruction.",
            f"Ten pictures above their reconstructions by {' and '.join(samples)}.",
        ),
        f"Decoded from N(0, 1), the VAE's codes give pictures at a Frechet distance of "
        f"{number(samples[VAE].distance, 1)} from the test pictures, the autoencoder's at "
        f"{number(samples[AE].distance, 1)}; the classifier is sure of {samples[VAE].sure:.0%} and "
        f"{samples[AE].sure:.0%} of them.",
    )


def _planes(results: FashionResults, pictures: Mapping[str, bytes]) -> tuple[Block, ...]:
    plane, count = results.plane_silhouette, results.plane_count
    told = (
        f"The codes of {count:,} test pictures, not their pixels. t-SNE keeps neighbours together, so "
        f"classes look further apart in it than they are: their silhouette is {plane[VAE]:.2f} there and "
        f"{results.clusters[VAE].silhouette:.2f} in all {results.models[VAE].score.z_dim} dimensions. In the "
        f"t-SNE of the pixels it is {plane[PIXELS]:.2f}."
    )
    command = f"rgnn latent {results.facts.directory}/vae project --count {count} --method "
    return (
        told,
        Picture(
            pictures["project_tsne.png"],
            "t-SNE of the VAE's codes, by class, and the pictures that lie there. With the pictures under "
            "the mouse: `figures/project_tsne.html`.",
            "Points of ten classes on a plane, and pictures at their places.",
            command + "tsne",
        ),
        Picture(
            pictures["project_pca.png"],
            "The codes' first two principal components. With the pictures under the mouse: "
            "`figures/project_pca.html`.",
            "Points of ten classes on a plane, and pictures at their places.",
            command + "pca",
        ),
    )


def _clusters(results: FashionResults, pictures: Mapping[str, bytes]) -> tuple[Block, ...]:
    rows = tuple(
        (_SPACES[name], 100 * scores.knn_accuracy, scores.silhouette, scores.adjusted_rand_index)
        for name, scores in results.clusters.items()
    )
    first = results.clusters[VAE]
    best = max(results.clusters, key=lambda name: results.clusters[name].knn_accuracy)
    return (
        f"Neighbours tell the class best among the {_SPACES[best]}. Clusters that k-means finds in the codes "
        f"of the VAE agree with the classes to {first.adjusted_rand_index:.2f} (adjusted Rand index: 1 for "
        "the classes themselves, 0 for chance).",
        Table(
            (
                Column("Space"), Column("Neighbours right, %", 2, "highest"),
                Column("Silhouette", 3, "highest"), Column("Adjusted Rand index", 3, "highest"),
            ),
            rows,
            f"{first.count:,} test pictures among {results.data.train:,} training pictures, "
            f"{first.neighbours} neighbours; all spaces have {results.models[VAE].score.z_dim} dimensions, "
            "and none was told the classes.",
            f"rgnn latent {results.facts.directory}/vae clusters",
        ),
        Picture(
            pictures["clusters.png"],
            "How k-means in the codes of the VAE deals out the classes.",
            "A table of classes and clusters, shaded by the share of the class.",
        ),
    )  # fmt: skip


def _walks(results: FashionResults, pictures: Mapping[str, bytes]) -> tuple[Block, ...]:
    rows = tuple(
        (pair, walk.unevenness, 100 * walk.sureness, 100 * walk.between, walk.other or "\u2013")
        for pair, walk in results.walks.items()
    )
    farthest = max(results.walks, key=lambda pair: results.walks[pair].between)
    walk = results.walks[farthest]
    if walk.other is None:
        told = "On no walk does the classifier name a third class."
    else:
        told = (
            f"Most often between {farthest.replace(' to ', ' and ')} it is a third class: at "
            f"{walk.between:.0%} of the points on the way the classifier names another, {walk.other} first "
            "of all."
        )
    return (
        f"The document asks what lies on a straight line between points of two classes. {told}",
        Picture(
            pictures["walks.png"],
            "From the first test picture of one class to that of another, through the codes of the VAE.",
            f"Rows of pictures that change from one class to another: {', '.join(results.walks)}.",
        ),
        Table(
            (
                Column("Walk"), Column("Largest step", 2), Column("Sureness, %", 1),
                Column("Elsewhere, %", 1), Column("Most often"),
            ),
            rows,
            f"{next(iter(results.walks.values())).count} walks of ten steps for each pair. The largest "
            "change between neighbours over the mean one; how sure the classifier is at the points in "
            "between; how many of them it gives to neither of the two classes, and to which most.",
        ),
    )  # fmt: skip
