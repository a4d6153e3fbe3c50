"""What an independent classifier of digits and signs makes of painted answers."""

import msgspec
import numpy as np
from jaxtyping import Int

from rgnn_jax.contracts import Rows
from rgnn_jax.datasets.arithmetic_spec import BLANK, SYMBOLS
from rgnn_jax.datasets.arithmetic_split import Split
from rgnn_jax.datasets.handwriting import Handwriting
from rgnn_jax.errors import UserError
from rgnn_jax.evaluate.arithmetic import AnswerReport, report_answers
from rgnn_jax.evaluate.distances import frechet_distance
from rgnn_jax.evaluate.sharpness import laplacian_variance
from rgnn_jax.evaluate.variety import style_distance
from rgnn_jax.experiments.judge import SURE, Judgement, judge_pictures
from rgnn_jax.experiments.strip_judge import StripJudge, in_a_row
from rgnn_jax.in_batches import in_batches
from rgnn_jax.sampling.painting import Painted
from rgnn_jax.train.session import LoadedRun

_STRIPS = 100
_FEWEST = 20
"""Digits below which two sets are not compared: enough that each of the ten occurs twice."""
_INK = 26
"""A picture none of whose pixels is brighter, a tenth of the range, is a blank."""


class Looks(msgspec.Struct, frozen=True):
    """Painted digits beside the same ones in a split's pictures.

    Attributes:
        confidence: of the judge, the mean probability of the symbol that it reads in a painted picture.
        real_confidence: the same of the split's pictures.
        sure: the share of painted pictures with a probability of `SURE` or more.
        distance: Frechet distance, in its features, of painted digits from the split's.
        real_distance: of as many pictures of another split.
        style: distance in its features of one digit's paintings for two answers, divided by that of two
            pictures of the digit; 1 is as varied as the real ones.
        style_pixels: the same in pixels.
        sharpness: variance of the Laplacian, divided by that of the split's pictures.
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
        judge: the name of the run that judges.
        judge_accuracy: of it, on the test pictures of its own data.
        answers: as the judge reads them, compared with the true ones.
        real: the share of true answers, in the split's pictures, that it reads right.
        looks: of the painted digits; None where hardly any was painted.
    """

    judge: str
    judge_accuracy: float
    answers: AnswerReport
    real: float
    looks: Looks | None


def judge_answers(
    judge: StripJudge,
    painter: LoadedRun,
    handwriting: Handwriting,
    split: Split,
    answered: Int[np.ndarray, "n t"],
    style_seed: int = 0,
) -> PaintedReport:
    """Lets a classifier read answers as a run paints them, and compares them with real handwriting.

    Args:
        judge: of the classifier.
        painter: the run.
        handwriting: its data.
        split: whose queries were answered.
        answered: the symbols to paint.
        style_seed: of the styles.

    Raises:
        UserError: where the data's answers are no pictures.
    """
    examples, spec = handwriting.examples(split), painter.arithmetic
    if examples.pictures is None:
        raise UserError("the answers of these queries are not in handwriting; set data.pictures to target")
    ours = _read(judge.run, Painted(painter.model, painter.params, answered, style_seed))
    others = handwriting.strips(examples.target, "test" if split == "train" else "train")
    real, more = _read(judge.run, examples.pictures), _read(judge.run, others)
    return PaintedReport(
        judge=judge.run.directory.name,
        judge_accuracy=judge.accuracy,
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
    def see(rows: np.ndarray) -> tuple[np.ndarray, ...]:
        pictures = in_a_row(strips[rows])
        return tuple(
            part.reshape(len(rows), -1, *part.shape[1:])
            for part in (pictures, *judge_pictures(judge, pictures))
        )

    seen = in_batches(see, len(strips), _STRIPS)
    pictures, *judged = (part.reshape(-1, *part.shape[2:]) for part in seen)
    judgement = Judgement(*judged)
    ink = pictures.max(axis=(1, 2, 3)) > _INK
    symbols = np.where(ink, judgement.classes, BLANK).reshape(len(strips), -1)
    return _Seen(symbols, judgement.features, judgement.sureness, pictures.reshape(len(pictures), -1), ink)


def _looks(
    ours: _Seen,
    real: _Seen,
    more: _Seen,
    answered: Int[np.ndarray, "n t"],
    target: Int[np.ndarray, "n t"],
    side: int,
) -> Looks | None:
    """Compares painted digits with real ones, and these with others."""
    digits, true = _digits(answered), _digits(target)
    size = int(min(digits.sum(), true.sum()))
    if size < _FEWEST or not ours.ink.any():
        return None
    features, real_features = ours.features[digits], real.features[true]
    varied, real_varied = _firsts(answered), _firsts(target) & _once(real.pixels)
    kinds, real_kinds = answered.ravel()[varied], target.ravel()[real_varied]
    return Looks(
        confidence=float(ours.sureness[ours.ink].mean()),
        real_confidence=float(real.sureness[real.ink].mean()),
        sure=float((ours.sureness[ours.ink] >= SURE).mean()),
        distance=frechet_distance(real_features[:size], features[:size]),
        real_distance=frechet_distance(real_features[:size], more.features[true][:size]),
        style=style_distance(ours.features[varied], kinds)
        / style_distance(real.features[real_varied], real_kinds),
        style_pixels=style_distance(ours.pixels[varied], kinds)
        / style_distance(real.pixels[real_varied], real_kinds),
        sharpness=_sharpness(ours.pixels[digits], side) / _sharpness(real.pixels[true], side),
        digits=size,
    )


def _digits(symbols: Int[np.ndarray, "n t"]) -> np.ndarray:
    """Which pictures, one after the other, show a digit."""
    return symbols.ravel() < SYMBOLS.index("+")


def _firsts(symbols: Int[np.ndarray, "n t"]) -> np.ndarray:
    """Which pictures show a digit that none before in the same answer shows: in one style both are alike."""
    again = np.tril(symbols[:, :, None] == symbols[:, None, :], -1).any(axis=2)
    return _digits(symbols) & ~again.ravel()


def _once(pixels: np.ndarray) -> np.ndarray:
    """Which pictures are the first of all that are the same."""
    chosen = np.zeros(len(pixels), bool)
    chosen[np.unique(pixels, axis=0, return_index=True)[1]] = True
    return chosen


def _sharpness(pixels: np.ndarray, side: int) -> float:
    return float(laplacian_variance(pixels.reshape(-1, side, side, 1)).mean())
