"""What the document says of the three networks, each beside the number of ours that decides it."""

from collections.abc import Callable

from rgnn_jax.experiments.report import Observation, tested_at, verdict
from rgnn_jax.experiments.text_results import Part, Stage, TextResults
from rgnn_jax.experiments.writing import Measures
from rgnn_jax.typography import number

_COLLAPSE = 200
"""Epochs below which a run says nothing of a collapse that the document saw from about epoch 100 on."""


def observe(results: TextResults) -> tuple[Observation, ...]:
    """The document's observations; tiny models (scale smoke) and stages not reached test none of them."""
    rows = (*_lstm(results), *_tcn(results), *_transformer(results))
    return tested_at(results.facts.scale, rows)


def epochs(value: float) -> str:
    """A number of epochs in words: 300, 0.5."""
    return f"{value:.0f}" if value >= 10 else f"{value:.2g}"


def _lstm(results: TextResults) -> list[Observation]:
    model = results.models["LSTM"]
    early, midway, end = (model.stage(name) for name in ("early", "midway", "end"))

    def phrases(m: Measures) -> str:
        if m.known_words < 0.8:
            return "Not all of it is words"
        return "Words, but repeated" if m.repeated_fourgrams >= 0.5 else "Words in varied phrases"

    return [
        _judge(
            "LSTM, early: it repeats meaningless sequences.",
            early,
            lambda m: m.repeated_fourgrams >= 0.5,
            lambda m: "It repeats itself" if m.repeated_fourgrams >= 0.5 else "It repeats itself less",
            lambda m: f"{m.repeated_fourgrams:.0%} of its groups of four characters are repeats (from 50%)",
        ),
        _judge(
            "LSTM, midway: shapes of words, and loops.",
            midway,
            lambda m: m.known_words >= 0.5 and m.loops >= 0.5,
            lambda m: (
                f"{'Words' if m.known_words >= 0.5 else 'Few words'} and "
                f"{'loops' if m.loops >= 0.5 else 'few loops'}"
            ),
            lambda m: (
                f"{m.known_words:.0%} of its words are the text's (from 50%); "
                f"{m.loops:.0%} of its continuations end in a loop (from 50%)"
            ),
        ),
        _judge(
            "LSTM, end: plausible phrases.",
            end,
            lambda m: m.known_words >= 0.8 and m.repeated_fourgrams < 0.5,
            phrases,
            lambda m: (
                f"{m.known_words:.0%} of its words are the text's (from 80%); "
                f"{m.repeated_fourgrams:.0%} of its groups of four characters are repeats (below 50%)"
            ),
        ),
    ]


def _tcn(results: TextResults) -> list[Observation]:
    model, usual = results.models["TCN"], results.common[1]
    least = (1 + usual) / 2
    unstable = model.instability >= 0.1
    too_short = model.epochs < _COLLAPSE
    newlines = _judge(
        "TCN, end: more than a hundred newlines.",
        model.stage("end"),
        lambda m: m.longest_run >= 20,
        lambda m: "One character over and over" if m.longest_run >= 20 else "Text, not one character",
        lambda m: f"longest run of one character: {number(m.longest_run, 1)} on average (from 20)",
    )
    return [
        _judge(
            "TCN, early: the most common characters.",
            model.stage("early"),
            lambda m: m.common_characters >= least,
            lambda m: "Mostly the commonest" if m.common_characters >= least else "Others as well",
            lambda m: (
                f"{m.common_characters:.0%} of its characters are among the text's five commonest "
                f"(from {least:.0%}, halfway from the text's own {usual:.0%} to all)"
            ),
        ),
        Observation(
            "TCN, from about epoch 100: the loss oscillates and never converges.",
            f"It {'rises again' if unstable else 'falls steadily'}, up to epoch {epochs(model.epochs)}.",
            f"The training loss rises {model.instability:.2f} nats above its lowest so far (from 0.10)",
            "not tested" if too_short and not unstable else verdict(unstable),
        ),
        Observation(newlines.document, newlines.ours, newlines.numbers, "not tested")
        if too_short and newlines.verdict == "differs"
        else newlines,
    ]


def _transformer(results: TextResults) -> list[Observation]:
    model = results.models["Transformer"]
    early, midway, end = (model.stage(name) for name in ("early", "midway", "end"))
    overfits = model.overfit_gap >= 0.5

    def order(m: Measures) -> str:
        if m.known_words < 0.8:
            return "Not all of it is words"
        return "Words in new pairs" if m.known_pairs < 0.5 else "Words in the text's own pairs"

    return [
        _judge(
            "Transformer without positions, early: `the the the`.",
            early,
            lambda m: m.top_word >= 0.5,
            lambda m: "One word over and over" if m.top_word >= 0.5 else "More than one word",
            lambda m: f"{m.top_word:.0%} of a continuation's words are its commonest one (from 50%)",
        ),
        _judge(
            "Transformer, midway: phrases in a confused order.",
            midway,
            lambda m: m.known_words >= 0.8 and m.known_pairs < 0.5,
            order,
            lambda m: (
                f"{m.known_words:.0%} of its words are the text's (from 80%), "
                f"{m.known_pairs:.0%} of its pairs of words (below 50%)"
            ),
        ),
        _judge(
            "Transformer, end: it reproduces the training text almost exactly.",
            end,
            lambda m: m.agreement >= 0.8,
            lambda m: "It recites" if m.agreement >= 0.8 else "It does not recite",
            lambda m: (
                f"{m.agreement:.0%} of its characters are the training paragraph's own (from 80%); longest "
                f"copied stretch {number(m.longest_copy, 1)} characters on average"
            ),
            part="training",
        ),
        Observation(
            "Transformer, end: it overfits.",
            f"It {'does' if overfits else 'does not, or little'}, at epoch {epochs(model.epochs)}.",
            f"Validation minus training loss: {number(model.overfit_gap, 2)} nats (from 0.50); "
            f"validation loss lowest at epoch {epochs(model.best.epoch)}",
            verdict(overfits),
        ),
    ]


def _judge(
    document: str,
    stage: Stage | None,
    holds: Callable[[Measures], bool],
    ours: Callable[[Measures], str],
    numbers: Callable[[Measures], str],
    part: Part = "held-out",
) -> Observation:
    """An observation that the measures at one stage decide."""
    if stage is None:
        return Observation(document, "The time limit came first.", "", "not tested")
    measures = stage.measures[part]
    words = numbers(measures)
    return Observation(
        document,
        f"{ours(measures)}, at epoch {epochs(stage.epoch)}.",
        words[0].upper() + words[1:],
        verdict(holds(measures)),
    )
