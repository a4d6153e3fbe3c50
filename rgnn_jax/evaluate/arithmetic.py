"""How right answers are, and how wrong: whole answers, then by operator, carries and size of the error."""

import msgspec
import numpy as np
from jaxtyping import Int

from rgnn_jax.datasets.arithmetic import Examples
from rgnn_jax.datasets.arithmetic_spec import BLANK, SYMBOLS, ArithmeticSpec, number_of

_MISTAKES_SHOWN = 20


class Share(msgspec.Struct, frozen=True):
    """How many of some queries were answered right.

    Attributes:
        count: queries of this kind.
        right: of them, those whose whole answer is right.
    """

    count: int
    right: int

    @property
    def accuracy(self) -> float:
        """The fraction that is right."""
        return self.right / self.count


class Reading(msgspec.Struct, frozen=True):
    """How well the pictures of some queries were read.

    Attributes:
        pictures: single ones, without blanks.
        queries: whole ones, of which every picture is read right.
    """

    pictures: Share
    queries: Share


class Mistake(msgspec.Struct, frozen=True):
    """A query with its answer, and what was answered."""

    query: str
    answer: str
    said: str


class AnswerReport(msgspec.Struct, frozen=True):
    """What became of a set of queries.

    Attributes:
        whole: all queries.
        accuracy: the fraction of symbols that are right, blanks included, as the course document counts.
        by_operator: the same for each operator.
        by_carries: the same for each operator and number of carries or borrows.
        by_length: the same for each number of digits of the longer operand.
        by_error: how many wrong answers are off by how much.
        confusion: how often the symbol of a row, in its place, was answered by that of a column.
        mistakes: some of those that were made, in the order of the queries.
    """

    whole: Share
    accuracy: float
    by_operator: dict[str, Share]
    by_carries: dict[str, Share]
    by_length: dict[str, Share]
    by_error: dict[str, int]
    confusion: list[list[int]]
    mistakes: list[Mistake]


def report_answers(
    spec: ArithmeticSpec, examples: Examples, predicted: Int[np.ndarray, "n t"]
) -> AnswerReport:
    """Compares answers with the true ones.

    Args:
        spec: how queries and answers are written.
        examples: queries and true answers.
        predicted: what was answered, in symbols.
    """
    right = (predicted == examples.target).all(axis=1)
    first, operator, second = (np.asarray(part) for part in examples.queries)
    signs = np.array(spec.operators)[operator]
    carries = count_carries(first, signs, second, spec.digits)
    kinds = np.array(
        [
            f"{sign} {count} {'carry' if sign == '+' else 'borrow'}"
            for sign, count in zip(signs, carries, strict=True)
        ]
    )
    wrong = np.flatnonzero(~right)
    said = dict(zip(wrong.tolist(), spec.decode_answers(predicted[wrong]), strict=True))
    confusion = np.zeros((len(SYMBOLS), len(SYMBOLS)), np.int64)
    np.add.at(confusion, (examples.target.ravel(), predicted.ravel()), 1)
    shown = wrong[:_MISTAKES_SHOWN]
    queries = spec.decode_queries(examples.source[shown])
    answers = spec.decode_answers(examples.target[shown])
    return AnswerReport(
        whole=Share(len(examples), int(right.sum())),
        accuracy=float((predicted == examples.target).mean()),
        by_operator=_shares(signs, right),
        by_carries=_shares(kinds, right),
        by_length=_shares(_lengths(first, second), right),
        by_error=_sizes([(int(examples.values[i]), number_of(text)) for i, text in said.items()]),
        confusion=confusion.tolist(),
        mistakes=[
            Mistake(query, answer, said[int(index)])
            for query, answer, index in zip(queries, answers, shown, strict=True)
        ],
    )


def report_reading(symbols: Int[np.ndarray, "n s"], read: Int[np.ndarray, "n s"]) -> Reading:
    """Compares what was read in pictures of queries with what they show, blanks aside."""
    shown = symbols != BLANK
    right = (symbols == read) | ~shown
    return Reading(
        pictures=Share(int(shown.sum()), int(right[shown].sum())),
        queries=Share(len(symbols), int(right.all(axis=1).sum())),
    )


def count_carries(
    first: Int[np.ndarray, " n"], signs: np.ndarray, second: Int[np.ndarray, " n"], digits: int
) -> Int[np.ndarray, " n"]:
    """Carries of a sum, or borrows of the larger operand less the smaller, done by hand.

    Args:
        first: operands.
        signs: "+" or "-" of each query.
        second: operands.
        digits: most that an operand has.
    """
    subtracted = signs == "-"
    high = np.where(subtracted, np.maximum(first, second), first)
    low = np.where(subtracted, np.minimum(first, second), second)
    carry, total = np.zeros(len(high), np.int64), np.zeros(len(high), np.int64)
    for place in range(digits):
        a, b = high // 10**place % 10, low // 10**place % 10
        carry = np.where(subtracted, a - b - carry < 0, a + b + carry > 9).astype(np.int64)
        total += carry
    return total


def _lengths(first: Int[np.ndarray, " n"], second: Int[np.ndarray, " n"]) -> np.ndarray:
    """How long the longer operand of each query is, in words."""
    longer = np.maximum(first, second)
    digits = 1 + (longer[:, None] >= 10 ** np.arange(1, 6)).sum(axis=1)
    return np.array(["1 digit" if count == 1 else f"{count} digits" for count in digits])


def _shares(kinds: np.ndarray, right: np.ndarray) -> dict[str, Share]:
    """Queries and right answers of each kind, in the order of their names."""
    return {
        str(kind): Share(int((kinds == kind).sum()), int(right[kinds == kind].sum()))
        for kind in np.unique(kinds)
    }


def _sizes(pairs: list[tuple[int, int | None]]) -> dict[str, int]:
    """How many wrong answers are off by how much; the last kinds are told apart from mere distance."""
    sizes = {
        "off by 1": 0, "off by 2 to 9": 0, "off by 10": 0, "off by another multiple of 10": 0,
        "off otherwise": 0, "only the sign": 0, "no number": 0,
    }  # fmt: skip
    for true, said in pairs:
        sizes[_size(true, said)] += 1
    return sizes


def _size(true: int, said: int | None) -> str:
    if said is None:
        return "no number"
    if said == -true:
        return "only the sign"
    distance = abs(said - true)
    if distance < 10:
        return "off by 1" if distance == 1 else "off by 2 to 9"
    if distance % 10:
        return "off otherwise"
    return "off by 10" if distance == 10 else "off by another multiple of 10"
