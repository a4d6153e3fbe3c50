"""What is measured alike of the models of digits and of clothes."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Float, UInt8

from rgnn_jax.config import AutoencoderConfig
from rgnn_jax.datasets.pictures import Images, Pictures, evenly
from rgnn_jax.errors import UserError
from rgnn_jax.evaluate.elbo import score_images
from rgnn_jax.evaluate.sharpness import laplacian_variance
from rgnn_jax.experiments.judge import SURE, Judgement, Judging, judge_pictures, score_samples
from rgnn_jax.experiments.latent.subject import Subject
from rgnn_jax.experiments.picture_results import DataFacts, JudgeFacts, ModelScore, SampleScore, WalkScore
from rgnn_jax.experiments.workshop import FinishedRun
from rgnn_jax.sampling.latent import Gaussian, draw, lerp
from rgnn_jax.tasks.images import evaluation_images
from rgnn_jax.typography import counted

MOST_SAMPLES = 5000
"""Random pictures, at most, that are compared with as many real ones."""

SHOWN_CLASSES = 10
"""Classes, at most, that pages show pictures of: the first ones."""

_STEPS = 11
_LEAST = {"validation": 3, "test": 8}


def describe_data(data: Images, path: str, *, binarized: bool) -> DataFacts:
    """The pictures in numbers."""
    spec, grey = data.spec, data.test.images / np.float32(255)
    return DataFacts(
        path=path,
        shape=spec.in_words,
        train=len(data.train),
        validation=len(data.validation),
        test=len(data.test),
        binarized=binarized,
        variance=float(grey.var(axis=0, dtype=np.float64).mean()),
    )


def describe_judge(run: FinishedRun, data: Images, seed: int) -> tuple[JudgeFacts, dict[str, Judgement]]:
    """How good the classifier is, and what it makes of real pictures of each split."""
    judgements = {
        name: judge_pictures(run.run, split.take(evenly(len(split), MOST_SAMPLES)).images)
        for name, split in (("train", data.train), ("validation", data.validation), ("test", data.test))
    }
    test = judgements["test"]
    assert data.test.labels is not None
    facts = JudgeFacts(
        accuracy=float(np.mean(judge_pictures(run.run, data.test.images).classes == data.test.labels)),
        features=test.features.shape[1],
        parameters=run.parameters,
        seconds=run.seconds,
        real=score_samples(test, judgements["train"], seed),
        sure=float(np.mean(test.sureness >= SURE)),
    )
    return facts, judgements


class Bound(NamedTuple):
    """The evidence lower bound of a model and its parts, in nats a picture; without a KL it is the first."""

    reconstruction_loss: float
    kl_loss: float | None
    negative_elbo: float | None
    active_units: int | None


def config_of(run: FinishedRun) -> AutoencoderConfig:
    """What a run of an autoencoder was set to."""
    config, _ = run.run.experiment.of_pictures
    assert isinstance(config, AutoencoderConfig)
    return config


def score_bound(run: FinishedRun, pictures: Pictures) -> Bound:
    """The bound of pictures as the model's training sees them."""
    config, (_, data) = config_of(run), run.run.experiment.of_pictures
    scores: Mapping[str, Any] = score_images(
        run.run.model, run.run.params, evaluation_images(data, pictures),
        likelihood=config.likelihood, scale=config.scale,
    )  # fmt: skip
    active = scores.get("active_units")
    return Bound(
        scores["reconstruction_loss"],
        scores.get("kl_loss"),
        scores.get("negative_elbo"),
        None if active is None else round(active),
    )


def score_model(run: FinishedRun, subject: Subject, judge: Judging, test: Pictures) -> ModelScore:
    """Scores a model on test pictures."""
    config, bound = config_of(run), score_bound(run, test)
    decoded = subject.reconstruct(test.images)
    return ModelScore(
        run=run.run.directory.path.name,
        beta=config.beta if config.variational else None,
        z_dim=config.z_dim,
        layers="-".join(map(str, (*getattr(config, "hidden", ()), config.z_dim))),
        parameters=run.parameters,
        steps=run.run.step,
        seconds=run.seconds,
        **bound._asdict(),
        mse=mean_squared_error(test.images, decoded),
        agreement=float(np.mean(judge(decoded).classes == judge(test.images).classes)),
        sharpness=float(laplacian_variance(decoded).mean() / laplacian_variance(test.images).mean()),
    )


def score_random(
    subject: Subject, distribution: Gaussian, judge: Judging, real: Judgement, seed: int
) -> SampleScore:
    """Compares pictures of random codes with as many real ones."""
    codes = draw(distribution, jax.random.key(seed), min(len(real.features), MOST_SAMPLES))
    return score_samples(real, judge(subject.decode(codes)), seed)


