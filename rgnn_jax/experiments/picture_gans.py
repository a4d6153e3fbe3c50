"""Generator-discriminator pairs beside the autoencoders of a page: how they play, and what they generate."""

from collections.abc import Mapping, Sequence

import jax
import msgspec
import numpy as np
from jaxtyping import UInt8

from rgnn_jax.config import GeneratorConfig
from rgnn_jax.experiments.latent.subject import Subject
from rgnn_jax.experiments.picture_looks import Look, compared, measure_look, nearest
from rgnn_jax.experiments.picture_measures import unevenness
from rgnn_jax.experiments.picture_tables import looks
from rgnn_jax.experiments.report import Block, Column, Figure, Picture, Table
from rgnn_jax.experiments.workshop import FinishedRun
from rgnn_jax.figures.images import picture_grid, to_png
from rgnn_jax.sampling.latent import draw, prior, slerp
from rgnn_jax.tasks.adversarial import evaluate_pair, pair_remark
from rgnn_jax.train.log import format_duration
from rgnn_jax.typography import unbroken

UNCURATED, _COLUMNS, _WALKS, _STEPS = 64, 10, 3, 11
_MEASURED_WALKS = 64


class PairModel(msgspec.Struct, frozen=True, kw_only=True):
    """One trained pair, at the checkpoint whose pictures are nearest to the validation pictures.

    Attributes:
        run: its directory beside the page.
        parameters: of both players.
        steps: taken when that checkpoint was kept.
        trained: steps taken in all.
        seconds: that they took.
        samples: random pictures beside held-out ones.
        jump: the longest of ten steps between two random pictures as a multiple of the mean one.
        spread: mean squared distance of two generated pictures over that of two held-out ones.
        apart: the same of the distance to the nearest other.
        real_accuracy: share of held-out pictures that the discriminator takes for real.
        fake_accuracy: share of generated ones that it does not.
        remark: what is wrong with it, if anything.
    """

    label: str
    run: str
    parameters: int
    steps: int
    trained: int
    seconds: float
    samples: Look
    jump: float
    spread: float
    apart: float
    real_accuracy: float
    fake_accuracy: float
    remark: str | None


def examine_pair(one: FinishedRun, seed: int) -> PairModel:
    """Everything about a pair.

    Args:
        one: the run, at the checkpoint to be examined.
        seed: of all that is drawn.
    """
    subject, z_dim = one.subject, one.run.model.z_dim
    held_out = compared(subject.data.test.images)
    samples = subject.decode(draw(prior(z_dim), jax.random.key(seed + 1), len(held_out)))
    scores = evaluate_pair(one.run.model, one.run.params, subject.data.test, seed=seed)
    ends = draw(prior(z_dim), jax.random.key(seed + 2), 2 * _MEASURED_WALKS)
    walks = np.stack([_walk(subject, *pair) for pair in ends.reshape(_MEASURED_WALKS, 2, z_dim)])
    config = one.run.experiment.of_pictures[0]
    assert isinstance(config, GeneratorConfig)
    return PairModel(
        label=one.label,
        run=one.run.directory.name,
        parameters=one.parameters,
        steps=one.run.step,
        trained=int(one.rows[-1]["step"]),
        seconds=one.seconds,
        samples=measure_look(samples, held_out, subject.data.train.images, seed=seed),
        jump=float(unevenness(walks).mean()),
        spread=scores["spread"],
        apart=scores["nearest"],
        real_accuracy=scores["real_accuracy"],
        fake_accuracy=scores["fake_accuracy"],
        remark=pair_remark(config, scores),
    )


