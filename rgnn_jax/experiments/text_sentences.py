"""What was seen, in sentences: each follows from the numbers that it names."""

import math
from collections.abc import Sequence

from rgnn_jax.experiments.report import Observation, agreeing
from rgnn_jax.experiments.text_observations import epochs
from rgnn_jax.experiments.text_results import ModelResult, SweepRow, TextResults
from rgnn_jax.typography import number

_LEVEL = 0.02
"""Nats a character below which two losses are called equal."""


def summarise(results: TextResults, observations: Sequence[Observation]) -> tuple[str, ...]:
    """The findings in three sentences."""
    return (best_prediction(results), reciting(results), agreeing(observations))


def describe(results: TextResults) -> tuple[str, ...]:
    """Everything seen, a paragraph a subject."""
    return (
        " ".join(_writing(name, model) for name, model in results.models.items()),
        " ".join(_fitting(name, model) for name, model in results.models.items()),
        f"{_steadiness(results)} {_context(results)}",
    )


def best_prediction(results: TextResults) -> str:
    """Which model predicts the test text best, and whether context helps at all."""
    losses = {name: model.best.test_carried for name, model in results.models.items()}
    best, *others = sorted(losses, key=lambda name: losses[name])
    if losses[best] >= results.unigram:
        return (
            "No model predicts the test text better than the frequencies of its symbols, which give "
            f"{results.unigram:.2f} nats a character; the {best} comes nearest with {losses[best]:.2f}."
        )
    rest = _series([f"{losses[name]:.2f} for the {name}" for name in others])
    return (
        f"The {best} predicts the test text best: {losses[best]:.2f} nats a character at its best "
        f"checkpoint, against {rest}; the frequencies of the symbols alone give {results.unigram:.2f}."
    )


def reciting(results: TextResults) -> str:
    """Which model continues training paragraphs most as they go on, and held-out ones beside it."""
    ends = {name: model.stages[-1].measures for name, model in results.models.items()}
    name = max(ends, key=lambda name: ends[name]["training"].agreement)
    known, new = (ends[name][part].agreement for part in ("training", "held-out"))
    numbers = (
        f"its greedy continuations of training paragraphs have {known:.0%} of the true characters in place, "
        f"those of held-out paragraphs {new:.0%}."
    )
    if known >= 0.8:
        return f"The {name} recites what it was trained on: {numbers}"
    if known >= 0.2 and known >= 2 * new:
        return f"The {name} remembers part of what it was trained on: {numbers}"
    return f"No model recites what it was trained on. The {name} comes nearest: {numbers}"


def comparison(results: TextResults) -> str:
    """Which width and learning rate do best, and which of the two matters more."""
    rows = [row for row in results.sweep if math.isfinite(row.validation)]
    if not rows:
        return f"After {comparison_length(results)} all of the compared LSTMs had diverged."
    best = min(rows, key=lambda row: row.validation)
    by_rate = _spread([[r for r in rows if r.width == width] for width in {r.width for r in rows}])
    rates = {row.learning_rate for row in rows}
    by_width = _spread([[r for r in rows if r.learning_rate == rate] for rate in rates])
    if abs(by_rate - by_width) < _LEVEL:
        more = "the two matter about equally"
    else:
        more = f"the {'learning rate' if by_rate > by_width else 'width'} matters more"
    return (
        f"After {comparison_length(results)} the best LSTM has width {best.width} and learning rate "
        f"{best.learning_rate:g}; its validation loss is {best.validation:.2f} nats a character. Over the "
        f"table {more}: at one width the learning rates lie {by_rate:.2f} nats apart on average, at one "
        f"learning rate the widths {by_width:.2f}."
    )


def comparison_length(results: TextResults) -> str:
    """How long the compared LSTMs were trained; where the time limit came first, not all equally long."""
    lengths = sorted({row.epochs for row in results.sweep})
    if epochs(lengths[0]) == epochs(lengths[-1]):
        return _count(lengths[-1])
    return f"{epochs(lengths[0])} to {_count(lengths[-1])} (the time limit came first)"


def _spread(groups: list[list[SweepRow]]) -> float:
    ranges = [max(r.validation for r in group) - min(r.validation for r in group) for group in groups]
    return sum(ranges) / len(ranges)


def _writing(name: str, model: ModelResult) -> str:
    first, last = model.stages[0], model.stages[-1]
    before, after = first.measures["held-out"], last.measures["held-out"]
    if first is last:
        return (
            f"At epoch {epochs(last.epoch)} {after.known_words:.0%} of the {name}'s words are the text's and "
            f"{after.repeated_fourgrams:.0%} of what it writes is repetition."
        )
    return (
        f"From epoch {epochs(first.epoch)} to {epochs(last.epoch)} the share of the {name}'s words that are "
        f"the text's goes from {before.known_words:.0%} to {after.known_words:.0%}, and its repetition from "
        f"{before.repeated_fourgrams:.0%} to {after.repeated_fourgrams:.0%}."
    )


def _fitting(name: str, model: ModelResult) -> str:
    if model.last.validation - model.best.validation < _LEVEL:
        return (
            f"The {name}'s validation loss is lowest, or level with its lowest, at the end: "
            f"{model.last.validation:.2f} nats after {_count(model.epochs)}, with a training loss of "
            f"{model.last.training:.2f}."
        )
    return (
        f"The {name} overfits: its validation loss was lowest at epoch {epochs(model.best.epoch)} with "
        f"{model.best.validation:.2f} nats and is {model.last.validation:.2f} at the end, where its training "
        f"loss is {model.last.training:.2f}."
    )


def _steadiness(results: TextResults) -> str:
    name, model = max(results.models.items(), key=lambda pair: pair[1].instability)
    if model.instability < _LEVEL:
        return "All training losses fall steadily."
    return (
        f"The least steady training loss is the {name}'s: it rises {model.instability:.2f} nats above what "
        "it had reached."
    )


def _context(results: TextResults) -> str:
    changes = {
        name: model.best.test_carried - model.best.test_windows for name, model in results.models.items()
    }
    told = _series(
        [f"{number(round(change, 2) + 0.0, 2)} for the {name}" for name, change in changes.items()]
    )
    return (
        "Reading the test text with all the context that a model can use, instead of in windows, changes its "
        f"loss by {told} (below zero, the longer context helps)."
    )


def _count(value: float) -> str:
    told = epochs(value)
    return f"{told} {'epoch' if told == '1' else 'epochs'}"


def _series(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
