"""What a classifier trained here makes of the pictures that a model draws from its prior."""

from collections.abc import Mapping

import jax
import msgspec
import numpy as np

from rgnn_jax.datasets.pictures import Pictures
from rgnn_jax.errors import UserError
from rgnn_jax.experiments.judge import judge_pictures, score_samples
from rgnn_jax.sampling.latent import dealt_labels, decode, draw, prior
from rgnn_jax.train.session import LoadedRun

SAMPLES = 10_000


class SampleVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """Samples beside held-out pictures, in a classifier's eyes.

    Attributes:
        judge: the classifier's run.
        judge_accuracy: its share of right classes among the held-out pictures.
        samples: how many were drawn.
        temperature: factor of their codes' distances from the mean.
        compared: how many of each kind the distances are of.
        distance: Frechet distance in the features of the classifier's last hidden layer.
        kernel_distance: kernel distance there.
        sure: share of samples of whose class the classifier is sure.
        covered: classes that have at least a tenth of an equal share of the samples.
        shares: of the samples, by class.
        class_accuracy: share of samples that show the class asked for, where the model is told classes.
    """

    judge: str
    judge_accuracy: float
    samples: int
    temperature: float
    compared: int
    distance: float
    kernel_distance: float
    sure: float
    covered: int
    shares: Mapping[str, float]
    class_accuracy: float | None


def judge_samples(
    run: LoadedRun,
    judge: LoadedRun,
    held_out: Pictures,
    *,
    count: int = SAMPLES,
    temperature: float = 1.0,
    seed: int = 0,
) -> SampleVerdict:
    """Draws pictures from a model's prior and lets a classifier look at them.

    Where the model is told classes, they are drawn evenly.

    Args:
        run: of a model with `decode`.
        judge: of a classifier of pictures of the same shape.
        held_out: real pictures, with labels.
        count: samples.
        temperature: factor of their codes' distances from the mean.
        seed: of the draw.

    Raises:
        UserError: where the judge is no classifier of such pictures, or they have no labels.
    """
    classes = judge.images.classes
    if not hasattr(judge.model, "features") or judge.images.shape != run.images.shape:
        shape = "x".join(map(str, run.images.shape))
        raise UserError(
            f"--judge {judge.directory.name}: not a classifier of {shape} pictures; train one first"
        )
    if held_out.labels is None:
        raise UserError("--judge: the held-out pictures have no classes; leave it out")
    if tuple(run.images.classes) != tuple(classes):
        raise UserError(f"--judge {judge.directory.name}: it knows other classes than the run's")
    z = draw(prior(run.model.z_dim), jax.random.key(seed), count, temperature=temperature)
    labels = dealt_labels(run.model, count)
    generated = judge_pictures(judge, decode(run.model, run.params, z, labels))
    real = judge_pictures(judge, np.asarray(held_out.images))
    score = score_samples(real, generated, seed)
    shares = np.bincount(generated.classes, minlength=len(classes)) / count
    return SampleVerdict(
        judge=judge.directory.name,
        judge_accuracy=float(np.mean(real.classes == held_out.labels)),
        samples=count,
        temperature=temperature,
        compared=score.count,
        distance=score.distance,
        kernel_distance=score.kernel_distance,
        sure=score.sure,
        covered=int(np.sum(shares >= 0.1 / len(classes))),
        shares={name: float(share) for name, share in zip(classes, shares, strict=True)},
        class_accuracy=None if labels is None else float(np.mean(generated.classes == labels)),
    )
