"""Tables, curves, sections and sentences that several pages on pictures share."""

from collections.abc import Mapping, Sequence

from rgnn_jax.experiments.judge import SURE
from rgnn_jax.experiments.picture_looks import Look
from rgnn_jax.experiments.picture_results import JudgeFacts, ModelScore
from rgnn_jax.experiments.report import Column, Figure, Table
from rgnn_jax.experiments.workshop import FinishedRun, loss_curves
from rgnn_jax.train.log import format_duration
from rgnn_jax.typography import number, unbroken


def score_table(scores: Mapping[str, ModelScore], *, binarized: bool, command: str) -> Table:
    """Bound, errors and sharpness of each model."""
    rows = tuple(
        (
            name, score.negative_elbo, score.reconstruction_loss, score.kl_loss, score.active_units,
            score.mse, 100 * score.agreement, 100 * score.sharpness,
        )
        for name, score in scores.items()
    )  # fmt: skip
    pixels = (
        "drawn black or white, once" if binarized else "as they are, grey values as probabilities of white"
    )
    return Table(
        (
            Column("Model"), Column("\u2212ELBO", 2, "lowest"), Column("Reconstruction", 2, "lowest"),
            Column("KL", 2), Column("Active units", 0), Column("MSE", 4, "lowest"),
            Column("Same class, %", 1, "highest"), Column("Sharpness, %", 0),
        ),
        rows,
        f"Test pictures, once. Nats a picture, of pixels {pixels}; the first column is the sum of the next "
        "two, whatever beta was trained with. Then, of the pictures in grey and the decoded posterior mean: "
        "squared error a pixel, of values from 0 to 1; reconstructions that the classifier gives the class "
        "of their original; variance of the Laplacian as a share of the originals'.",
        command=command,
    )  # fmt: skip


def looks(rows: Sequence[tuple[str, Look]], caption: str) -> Table:
    """How sets of pictures look: their detail and contrast, and how far they are from the data.

    The caption is followed by what every such table measures.
    """
    return Table(
        (
            Column("Pictures"), Column("Fine detail, %", 2), Column("Contrast", 3), Column("Distance", 3),
            Column("Texture", 1), Column("Precision, %", 0), Column("Recall, %", 0),
            Column("Nearest training picture", 3),
        ),
        tuple(
            (
                name, 100 * look.sharpness, look.contrast, look.distance, look.texture,
                100 * look.precision, 100 * look.recall, look.nearest,
            )
            for name, look in rows
        ),
        f"{caption} Fine detail: power above an eighth of a cycle a pixel. Contrast: standard deviation of a "
        "picture's pixels. Distance: sliced Wasserstein distance to held-out pictures, in pixels; texture: "
        "of their patches, times 1000, mean over scales. Precision: pictures that lie among the held-out "
        "ones; recall: held-out ones that lie among them; neighbours in pixels. The last: root mean square "
        "difference a pixel; a sample much nearer to a training picture than held-out ones are would be a "
        "copy. The data: training pictures beside held-out ones, and in the last column "
        "the held-out ones. Reconstructions, where there are some, are of the held-out pictures themselves.",
    )  # fmt: skip


def loss_figures(runs: Sequence[FinishedRun]) -> tuple[Figure, Figure]:
    """How the reconstruction loss falls, and the KL of those runs that have one."""
    variational = [run for run in runs if run.curve("validation_kl_loss")[0].size]
    others = [run for run in runs if not run.curve("validation_kl_loss")[0].size]
    # Those in both figures come first, so that each has one colour.
    ordered, label = [*variational, *others], "nats a picture"
    return (
        loss_curves(ordered, "reconstruction_loss", "Reconstruction loss, summed over pixels.", label),
        loss_curves(variational, "kl_loss", "KL of the posteriors from N(0, 1).", label),
    )


def judge_words(judge: JudgeFacts) -> str:
    """Who measures distances and names classes."""
    return (
        f"A small convolutional classifier, trained here ({judge.parameters:,} parameters, "
        f"{format_duration(judge.seconds)}), judges: it names {judge.accuracy:.1%} of the test pictures "
        f"rightly and is at least {SURE:.0%} sure of {judge.sure:.0%} of them. Frechet and kernel distances "
        f"are taken in its {judge.features} features, so they compare with nothing but each other. Between "
        f"{judge.real.count:,} training and as many test pictures the Frechet distance is "
        f"{number(judge.real.distance, 2)}: less is not to be had."
    )


def networks(scores: Mapping[str, ModelScore]) -> Table:
    """Sizes and times."""
    return Table(
        (Column("Model"), Column("Layers"), Column("Parameters"), Column("Steps"), Column("Time")),
        tuple(
            (name, score.layers, score.parameters, score.steps, unbroken(format_duration(score.seconds)))
            for name, score in scores.items()
        ),
        "Hidden layers and latent dimensions; the decoder mirrors the encoder. Time includes compiling, "
        "evaluating and saving.",
    )
