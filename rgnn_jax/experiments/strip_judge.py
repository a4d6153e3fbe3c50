"""An independent classifier of digits and signs, which judges how legible the queries of a run are."""

from typing import Any

import msgspec
import numpy as np
from jaxtyping import Array, Int, Shaped, UInt8

from rgnn_jax.contracts import Rows
from rgnn_jax.datasets.arithmetic_spec import SYMBOLS
from rgnn_jax.errors import UserError
from rgnn_jax.evaluate.arithmetic import Reading, report_reading
from rgnn_jax.evaluate.translation import chunks
from rgnn_jax.experiments.judge import Judge
from rgnn_jax.train.session import LoadedRun, load_task

_STRIPS = 100


class Verdict(msgspec.Struct, frozen=True):
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


def judge_strips(judge: LoadedRun, strips: Rows, symbols: Int[np.ndarray, "n s"], side: int) -> Verdict:
    """Lets a classifier read the pictures of queries, each by itself.

    Args:
        judge: a run of a classifier of digits and signs.
        strips: the queries in pictures.
        symbols: what they show.
        side: pixels of a picture's side.

    Raises:
        UserError: where the run classifies other things, or pictures of another size.
    """
    require_judge(judge, side)
    read = np.concatenate(
        [
            Judge(judge)(in_a_row(strips[rows])).classes.reshape(len(rows), -1)[:count]
            for rows, count in chunks(len(strips), _STRIPS)
        ]
    )
    return Verdict(str(judge.directory.path), own_accuracy(judge), report_reading(symbols, read))


def require_judge(judge: LoadedRun, side: int) -> None:
    """Raises UserError where the run classifies other things, or pictures of another size."""
    classes, shape = judge.images.classes, judge.images.shape
    if classes != tuple(SYMBOLS[:-1]) or shape != (side, side, 1) or hasattr(judge.model, "decode"):
        raise UserError(
            f"--judge: run {judge.directory.name} is no classifier of digits and signs of {side}x{side} "
            "pixels; train one with configs/classifier_handwriting.toml"
        )


def own_accuracy(judge: LoadedRun) -> float:
    """The fraction of the test pictures of its own data that a judge reads right."""
    scores: Any = load_task(judge).evaluate(judge.params, "test")
    return float(scores["accuracy"])


def in_a_row(strips: Shaped[Array | np.ndarray, "n s h w c"]) -> UInt8[np.ndarray, "m h w c"]:
    """The pictures of strips one after the other, as bytes."""
    pictures = np.rint(255 * np.asarray(strips)).astype(np.uint8)
    return pictures.reshape(-1, *pictures.shape[2:])
