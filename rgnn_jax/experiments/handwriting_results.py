"""What the reproduction on arithmetic finds out about handwriting, as plain data."""

from rgnn_jax.evaluate.arithmetic import AnswerReport, Reading
from rgnn_jax.evaluate.roughness import Roughness
from rgnn_jax.experiments.answer_judge import PaintedReport
from rgnn_jax.experiments.facts import Result

DOCUMENT_IMAGE_TO_TEXT = {"baseline": 0.8586, "improved": 0.9579}
"""The document's accuracy with queries in handwriting, on its split."""


class RoughAnswers(Result, frozen=True):
    """Answers to queries whose pictures were made harder to read.

    Attributes:
        kind: of what was done to the pictures.
        amount: of it: a standard deviation of pixels in [0, 1], or degrees.
        read: the share of pictures that the front end read right.
        right: the share of whole answers.
        queries: that were asked.
    """

    kind: Roughness
    amount: float
    read: float
    right: float
    queries: int


class Reader(Result, frozen=True):
    """A network that reads queries in handwriting and writes symbols.

    Attributes:
        run: the name of its directory.
        split: "twins" or "leaking".
        parameters: numbers that it learned.
        steps: that it took.
        seconds: its training took.
        test: its answers to test queries in test pictures.
        reading: what its front end reads in them.
        legible: what the judge reads in them.
        shared: its answers to the same queries in training pictures, as the document shows them.
        noise: standard deviation at most of that on its training pictures.
        turned: degrees at most by which they were turned.
        rough: its answers to the same in test pictures, with noise or turned.
    """

    run: str
    split: str
    parameters: int
    steps: int
    seconds: float
    test: AnswerReport
    reading: Reading
    legible: Reading
    shared: AnswerReport
    noise: float
    turned: float
    rough: list[RoughAnswers]


class Painter(Result, frozen=True):
    """A network that reads symbols and paints its answers.

    Attributes:
        run: the name of its directory.
        parameters: numbers that it learned, those of its reader counted.
        steps: that it took.
        seconds: its training took.
        symbols: its answers to test queries before they are painted.
        painted: what the judge reads in them, each answer in one style.
    """

    run: str
    parameters: int
    steps: int
    seconds: float
    symbols: AnswerReport
    painted: PaintedReport


class HandwritingResults(Result, frozen=True):
    """Everything that the page says about handwriting in numbers.

    Attributes:
        data: the set of digits.
        readers: from images to text.
        painter: from text to images.
    """

    data: str
    readers: list[Reader]
    painter: Painter
