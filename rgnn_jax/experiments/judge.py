"""A classifier trained here, which judges the pictures that models make."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Num, UInt8

from rgnn_jax.contracts import Params
from rgnn_jax.datasets.images import ImageData, load_images
from rgnn_jax.errors import UserError
from rgnn_jax.evaluate.distances import frechet_distance, kernel_distance
from rgnn_jax.experiments.picture_results import SampleScore
from rgnn_jax.in_batches import in_batches
from rgnn_jax.train.resolve import are_others
from rgnn_jax.train.session import LoadedRun

SURE = 0.9
"""Probability from which the classifier counts as sure of its class."""

_BATCH = 500


class Judgement(NamedTuple):
    """What the classifier makes of n pictures: features of its last hidden layer, and k probabilities."""

    features: Float[np.ndarray, "n d"]
    probabilities: Float[np.ndarray, "n k"]

    @property
    def classes(self) -> Int[np.ndarray, " n"]:
        """The most probable class of each picture."""
        return self.probabilities.argmax(axis=1)

    @property
    def sureness(self) -> Float[np.ndarray, " n"]:
        """The probability of that class."""
        return self.probabilities.max(axis=1)


Judging = Callable[[UInt8[np.ndarray, "n h w c"]], Judgement]
"""Who looks at pictures, such as `judge_pictures` with its run."""


def judge_pictures(run: LoadedRun, images: UInt8[np.ndarray, "n h w c"]) -> Judgement:
    """Lets a finished run of a classifier look at pictures, some at a time."""

    def judge(rows: np.ndarray) -> tuple[Array, Array]:
        return _judge(run.model, run.params, images[rows])

    return Judgement(*in_batches(judge, len(images), _BATCH))


def refuse_acquainted(
    judge: LoadedRun, data: ImageData, held_out: Num[np.ndarray, "n h w c"], most: float = 0.01
) -> None:
    """Refuses a judge that has seen what it is to be shown as new.

    Args:
        judge: a run of a classifier.
        data: the settings of the set that the held-out pictures are of.
        held_out: these, as the judge would be given them.
        most: share of them that it may know, since some sets hold a picture twice.

    Raises:
        UserError: where it was trained on more, because it deals the same set otherwise.
    """
    _, theirs = judge.experiment.of_pictures
    if are_others(theirs, data) or not len(held_out):
        return
    known = {picture.tobytes() for picture in np.asarray(load_images(theirs).train.images)}
    share = np.mean([picture.tobytes() in known for picture in np.asarray(held_out)])
    if share > most:
        deal = ("seed", "split", "validation_fraction", "test_fraction")
        differing = [name for name in deal if getattr(theirs, name) != getattr(data, name)]
        ours = [f"data.{name} {getattr(data, name)}" for name in differing]
        raise UserError(
            f"--judge: run {judge.directory.name} was trained on {share:.0%} of the pictures that are held "
            f"out here; train one with {' and '.join(ours) or 'other pictures'}"
        )


def score_samples(real: Judgement, generated: Judgement, seed: int) -> SampleScore:
    """How far generated pictures are from real ones; as many of both are compared as there are of either.

    Of the more numerous a random part is compared: real pictures may come sorted by class, and generated ones
    of all classes in turn.
    """
    count, draws = min(len(real.features), len(generated.features)), np.random.default_rng(seed)
    theirs, ours = (draws.permutation(one.features)[:count] for one in (real, generated))
    kernel = kernel_distance(theirs, ours, jax.random.key(seed))
    return SampleScore(
        distance=frechet_distance(theirs, ours),
        kernel_distance=kernel.value,
        sure=float(np.mean(generated.sureness >= SURE)),
        count=count,
    )


@functools.partial(jax.jit, static_argnames="model")
def _judge(
    model: nn.Module, params: Params, images: UInt8[Array, "b h w c"]
) -> tuple[Float[Array, "b d"], Float[Array, "b k"]]:
    pictures = images.astype(jnp.float32) / 255
    features: Any = model.apply({"params": params}, pictures, method="features")
    logits: Any = model.apply({"params": params}, pictures)
    return jnp.asarray(features, jnp.float32), jax.nn.softmax(jnp.asarray(logits, jnp.float32))