def mean_squared_error(images: UInt8[np.ndarray, "n h w c"], decoded: UInt8[np.ndarray, "n h w c"]) -> float:
    """Squared error a pixel, of values from 0 to 1."""
    difference = images.astype(np.float32) - decoded
    return float(np.mean(np.square(difference), dtype=np.float64) / 255**2)


def score_walks(
    subject: Subject,
    judge: Judging,
    starts: UInt8[np.ndarray, "n h w c"],
    ends: UInt8[np.ndarray, "n h w c"],
    labels: tuple[int, int],
    classes: Sequence[str],
) -> WalkScore:
    """Walks in a straight line from the code of each picture to that of its partner.

    Args:
        subject: the run.
        judge: the classifier.
        starts: pictures of one class.
        ends: pictures of another.
        labels: these two classes.
        classes: names of what the classifier tells apart.
    """
    one, other = subject.encode(starts).z_mean, subject.encode(ends).z_mean
    codes = np.stack([lerp(start, end, _STEPS) for start, end in zip(one, other, strict=True)])
    pictures = subject.decode(codes)
    seen = judge(pictures.reshape(-1, *pictures.shape[2:]))
    named = seen.classes.reshape(len(starts), _STEPS)
    sureness = seen.sureness.reshape(len(starts), _STEPS)
    inner = named[:, 1:-1]
    elsewhere = ~np.isin(inner, labels)
    others = Counter(inner[elsewhere].tolist()).most_common(1)
    return WalkScore(
        unevenness=float(np.mean(unevenness(pictures))),
        sureness=float(sureness[:, 1:-1].mean()),
        changes=float((named[:, 1:] != named[:, :-1]).sum(axis=1).mean()),
        between=float(elsewhere.mean()),
        other=classes[others[0][0]] if others else None,
        count=len(starts),
    )


def score_pairs(
    subject: Subject, judge: Judging, data: Images, pairs: Sequence[tuple[int, int]], count: int
) -> dict[str, WalkScore]:
    """Walks between the first `count` test pictures of two classes, for each pair such as "0 to 8"."""
    names, walks = data.spec.classes, {}
    for start, end in pairs:
        starts, ends = (pictures_of(data, label, count) for label in (start, end))
        both = min(len(starts), len(ends))
        name = f"{names[start]} to {names[end]}"
        walks[name] = score_walks(subject, judge, starts[:both], ends[:both], (start, end), names)
    return walks


def unevenness(walks: UInt8[np.ndarray, "n s h w c"]) -> Float[np.ndarray, " n"]:
    """Largest step of each walk over its mean step, a step being the root mean square change of a pixel.

    A walk that does not move at all is even: 1.
    """
    changes = np.diff(walks.astype(np.float32), axis=1)
    steps = np.sqrt(np.mean(np.square(changes), axis=(2, 3, 4), dtype=np.float64))
    mean = steps.mean(axis=1)
    return np.where(mean > 0, steps.max(axis=1) / np.where(mean > 0, mean, 1), 1.0)


def together(scores: Sequence[WalkScore]) -> WalkScore:
    """The walks of several pairs of classes as one group."""
    weights = np.array([score.count for score in scores], float)

    def mean(name: str) -> float:
        return float(np.average([getattr(score, name) for score in scores], weights=weights))

    return WalkScore(
        unevenness=mean("unevenness"), sureness=mean("sureness"), changes=mean("changes"),
        between=mean("between"), other=None, count=int(weights.sum()),
    )  # fmt: skip


def pictures_of(data: Images, label: int, count: int) -> UInt8[np.ndarray, "n h w c"]:
    """The first test pictures of a class."""
    assert data.test.labels is not None
    return data.test.images[np.flatnonzero(data.test.labels == label)[:count]]


def require_pictures(data: Images, path: str) -> None:
    """Refuses, before anything is trained, sets of which too few pictures are held out to be measured.

    Raises:
        UserError: says how many there are.
    """
    for name, least in _LEAST.items():
        split: Pictures = getattr(data, name)
        if len(split) < least:
            raise UserError(
                f"{path}: the {name} split has {counted(len(split), 'picture')}, but a page measures on "
                f"{least} or more; give more pictures"
            )


def require_classes(data: Images, path: str, needed: int) -> None:
    """Refuses sets of pictures without classes, with too few, or with one of which nothing is held out.

    Args:
        data: the pictures.
        path: where they are from.
        needed: classes that the walks go between.

    Raises:
        UserError: says what there is.
    """
    names, labels = data.spec.classes, data.test.labels
    if labels is None or len(names) < needed:
        found = 0 if labels is None else len(names)
        raise UserError(f"{path}: has {found} classes, but the walks need {needed}; name a set such as mnist")
    for label, name in enumerate(names[:SHOWN_CLASSES]):
        if label not in labels:
            raise UserError(f"{path}: no picture of class {name} is in the test split; give more of it")
