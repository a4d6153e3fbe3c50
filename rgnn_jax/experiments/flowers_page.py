"""The page of the reproduction on flowers, and the short form for a terminal."""

from collections.abc import Mapping, Sequence

import jax
import numpy as np
from jaxtyping import UInt8

from rgnn_jax.datasets.pictures import evenly
from rgnn_jax.experiments.flowers_observations import detail_kept, observe
from rgnn_jax.experiments.flowers_results import FACES, FLOWERS, FlowersResults
from rgnn_jax.experiments.latent.subject import Subject
from rgnn_jax.experiments.picture_gans import show_pairs
from rgnn_jax.experiments.picture_looks import nearest
from rgnn_jax.experiments.picture_tables import looks
from rgnn_jax.experiments.report import (
    Block,
    Column,
    Picture,
    Report,
    Section,
    Table,
    document_section,
)
from rgnn_jax.experiments.workshop import FinishedRun, loss_curves
from rgnn_jax.figures.images import picture_grid, to_png
from rgnn_jax.sampling.latent import draw, lerp, prior
from rgnn_jax.train.log import format_duration
from rgnn_jax.typography import format_table, unbroken

_COLUMNS, _WALKS, _STEPS = 10, 3, 8


def draw_pictures(results: FlowersResults, subjects: Mapping[str, Subject]) -> dict[str, bytes]:
    """All pictures of the page by file name."""
    drawn = {}
    for label in (FLOWERS, FACES):
        subject, run = subjects[label], results.models[label].run
        test = np.asarray(subject.data.test.images[evenly(len(subject.data.test), _COLUMNS)])
        codes = draw(prior(subject.run.model.z_dim), jax.random.key(results.facts.seed + 1), len(test))
        samples = subject.decode(codes)
        train = np.asarray(subject.data.train.images)
        rows = [test, subject.reconstruct(test), samples, train[nearest(samples, train)[1]]]
        names = ["held out", "reconstruction", "sample", "nearest in training"]
        drawn[f"{run}.png"] = to_png(
            picture_grid(np.stack(rows), title=label.capitalize(), rows=names, group=2)
        )
        walks = np.stack([_walk(subject, test[i], test[i + _WALKS]) for i in range(_WALKS)])
        drawn[f"{run}_walks.png"] = to_png(
            picture_grid(
                walks,
                title=f"From one held-out picture to another: {label}",
                note="on a straight line between their codes; the outermost are the pictures themselves",
                columns=["from", *[""] * _STEPS, "to"],
            )
        )
    return drawn


def make_page(
    results: FlowersResults,
    runs: Sequence[FinishedRun],
    pairs: Sequence[FinishedRun],
    pictures: Mapping[str, bytes],
) -> Report:
    """The page that shows the results."""
    observations = observe(results)
    return Report(
        title="Why flowers are harder than faces",
        summary=(comparison(results), cause(results), augmentation(results)),
        sections=(
            Section(
                "What the same network makes of both",
                (*_shown(results, pictures, FLOWERS), *_shown(results, pictures, FACES)),
            ),
            Section("Why, in numbers", (cause(results), score_table(results), look_table(results))),
            Section("A GAN beside the VAE", _pairs(results, pairs, pictures)),
            Section(
                "How the loss falls",
                (
                    augmentation(results),
                    loss_curves(
                        runs,
                        "reconstruction_loss",
                        "Reconstruction loss: heavy on validation pictures, light on training pictures; "
                        "those of the run called flowers are augmented.",
                        "nats a picture",
                    ),
                ),
            ),
            document_section(observations),
        ),
        facts=results.facts,
        observations=observations,
        notice=results.facts.notice(),
    )


def _pairs(
    results: FlowersResults, runs: Sequence[FinishedRun], pictures: Mapping[str, bytes]
) -> tuple[Block, ...]:
    others = []
    for label in (FLOWERS, FACES):
        one = results.models[label]
        others += [(f"{label}, the data", one.pictures.look), (f"VAE, {label}, samples", one.samples)]
    return show_pairs(results.pairs, runs, others, pictures, results.facts.directory)


def comparison(results: FlowersResults) -> str:
    """How much worse flowers come out."""
    faces, flowers = results.faces, results.flowers
    worse = "worse" if flowers.mse > faces.mse else "not worse"
    return (
        f"Flowers come out {worse} than faces in the same network: a squared error of "
        f"{flowers.mse:.4f} a pixel against {faces.mse:.4f}, {flowers.explained:.0%} of the variance kept "
        f"against {faces.explained:.0%}, and samples with "
        f"{detail_kept(flowers.samples, flowers):.0%} of the fine detail of the data against "
        f"{detail_kept(faces.samples, faces):.0%}."
    )


