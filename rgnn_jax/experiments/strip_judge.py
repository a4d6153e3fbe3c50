"""An independent classifier of digits and signs, which judges how legible the queries of a run are."""

import dataclasses
from typing import Any

import msgspec
import numpy as np
from jaxtyping import Array, Int, Shaped, UInt8

from rgnn_jax.contracts import Rows
from rgnn_jax.datasets.arithmetic_spec import SYMBOLS
from rgnn_jax.datasets.handwriting import Handwriting
from rgnn_jax.errors import UserError
from rgnn_jax.evaluate.arithmetic import Reading, report_reading
from rgnn_jax.experiments.judge import judge_pictures, refuse_acquainted
from rgnn_jax.in_batches import in_batches
from rgnn_jax.train.session import LoadedRun, load_task

_STRIPS = 100


class StripVerdict(msgspec.Struct, frozen=True):
    """What the judge makes of strips, with what it is itself worth.

    Attributes:
        run: the judge's name.
        accuracy: of the judge, on the test pictures of its own data.
        reading: of the strips. Its whole queries are about the most answers that can be right where each
            picture is read by itself and as well as the judge reads it.
    """

    run: str
    accuracy: float
    reading: Reading


@dataclasses.dataclass(frozen=True)
class StripJudge:
    """A classifier of digits and signs, and how well it reads the test pictures of its own data.

    Attributes:
        run: of the classifier.
        accuracy: the share of these pictures that it reads right.
    """

    run: LoadedRun
    accuracy: float

    @classmethod
    def tested(cls, run: LoadedRun) -> "StripJudge":
        """A judge that has shown what it is worth.

        Raises:
            UserError: where it has no test pictures.
        """
        scores: Any = load_task(run).evaluate(run.params, "test")
        if not scores:
            raise UserError(
                f"--judge: run {run.directory.name} has no test pictures, on which it could show what it is "
                "worth; train one with data.test_fraction above 0"
            )
        return cls(run, float(scores["accuracy"]))

    @classmethod
    def of(cls, run: LoadedRun, handwriting: Handwriting) -> "StripJudge":
        """A judge of handwriting whose digits it never met.

        Raises:
            UserError: where the run classifies other things or pictures of another size, was trained on
                pictures that are held out, or has no test pictures of its own.
        """
        data, classes, shape = handwriting.config, run.images.classes, run.images.shape
        if (
            classes != tuple(SYMBOLS[:-1])
            or shape != (data.size, data.size, 1)
            or hasattr(run.model, "decode")
        ):
            raise UserError(
                f"--judge: run {run.directory.name} is no classifier of digits and signs of "
                f"{data.size}x{data.size} pixels; train one with configs/classifier_handwriting.toml"
            )
        images = handwriting.images
        held_out = np.concatenate([images.validation.images, images.test.images])
        refuse_acquainted(run, data.digit_set, held_out)
        return cls.tested(run)


def judge_strips(judge: StripJudge, strips: Rows, symbols: Int[np.ndarray, "n s"]) -> StripVerdict:
    """Lets a classifier read strips, as `read_strips` does, beside how well it reads its own pictures."""
    return StripVerdict(judge.run.directory.name, judge.accuracy, read_strips(judge.run, strips, symbols))


def read_strips(judge: LoadedRun, strips: Rows, symbols: Int[np.ndarray, "n s"]) -> Reading:
    """How well a classifier reads the pictures of queries, each by itself.

    Args:
        judge: a run of a classifier of digits and signs.
        strips: the queries in pictures.
        symbols: what they show.
    """

    def read(rows: np.ndarray) -> np.ndarray:
        return judge_pictures(judge, in_a_row(strips[rows])).classes.reshape(len(rows), -1)

    return report_reading(symbols, in_batches(read, len(strips), _STRIPS))


def in_a_row(strips: Shaped[Array | np.ndarray, "n s h w c"]) -> UInt8[np.ndarray, "m h w c"]:
    """The pictures of strips one after the other, as bytes."""
    pictures = np.rint(255 * np.asarray(strips)).astype(np.uint8)
    return pictures.reshape(-1, *pictures.shape[2:])
