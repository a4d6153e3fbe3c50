"""The sections on handwriting of the page on arithmetic, and its pictures."""

from collections.abc import Mapping

import numpy as np

from rgnn_jax.datasets.arithmetic_spec import ArithmeticSpec
from rgnn_jax.evaluate.arithmetic import AnswerReport
from rgnn_jax.experiments.answer_judge import Looks
from rgnn_jax.experiments.handwriting import Exhibits
from rgnn_jax.experiments.handwriting_results import (
    DOCUMENT_IMAGE_TO_TEXT,
    HandwritingResults,
    Reader,
)
from rgnn_jax.experiments.report import Cell, Column, Figure, Observation, Picture, Section, Table, verdict
from rgnn_jax.sampling.painting import Painted
from rgnn_jax.typography import number

GENERALLY = 0.9
"""The share of painted answers from which they are generally correct; set after the first pages were made."""

_SHOWN = 12
_STYLES = 6


def handwriting_sections(
    results: HandwritingResults, pictures: Mapping[str, bytes], directory: str
) -> tuple[Section, ...]:
    """Images to text, and text to images.

    Args:
        results: what was found out.
        pictures: of `draw_handwriting`.
        directory: where the runs are.
    """
    judged = (
        "The judge is a classifier of digits and signs that was trained on training pictures alone; it reads "
        f"{results.painter.painted.judge_accuracy:.2%} of its own test pictures right."
    )
    return (
        Section(
            "Images to text",
            (
                f"Queries are strips of digits ({results.data}) and drawn signs; test queries are written "
                f"in test pictures. {judged}",
                _readers(results, directory),
                *(_rough(reader) for reader in results.readers if reader.rough),
            ),
        ),
        Section(
            "Text to images",
            (
                "The answer's symbols are painted by a conditional variational autoencoder, all of an answer "
                f"in one style that is drawn at random. {judged}",
                Picture(
                    pictures["answers"],
                    "Answers to held-out queries as they are painted, above the true answers in held-out "
                    "handwriting.",
                    "Painted numbers, each above the true answer written by hand.",
                ),
                Picture(
                    pictures["styles"],
                    "The ten digits and the sign, a style a row.",
                    "Each row shows the digits 0 to 9 and a minus sign in one painted handwriting.",
                ),
                _painted(results, directory),
            ),
        ),
    )


def observe_handwriting(results: HandwritingResults) -> tuple[Observation, ...]:
    """What the document says of handwriting, beside the numbers that decide it."""
    honest = next((reader for reader in results.readers if reader.split == "twins"), None)
    rows = []
    if honest is not None:
        theirs = DOCUMENT_IMAGE_TO_TEXT["improved"]
        reached = honest.test.accuracy >= theirs
        rows.append(
            Observation(
                f"A better network has {theirs:.2%} right where queries are in handwriting.",
                "It is reached on unseen queries in unseen handwriting." if reached else "It is not reached.",
                f"{honest.test.accuracy:.2%} of symbols, {honest.test.whole.accuracy:.2%} of answers right",
                verdict(reached),
            )
        )
    painted = results.painter.painted
    right = painted.answers.whole.accuracy
    correct, looks = right >= GENERALLY, painted.looks
    blurred = looks is not None and looks.sharpness < 1
    beside = "" if looks is None else f", {'less sharp than' if blurred else 'as sharp as'} real ones"
    sharpness = "" if looks is None else f"; sharpness {looks.sharpness:.2f} of the real (below 1)"
    return (
        *rows,
        Observation(
            "Numbers painted as handwriting are generally correct, some digits blurred.",
            f"A judge reads {'nearly all' if correct else 'too few'} of them right{beside}.",
            f"{right:.2%} of painted answers read right (from {GENERALLY:.0%}){sharpness}",
            "not tested" if looks is None else verdict(correct and blurred),
        ),
    )


def in_lines(results: HandwritingResults) -> list[str]:
    """The networks in plain lines."""
    seen = results.painter.painted
    return [
        *(
            f"images to text, {reader.split}: {reader.test.whole.accuracy:.2%} of answers right, every "
            f"picture of {reader.reading.queries.accuracy:.2%} read right ({reader.steps:,} steps)"
            for reader in results.readers
        ),
        f"text to images: {seen.answers.whole.accuracy:.2%} of painted answers read right by a judge that "
        f"reads {seen.judge_accuracy:.2%} of its own test pictures right",
    ]


def draw_handwriting(exhibits: Exhibits) -> dict[str, bytes]:
    """PNG files by name: painted answers above real ones, and digits in several styles."""
    from rgnn_jax.figures.images import in_pairs, picture_grid, to_png

    run, examples = exhibits.painter, exhibits.examples
    assert examples.pictures is not None
    rows = np.arange(min(_SHOWN, len(examples)))
    ours = np.asarray(Painted(run.model, run.params, exhibits.answered)[rows])
    spec = run.arithmetic
    columns = spec.answer_length + 1  # a gap before the next answer
    pairs = in_pairs(
        _strips(spec, exhibits.answered[rows], ours, columns),
        _strips(spec, examples.target[rows], np.asarray(examples.pictures[rows]), columns),
        6,
    )
    answers = picture_grid(255 - pairs, title="Painted answers, above the true ones in handwriting", group=2)
    symbols = np.tile(np.array([*range(10), 11]), (_STYLES, 1))
    styles = np.asarray(Painted(run.model, run.params, symbols, seed=1)[np.arange(_STYLES)])
    return {
        "answers": to_png(answers),
        "styles": to_png(picture_grid(255 - _bytes(styles), title="One style a row, drawn at random")),
    }