def cause(results: FlowersResults) -> str:
    """What of it lies in the pictures and what in their number."""
    faces, flowers, plain = results.faces, results.flowers, results.plain
    return (
        f"Flowers differ more among themselves: {flowers.pictures.components} straight lines are "
        f"needed for nine tenths of their variance, {faces.pictures.components} for that of faces. And they "
        f"are few: without augmentation the error of held-out flowers is "
        f"{plain.mse / plain.train_mse:.1f} times that of the "
        f"{plain.pictures.train:,} trained on, of faces, of which there are as many, "
        f"{faces.mse / faces.train_mse:.1f} times."
    )


def augmentation(results: FlowersResults) -> str:
    """What mirroring, turning and shifting flowers brings."""
    flowers, plain = results.flowers, results.plain
    gap, before = flowers.mse / flowers.train_mse, plain.mse / plain.train_mse
    effect = "lowers" if flowers.mse < plain.mse else "raises"
    return (
        f"Augmentation {effect} the error of held-out flowers from {plain.mse:.4f} to {flowers.mse:.4f}, "
        f"and that of training flowers goes from {plain.train_mse:.4f} to {flowers.train_mse:.4f}: the "
        f"first is then {gap:.2f} times the second, where it was {before:.2f} times."
    )


def score_table(results: FlowersResults) -> Table:
    """Errors, and what is known of the pictures."""
    return Table(
        (
            Column("Pictures"), Column("Error, training", 4), Column("Error, held out", 4, "lowest"),
            Column("Variance kept, %", 1, "highest"), Column("KL, nats", 1), Column("Active"),
            Column("As many straight lines keep, %", 1), Column("Lines for 90%"), Column("Longest step", 2),
            Column("Time"),
        ),
        tuple(
            (
                label, one.train_mse, one.mse, 100 * one.explained, one.kl_loss, one.active,
                100 * one.pictures.linear, one.pictures.components, one.jump,
                unbroken(format_duration(one.seconds)),
            )
            for label, one in results.models.items()
        ),
        "Squared error a pixel, of values from 0 to 1. As many principal components as the model has "
        "active dimensions would keep the share of variance beside it. The longest of ten steps between two "
        "held-out pictures is given as a multiple of the mean one.",
        command=f"rgnn evaluate {results.facts.directory}/{results.flowers.run}",
    )  # fmt: skip


def look_table(results: FlowersResults) -> Table:
    """Samples and reconstructions beside the data."""
    rows = []
    for label in (FLOWERS, FACES):
        one = results.models[label]
        rows += [
            (f"{label}, the data", one.pictures.look),
            (f"{label}, reconstructions", one.reconstructions),
            (f"{label}, samples", one.samples),
        ]
    return looks(rows, "Beside held-out pictures of the same set.")


def to_terminal(results: FlowersResults) -> str:
    """Errors of each model, in plain lines."""
    rows = [
        {
            "pictures": label,
            "error, training": f"{one.train_mse:.4f}",
            "held out": f"{one.mse:.4f}",
            "variance kept": f"{one.explained:.1%}",
            "detail kept": f"{detail_kept(one.samples, one):.0%}",
            "distance": f"{one.samples.distance:.3f}",
            "lines for 90%": str(one.pictures.components),
        }
        for label, one in results.models.items()
    ]
    pairs = [
        {
            "pair": label,
            "detail kept": f"{detail_kept(one.samples, model):.0%}",
            "distance": f"{one.samples.distance:.3f}",
            "texture": f"{one.samples.texture:.1f}",
            "texture, VAE": f"{model.samples.texture:.1f}",
            "spread": f"{one.spread:.0%}",
        }
        for (label, one), model in zip(results.pairs.items(), (results.flowers, results.faces), strict=True)
    ]
    return "\n".join(
        [format_table(rows), "squared error a pixel; samples beside held-out pictures", format_table(pairs)]
    )


def _shown(results: FlowersResults, pictures: Mapping[str, bytes], label: str) -> tuple[Picture, Picture]:
    run, place = results.models[label].run, f"{results.facts.directory}/{results.models[label].run}"
    one = results.models[label]
    return (
        Picture(
            pictures[f"{run}.png"],
            f"{label.capitalize()}: held-out pictures above their reconstructions; samples from the prior "
            "above the training picture that is nearest to each.",
            f"Reconstructions keep {one.explained:.0%} of the variance; samples are "
            f"{one.samples.nearest:.3f} from their nearest training picture.",
            f"rgnn latent {place} reconstruct",
        ),
        Picture(
            pictures[f"{run}_walks.png"],
            f"Walks between held-out {label}.",
            f"The longest of ten steps is {one.jump:.1f} times the mean one.",
            f"rgnn latent {place} interpolate",
        ),
    )


def _walk(
    subject: Subject, start: UInt8[np.ndarray, "h w c"], end: UInt8[np.ndarray, "h w c"]
) -> UInt8[np.ndarray, "s h w c"]:
    one, other = subject.encode(np.stack([start, end])).z_mean
    return np.concatenate([start[None], subject.decode(lerp(one, other, _STEPS)), end[None]])
