"""Sums and differences in handwriting: networks that read it, one that writes it, and their judge."""

import math
from collections.abc import Mapping
from typing import NamedTuple

import msgspec
import numpy as np

from rgnn_jax.contracts import Rows
from rgnn_jax.datasets.arithmetic import Examples
from rgnn_jax.datasets.handwriting import Handwriting
from rgnn_jax.datasets.image_distortion import TURN
from rgnn_jax.evaluate.arithmetic import AnswerReport, report_answers, report_reading
from rgnn_jax.evaluate.roughness import Roughened, Roughness
from rgnn_jax.experiments.answer_judge import judge_answers
from rgnn_jax.experiments.handwriting_results import HandwritingResults, Painter, Reader, RoughAnswers
from rgnn_jax.experiments.strip_judge import StripJudge, read_strips
from rgnn_jax.experiments.workshop import FinishedRun, Settings, Workshop
from rgnn_jax.tasks.arithmetic import answer_queries, read_symbols
from rgnn_jax.train.session import LoadedRun, load_task

_ROUGHNESS: Mapping[Roughness, tuple[float, ...]] = {
    "noise": (0.1, 0.2, 0.4),
    "rotation": (10.0, 20.0, 40.0),
}


class Lengths(NamedTuple):
    """How long the networks of this part train, and how much is asked of them.

    Attributes:
        judge: settings of the judge.
        reader: of each that reads.
        painter: of the one that paints.
        splits: those on which a reader is trained.
        rough: queries that are asked again in rough pictures.
    """

    judge: Settings
    reader: Settings
    painter: Settings
    splits: tuple[str, ...]
    rough: int


class Exhibits(NamedTuple):
    """What is shown of the networks.

    Attributes:
        painter: that paints.
        examples: test queries, with true answers in test pictures.
        answered: their answers in symbols.
    """

    painter: LoadedRun
    examples: Examples
    answered: np.ndarray


def examine_handwriting(
    workshop: Workshop, lengths: Lengths, data: Settings
) -> tuple[HandwritingResults, Exhibits]:
    """Trains judge, readers and painter, and scores them on held-out queries in held-out pictures.

    Args:
        workshop: where they are trained.
        lengths: for how long.
        data: the settings of the set of digits.
    """
    judge = workshop.train("judge", "judge", "classifier_handwriting", {**data, **lengths.judge}).run
    tested = StripJudge.tested(judge)
    readers = []
    for split in lengths.splits:
        settings = {**data, **lengths.reader, "data.split": split}
        run = workshop.train(
            "images to text", f"images_to_text_{split}", "arithmetic_image_to_text", settings
        )
        readers.append(_reader(run, split, judge, lengths.rough if split == "twins" else 0))
    settings = {**data, **lengths.painter}
    run = workshop.train("text to images", "text_to_images", "arithmetic_text_to_image", settings)
    painter, exhibits = _painter(run, tested)
    return HandwritingResults(
        data=data["data.path"],
        readers=readers,
        painter=painter,
    ), exhibits


def _reader(run: FinishedRun, split: str, judge: LoadedRun, rough: int) -> Reader:
    loaded = run.run
    handwriting = load_task(loaded).handwriting
    data, examples = handwriting.config, handwriting.examples("test")
    symbols = read_symbols(loaded.model, loaded.params, examples.given)
    return Reader(
        run=loaded.directory.name,
        split=split,
        parameters=run.parameters,
        steps=loaded.step,
        seconds=run.seconds,
        test=_answers(loaded, examples, examples.given),
        reading=report_reading(examples.source, symbols),
        legible=read_strips(judge, examples.given, examples.source),
        shared=_answers(loaded, examples, handwriting.strips(examples.source, "train")),
        noise=data.noise,
        turned=math.degrees(TURN) if data.augment else 0.0,
        rough=_answers_to_rough(loaded, handwriting, rough) if rough else [],
    )


def answer_rough(
    loaded: LoadedRun, handwriting: Handwriting, kind: Roughness, amount: float, queries: int
) -> RoughAnswers:
    """Asks the first test queries in pictures that were made harder to read."""
    examples = handwriting.examples("test")
    strips = Roughened(handwriting.strips(examples.source[:queries], "test"), kind, amount)
    answers = answer_queries(loaded.model, loaded.params, strips)
    read = report_reading(examples.source[:queries], read_symbols(loaded.model, loaded.params, strips))
    right = (answers == examples.target[:queries]).all(axis=1)
    return RoughAnswers(
        kind=kind, amount=amount, read=read.pictures.accuracy, right=float(right.mean()), queries=len(right)
    )


def _answers_to_rough(loaded: LoadedRun, handwriting: Handwriting, queries: int) -> list[RoughAnswers]:
    """Answers to test queries as they are, and ever rougher in each way."""
    clean = answer_rough(loaded, handwriting, "noise", 0.0, queries)
    found = []
    for kind, amounts in _ROUGHNESS.items():
        found.append(msgspec.structs.replace(clean, kind=kind))
        found += [answer_rough(loaded, handwriting, kind, amount, queries) for amount in amounts]
    return found


def _painter(run: FinishedRun, judge: StripJudge) -> tuple[Painter, Exhibits]:
    loaded = run.run
    handwriting = load_task(loaded).handwriting
    examples = handwriting.examples("test")
    answered = answer_queries(loaded.model, loaded.params, examples.given)
    painter = Painter(
        run=loaded.directory.name,
        parameters=run.parameters,
        steps=loaded.step,
        seconds=run.seconds,
        symbols=report_answers(loaded.arithmetic, examples, answered),
        painted=judge_answers(judge, loaded, handwriting, "test", answered),
    )
    return painter, Exhibits(loaded, examples, answered)


def _answers(loaded: LoadedRun, examples: Examples, given: Rows) -> AnswerReport:
    answered = answer_queries(loaded.model, loaded.params, given)
    return report_answers(loaded.arithmetic, examples, answered)
