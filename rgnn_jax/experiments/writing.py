"""Measures of what a model wrote, and of how its loss fell: pure functions of texts and numbers."""

import re
from collections import Counter
from collections.abc import Collection, Sequence
from itertools import groupby, pairwise

import msgspec
import numpy as np

_WORD = re.compile(r"[^\W\d_]+(?:['\u2019-][^\W\d_]+)*")


class Measures(msgspec.Struct, frozen=True, kw_only=True):
    """One continuation in numbers; over several texts, the means of theirs.

    Attributes:
        known_words: share of the written words that occur in the training text.
        known_pairs: share of the written pairs of neighbouring words that occur in it.
        top_word: share of the written words that are the commonest of them.
        common_characters: share of the characters that are among the training text's five commonest.
        repeated_fourgrams: share of the groups of four characters that were written before.
        loops: whether the end repeats itself without change; of several texts, the share that does.
        longest_run: the most times that one character is written in a row.
        agreement: share of the characters that equal the true text's at the same place.
        longest_copy: the longest stretch that stands in the training text, in characters.
    """

    known_words: float
    known_pairs: float
    top_word: float
    common_characters: float
    repeated_fourgrams: float
    loops: float
    longest_run: float
    agreement: float
    longest_copy: float

    @classmethod
    def mean(cls, measured: Sequence["Measures"]) -> "Measures":
        """The mean of each number."""
        rows = [msgspec.structs.astuple(one) for one in measured]
        means = (float(sum(column)) / len(rows) for column in zip(*rows, strict=True))
        return cls(**dict(zip(cls.__struct_fields__, means, strict=True)))


class TrainingText:
    """What the measures need to know of the training text, counted once."""

    def __init__(self, text: str) -> None:
        self.text = text
        found = words(text)
        self.words = frozenset(found)
        self.pairs = frozenset(pairwise(found))
        self.common = frozenset(character for character, _ in Counter(text).most_common(5))

    def measure(self, prompt: str, continuation: str, truth: str) -> Measures:
        """A continuation in numbers; the prompt only tells how its first word begins."""
        written = written_words(prompt, continuation)
        return Measures(
            known_words=share(written, self.words),
            known_pairs=share(list(pairwise(written)), self.pairs),
            top_word=max(Counter(written).values(), default=0) / max(len(written), 1),
            common_characters=share(continuation, self.common),
            repeated_fourgrams=repeated_ngrams(continuation),
            loops=float(ending_loop(continuation) is not None),
            longest_run=longest_run(continuation),
            agreement=agreement(continuation, truth),
            longest_copy=len(longest_copy(continuation, self.text)),
        )


def words(text: str) -> list[str]:
    """The words of a text in small letters, inner apostrophes and hyphens included."""
    return _WORD.findall(text.lower())


def written_words(prompt: str, continuation: str) -> list[str]:
    """The words that end in the continuation, without one that its end cuts off."""
    text = (prompt + continuation).lower()
    spans = [match.span() for match in _WORD.finditer(text)]
    return [text[start:end] for start, end in spans if len(prompt) < end < len(text)]


def share(items: Sequence, known: Collection) -> float:
    """The share of the items that are known; of no items, 0."""
    return sum(item in known for item in items) / len(items) if items else 0.0


def repeated_ngrams(text: str, n: int = 4) -> float:
    """The share of the groups of n characters that stand earlier in the text too."""
    ngrams = [text[i : i + n] for i in range(len(text) - n + 1)]
    return 1 - len(set(ngrams)) / len(ngrams) if ngrams else 0.0


def ending_loop(text: str, *, least: int = 12) -> int | None:
    """The shortest period with which the text's end repeats itself, or None.

    Args:
        text: what was written.
        least: characters that the repetition covers at least; it covers two periods in any case.
    """
    for period in range(1, len(text) // 2 + 1):
        covered = max(2 * period, least)
        tail = text[-covered:]
        if len(tail) == covered and tail[period:] == tail[:-period]:
            return period
    return None


def longest_run(text: str) -> int:
    """The most times that one character stands in a row."""
    return max((len(list(run)) for _, run in groupby(text)), default=0)


def agreement(text: str, truth: str) -> float:
    """The share of the characters that equal the true ones, place by place, as far as both reach."""
    pairs = list(zip(text, truth, strict=False))
    return sum(one == other for one, other in pairs) / len(pairs) if pairs else 0.0


def longest_copy(text: str, source: str) -> str:
    """The longest stretch of the text that stands in the source; the first of equals."""
    best = ""
    for start in range(len(text)):
        while (longer := text[start : start + len(best) + 1]) in source and len(longer) > len(best):
            best = longer
    return best


def instability(losses: Sequence[float], *, smoothing: int = 3) -> float:
    """How far a training loss rose above what it had reached: its largest rise over its running minimum.

    Args:
        losses: in the order of the steps; the first fifth, where a loss settles, does not count.
        smoothing: how many neighbours are averaged first.

    Returns:
        Nats; 0 for a loss that only falls.
    """
    settled = np.asarray(losses[len(losses) // 5 :], float)
    if settled.size < smoothing:
        return 0.0
    smooth = np.convolve(settled, np.full(smoothing, 1 / smoothing), "valid")
    return float(np.max(smooth - np.minimum.accumulate(smooth)))