def draw_pairs(runs: Sequence[FinishedRun], seed: int) -> dict[str, bytes]:
    """Pictures of each pair by file name: random ones, their nearest in training, and walks between them."""
    drawn = {}
    for one in runs:
        subject, name, z_dim = one.subject, one.run.directory.name, one.run.model.z_dim
        codes = draw(prior(z_dim), jax.random.key(seed + 1), UNCURATED)
        samples = subject.decode(codes)
        grid = samples.reshape(8, UNCURATED // 8, *samples.shape[1:])
        title = f"{one.label}: {UNCURATED} random pictures, not chosen"
        drawn[f"{name}.png"] = to_png(picture_grid(grid, title=title))
        train = np.asarray(subject.data.train.images)
        rows = np.stack([samples[:_COLUMNS], train[nearest(samples[:_COLUMNS], train)[1]]])
        drawn[f"{name}_nearest.png"] = to_png(
            picture_grid(rows, title="Random pictures and their nearest", rows=["generated", "in training"])
        )
        walks = np.stack([_walk(subject, codes[2 * i], codes[2 * i + 1]) for i in range(_WALKS)])
        drawn[f"{name}_walks.png"] = to_png(
            picture_grid(walks, title="From one random picture to another", note="along an arc between codes")
        )
    return drawn


def show_pairs(
    pairs: Mapping[str, PairModel],
    runs: Sequence[FinishedRun],
    others: Sequence[tuple[str, Look]],
    pictures: Mapping[str, bytes],
    directory: str,
) -> tuple[Block, ...]:
    """The part of a page that shows pairs beside other models.

    Args:
        pairs: what was found out about them, by label.
        runs: the same pairs' runs.
        others: names and looks of the data and of other models' samples.
        pictures: what `draw_pairs` drew.
        directory: where the runs are.
    """
    rows = [*others, *((f"{label}, samples", one.samples) for label, one in pairs.items())]
    blocks: list[Block] = [describe(one) for one in pairs.values()]
    for one in pairs.values():
        command = f"rgnn latent {directory}/{one.run} random --step best"
        blocks += [
            Picture(
                pictures[f"{one.run}.png"],
                f"{one.label}: codes from N(0, 1), all of them shown.",
                f"{UNCURATED} generated pictures; the discriminator tells {one.fake_accuracy:.0%} from real.",
                command,
            ),
            Picture(
                pictures[f"{one.run}_nearest.png"],
                "The first of them above their nearest training pictures: what was copied would be twice the "
                "same.",
                f"The nearest training picture is {one.samples.nearest:.3f} a pixel away, on average.",
            ),
            Picture(
                pictures[f"{one.run}_walks.png"],
                "Three walks between random codes.",
                f"The longest step is {one.jump:.1f} times the mean one.",
            ),
        ]
    table = looks(rows, "Autoencoders and pairs by the same measures, beside held-out pictures.")
    return (*blocks, table, health_table(pairs), *_games(runs))


def describe(one: PairModel) -> str:
    """A pair's health in a sentence."""
    told = (
        f"The discriminator of {one.label} tells {one.real_accuracy:.0%} of held-out and "
        f"{one.fake_accuracy:.0%} of generated pictures rightly."
    )
    found = f"{one.label}: {one.remark}." if one.remark else told
    return (
        f"{found} Two of its pictures are {one.spread:.0%} as far apart as two real ones, and "
        f"{one.apart:.0%} as far from the nearest other."
    )


def health_table(pairs: Mapping[str, PairModel]) -> Table:
    """Who wins, and whether the pictures differ."""
    return Table(
        (
            Column("Pair"), Column("Real told, %", 0), Column("Generated told, %", 0),
            Column("Spread, %", 0, "highest"), Column("Apart, %", 0, "highest"),
            Column("Longest step", 2, "lowest"), Column("Best step"), Column("Steps"), Column("Time"),
        ),
        tuple(
            (
                label, 100 * one.real_accuracy, 100 * one.fake_accuracy, 100 * one.spread, 100 * one.apart,
                one.jump, one.steps, one.trained, unbroken(format_duration(one.seconds)),
            )
            for label, one in pairs.items()
        ),
        "What the discriminator tells rightly of held-out and of generated pictures; how far generated "
        "pictures are from each other and from the nearest other, where real ones are 100%; the longest of "
        "ten steps from one to another as a multiple of the mean one; the step whose pictures were nearest "
        "to the validation pictures, which is the one that is shown.",
    )  # fmt: skip


def _walk(subject: Subject, start: np.ndarray, end: np.ndarray) -> UInt8[np.ndarray, "s h w c"]:
    return subject.decode(slerp(start, end, _STEPS), subject.held_class(start, _STEPS))


def _games(runs: Sequence[FinishedRun]) -> tuple[Figure, ...]:
    """The course of each game, in what the discriminator tells rightly and in distance."""
    from rgnn_jax.figures import Curve, Series, learning_curves, to_svg

    told, far = {}, {}
    for one in runs:
        for which in ("real", "fake"):
            told[f"{one.label}, {which}"] = Curve(Series(*one.curve(f"validation_{which}_accuracy")))
        far[one.label] = Curve(Series(*one.curve("validation_loss")))
    ends = ", ".join(f"{label} {curve.training.y[-1]:.2f}" for label, curve in told.items())
    distances = ", ".join(f"{label} {curve.training.y.min():.1f}" for label, curve in far.items())
    return (
        Figure(
            to_svg(learning_curves(told, x_label="step", y_label="share told rightly")),
            "What the discriminator tells rightly of validation pictures and of generated ones: near one "
            "half the game is open, at 1 it is decided.",
            f"At the end: {ends}.",
        ),
        Figure(
            to_svg(learning_curves(far, x_label="step", y_label="distance times 1000")),
            "Sliced Wasserstein distance of generated pictures to validation pictures, of pixels and "
            "patches.",
            f"At its best: {distances}.",
        ),
    )