def _bytes(pictures: np.ndarray) -> np.ndarray:
    return np.rint(255 * pictures).astype(np.uint8)


def _strips(spec: ArithmeticSpec, symbols: np.ndarray, strips: np.ndarray, columns: int) -> np.ndarray:
    """Each answer as one wide picture, as a person reads it."""
    wide = np.zeros((len(strips), spec.answer_side, columns * spec.answer_side, 1), np.uint8)
    for place, (said, strip) in enumerate(zip(symbols, strips, strict=True)):
        frames = _bytes(spec.answer_frames(said, strip))
        picture = frames.swapaxes(0, 1).reshape(spec.answer_side, -1, 1)
        wide[place, :, : picture.shape[1]] = picture
    return wide


def _readers(results: HandwritingResults, directory: str) -> Table:
    judge = results.painter.painted.judge
    rows: list[tuple[Cell, ...]] = [
        (f"Document, {kind}", 100 * theirs, None, None, None, None)
        for kind, theirs in DOCUMENT_IMAGE_TO_TEXT.items()
    ]
    for reader in results.readers:
        split = "twins on one side" if reader.split == "twins" else "the document's split"
        rows.append(_reading(f"Ours, {split}, test pictures", reader.test, reader))
        rows.append(
            (
                f"Ours, {split}, training pictures", 100 * reader.shared.accuracy,
                100 * reader.shared.whole.accuracy, None, None, _wrong(reader.shared),
            )
        )  # fmt: skip
    return Table(
        (
            Column("Network"), Column("Symbols, %", best="highest"), Column("Answers, %", best="highest"),
            Column("Every picture read right, %"), Column("By the judge, %"),
            Column("Wrong, of test queries"),
        ),
        tuple(rows),
        "Beside the answers, the share of test queries whose every picture is read right, by the network's "
        "front end and by the judge: where each picture is read by itself, hardly more answers can be right. "
        "The document's train and test queries share pictures, as ours in training pictures do.",
        command=f"rgnn evaluate {directory}/{results.readers[-1].run} --judge {directory}/{judge}",
    )  # fmt: skip


def _reading(name: str, answers: AnswerReport, reader: Reader) -> tuple[Cell, ...]:
    return (
        name, 100 * answers.accuracy, 100 * answers.whole.accuracy, 100 * reader.reading.queries.accuracy,
        100 * reader.legible.queries.accuracy, _wrong(answers),
    )  # fmt: skip


def _wrong(answers: AnswerReport) -> str:
    return f"{answers.whole.count - answers.whole.right:,} of {answers.whole.count:,}"


def _rough(reader: Reader) -> Figure:
    from rgnn_jax.figures import comparison, to_svg

    rows = {
        f"{rough.kind} {rough.amount:g}{'°' if rough.kind == 'rotation' else ''}": {
            "pictures read": 100 * rough.read,
            "answers right": 100 * rough.right,
        }
        for rough in reader.rough
    }
    said = "; ".join(f"{name}: {values['answers right']:.1f}%" for name, values in rows.items())
    return Figure(
        to_svg(comparison(rows, label="right, %")),
        "The same queries with noise on each pixel (its standard deviation, of a range of 1) and with each "
        f"picture turned, by so many degrees to either side ({reader.rough[0].queries} test queries). The "
        "pictures are those of symbols; to be right, an answer needs the blanks read right as well. Training "
        f"pictures had noise up to {reader.noise:g} and were turned by up to {number(reader.turned, 1)} "
        "degrees.",
        f"Answers right: {said}.",
    )


def _looks(looks: Looks | None) -> tuple[tuple[Cell, ...], ...]:
    if looks is None:
        return ()
    return (
        ("Digits compared", looks.digits, looks.digits),
        ("Judge's mean confidence, %", 100 * looks.confidence, 100 * looks.real_confidence),
        ("Frechet distance in its features", looks.distance, looks.real_distance),
        ("Style distance in its features, of the real", looks.style, 1.0),
        ("Style distance in pixels, of the real", looks.style_pixels, 1.0),
        ("Sharpness, of the real", looks.sharpness, 1.0),
    )


def _painted(results: HandwritingResults, directory: str) -> Table:
    painter, seen = results.painter, results.painter.painted
    rows: tuple[tuple[Cell, ...], ...] = (
        ("Answers right in symbols, %", 100 * painter.symbols.whole.accuracy, None),
        ("Answers read right by the judge, %", 100 * seen.answers.whole.accuracy, 100 * seen.real),
        ("Symbols read right, %", 100 * seen.answers.accuracy, None),
        *_looks(seen.looks),
    )
    return Table(
        (Column("Measure"), Column("Painted"), Column("Held-out handwriting")),
        rows,
        f"Painted answers to {seen.answers.whole.count:,} held-out queries, each in one random style, beside "
        "the true answers in test pictures; of real handwriting, the Frechet distance is that of training "
        "pictures from these. The style distance is that of two answers' pictures of one digit. Trained "
        f"for {painter.steps:,} steps, {painter.seconds:.0f} s.",
        command=f"rgnn evaluate {directory}/{painter.run} --judge {directory}/{painter.painted.judge}",
    )
