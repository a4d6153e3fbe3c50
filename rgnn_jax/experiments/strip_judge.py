"""An independent classifier of digits and signs, which judges how legible the queries of a run are."""

from typing import Any

import msgspec
import numpy as np
from jaxtyping import Array, Int, Shaped, UInt8

from rgnn_jax.contracts import Rows
from rgnn_jax.datasets.arithmetic_spec import SYMBOLS
from rgnn_jax.datasets.handwriting import HandwritingData
from rgnn_jax.errors import UserError
from rgnn_jax.evaluate.arithmetic import Reading, report_reading
from rgnn_jax.experiments.judge import Judge
from rgnn_jax.in_batches import in_batches
from rgnn_jax.train.session import LoadedRun, load_task

_STRIPS = 100


class StripVerdict(msgspec.Struct, frozen=True):
    """What the judge makes of strips, with what it is itself worth.

    Attributes:
        run: the judge.
        accuracy: of the judge, on the test pictures of its own data.
        reading: of the strips. Its whole queries are about the most answers that can be right where each
            picture is read by itself and as well as the judge reads it.
    """

    run: str
    accuracy: float
    reading: Reading


def judge_strips(judge: LoadedRun, strips: Rows, symbols: Int[np.ndarray, "n s"]) -> StripVerdict:
    """Lets a classifier read strips, as `read_strips` does, and says how well it reads its own pictures.

    Raises:
        UserError: where it has no test pictures of its own.
    """
    return StripVerdict(str(judge.directory.path), own_accuracy(judge), read_strips(judge, strips, symbols))


def read_strips(judge: LoadedRun, strips: Rows, symbols: Int[np.ndarray, "n s"]) -> Reading:
    """How well a classifier reads the pictures of queries, each by itself.

    Args:
        judge: a run that `require_judge` accepts.
        strips: the queries in pictures.
        symbols: what they show.
    """

    def read(rows: np.ndarray) -> np.ndarray:
        return Judge(judge)(in_a_row(strips[rows])).classes.reshape(len(rows), -1)

    return report_reading(symbols, in_batches(read, len(strips), _STRIPS))


def require_judge(judge: LoadedRun, data: HandwritingData) -> None:
    """Refuses what cannot judge handwriting.

    Args:
        judge: a run.
        data: where the strips' pictures are from.

    Raises:
        UserError: where the run classifies other things or pictures of another size, or was trained on the
            same set dealt otherwise, so that it may have seen what is held out.
    """
    classes, shape, side = judge.images.classes, judge.images.shape, data.size
    if classes != tuple(SYMBOLS[:-1]) or shape != (side, side, 1) or hasattr(judge.model, "decode"):
        raise UserError(
            f"--judge: run {judge.directory.name} is no classifier of digits and signs of {side}x{side} "
            "pixels; train one with configs/classifier_handwriting.toml"
        )
    (_, theirs), ours = judge.experiment.of_pictures, data.digit_set
    if theirs.path == ours.path:
        for field in ("seed", "split", "validation_fraction", "test_fraction"):
            if (value := getattr(theirs, field)) != (held_out := getattr(ours, field)):
                raise UserError(
                    f"--judge: run {judge.directory.name} was trained with data.{field} {value} and may have "
                    f"seen pictures that are held out here; train one with data.{field} {held_out}"
                )


def own_accuracy(judge: LoadedRun) -> float:
    """The fraction of the test pictures of its own data that a judge reads right.

    Raises:
        UserError: where it has none.
    """
    scores: Any = load_task(judge).evaluate(judge.params, "test")
    if not scores:
        raise UserError(
            f"--judge: run {judge.directory.name} has no test pictures, on which it could show what it is "
            "worth; train one with data.test_fraction above 0"
        )
    return float(scores["accuracy"])


def in_a_row(strips: Shaped[Array | np.ndarray, "n s h w c"]) -> UInt8[np.ndarray, "m h w c"]:
    """The pictures of strips one after the other, as bytes."""
    pictures = np.rint(255 * np.asarray(strips)).astype(np.uint8)
    return pictures.reshape(-1, *pictures.shape[2:])
