"""What an independent classifier of digits and signs makes of painted answers."""

import msgspec
import numpy as np
from jaxtyping import Int

from rgnn_jax.contracts import Rows
from rgnn_jax.datasets.arithmetic import Examples
from rgnn_jax.datasets.arithmetic_spec import BLANK, SYMBOLS, ArithmeticSpec
from rgnn_jax.errors import UserError
from rgnn_jax.evaluate.arithmetic import AnswerReport, report_answers
from rgnn_jax.evaluate.distances import frechet_distance
from rgnn_jax.evaluate.sharpness import laplacian_variance
from rgnn_jax.evaluate.translation import chunks
from rgnn_jax.evaluate.variety import style_distance
from rgnn_jax.experiments.judge import SURE, Judge, Judgement
from rgnn_jax.experiments.strip_judge import in_a_row, own_accuracy, require_judge
from rgnn_jax.train.session import LoadedRun

_STRIPS = 100
_FEWEST = 20
"""Digits below which two sets are not compared: enough that each of the ten occurs twice."""
_INK = 26
"""A picture none of whose pixels is brighter, a tenth of the range, is a blank."""


class Looks(msgspec.Struct, frozen=True):
    """Painted digits beside held-out ones.

    Attributes:
        confidence: of the judge, the mean probability of the symbol that it reads in a painted picture.
        real_confidence: the same of held-out pictures.
        sure: the share of painted pictures with a probability of `SURE` or more.
        distance: Frechet distance, in its features, of painted digits from held-out ones.
        real_distance: of as many other pictures of the same split.
        style: distance of two paintings of one digit in its features, divided by that of two held-out
            pictures of the digit; 1 is as varied as the real ones.
        style_pixels: the same in pixels.
        sharpness: variance of the Laplacian, divided by that of held-out pictures.
        digits: that are compared, of either.
    """

    confidence: float
    real_confidence: float
    sure: float
    distance: float
    real_distance: float
    style: float
    style_pixels: float
    sharpness: float
    digits: int


class PaintedReport(msgspec.Struct, frozen=True):
    """Painted answers, and the judge that these numbers rest on.

    Attributes:
        judge: the run that judges.
        judge_accuracy: of it, on the test pictures of its own data.
        answers: as the judge reads them, compared with the true ones.
        real: the share of true answers, in held-out pictures, that it reads right.
        looks: of the painted digits; None where hardly any was painted.
    """

    judge: str
    judge_accuracy: float
    answers: AnswerReport
    real: float
    looks: Looks | None


def judge_answers(
    judge: LoadedRun,
    spec: ArithmeticSpec,
    examples: Examples,
    answered: Int[np.ndarray, "n t"],
    painted: Rows,
    others: Rows,
) -> PaintedReport:
    """Lets a classifier read painted answers, and compares them with held-out handwriting.

    Args:
        judge: a run of a classifier of digits and signs.
        spec: how answers are written.
        examples: queries, true answers, and these in pictures.
        answered: the symbols that were painted.
        painted: the strips.
        others: other held-out pictures of the true answers, to compare with.

    Raises:
        UserError: where the run classifies other things or pictures of another size, or `examples` have no
            pictures.
    """
    require_judge(judge, spec.answer_side)
    if examples.pictures is None:
        raise UserError("the answers of these queries are not in handwriting; set data.pictures to target")
    ours = _read(judge, painted)
    real, more = _read(judge, examples.pictures), _read(judge, others)
    return PaintedReport(
        judge=str(judge.directory.path),
        judge_accuracy=own_accuracy(judge),
        answers=report_answers(spec, examples, ours.symbols),
        real=float((real.symbols == examples.target).all(axis=1).mean()),
        looks=_looks(ours, real, more, answered, examples.target, spec.answer_side),
    )


class _Seen(msgspec.Struct, frozen=True):
    """What is seen in strips: symbols [n t], and of their pictures one after the other all else."""

    symbols: np.ndarray
    features: np.ndarray
    sureness: np.ndarray
    pixels: np.ndarray
    ink: np.ndarray


def _read(judge: LoadedRun, strips: Rows) -> _Seen:
    pixels, found = [], []
    for rows, count in chunks(len(strips), _STRIPS):
        pictures = in_a_row(strips[rows])
        length = len(pictures) // len(rows)
        pixels.append(pictures[: count * length])
        found.append(Judgement(*(part[: count * length] for part in Judge(judge)(pictures))))
    pictures = np.concatenate(pixels)
    judged = Judgement(*(np.concatenate(parts) for parts in zip(*found, strict=True)))
    ink = pictures.max(axis=(1, 2, 3)) > _INK
    symbols = np.where(ink, judged.classes, BLANK).reshape(len(strips), -1)
    return _Seen(symbols, judged.features, judged.sureness, pictures.reshape(len(pictures), -1), ink)


def _looks(
    ours: _Seen,
    real: _Seen,
    more: _Seen,
    answered: Int[np.ndarray, "n t"],
    target: Int[np.ndarray, "n t"],
    side: int,
) -> Looks | None:
    """Compares painted digits with held-out ones, and these with others."""
    digits, true = _digits(answered), _digits(target)
    size = int(min(digits.sum(), true.sum()))
    if size < _FEWEST or not ours.ink.any():
        return None
    kinds, true_kinds = answered.ravel()[digits], target.ravel()[true]
    features, real_features = ours.features[digits], real.features[true]
    pixels, real_pixels = ours.pixels[digits], real.pixels[true]
    return Looks(
        confidence=float(ours.sureness[ours.ink].mean()),
        real_confidence=float(real.sureness[real.ink].mean()),
        sure=float((ours.sureness[ours.ink] >= SURE).mean()),
        distance=frechet_distance(real_features[:size], features[:size]),
        real_distance=frechet_distance(real_features[:size], more.features[true][:size]),
        style=style_distance(features, kinds) / style_distance(real_features, true_kinds),
        style_pixels=style_distance(pixels, kinds) / style_distance(real_pixels, true_kinds),
        sharpness=_sharpness(pixels, side) / _sharpness(real_pixels, side),
        digits=size,
    )


def _digits(symbols: Int[np.ndarray, "n t"]) -> np.ndarray:
    """Which pictures, one after the other, show a digit."""
    return symbols.ravel() < SYMBOLS.index("+")


def _sharpness(pixels: np.ndarray, side: int) -> float:
    return float(laplacian_variance(pixels.reshape(-1, side, side, 1)).mean())
