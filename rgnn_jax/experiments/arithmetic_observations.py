"""What the document says of networks that calculate, each beside the numbers of ours that decide it."""

from rgnn_jax.experiments.arithmetic_results import (
    BASELINE,
    DOCUMENT_IMPROVED,
    LSTM,
    TRANSFORMER,
    TWO_LAYERS,
    ArithmeticResults,
    Trained,
)
from rgnn_jax.experiments.handwriting_page import observe_handwriting
from rgnn_jax.experiments.report import Observation, tested_at, verdict

HIDDEN = 0.15
"""How much higher the share of right symbols must be than that of right answers to be called misleading."""


def observe(results: ArithmeticResults) -> tuple[Observation, ...]:
    """The document's observations; tiny models (scale smoke) test none of them."""
    share = max(run.share for run in results.of("twins"))
    rows = (
        *_symbols(results.find(BASELINE, "twins", share)),
        *_improved(results),
        *_less(results),
        *_layers(results),
        *(() if results.handwriting is None else observe_handwriting(results.handwriting)),
    )
    return tested_at(results.facts.scale, rows)


def _symbols(run: Trained | None) -> tuple[Observation, ...]:
    if run is None:
        return ()
    gap = run.test.accuracy - run.test.whole.accuracy
    return (
        Observation(
            "The baseline has 70.87% of symbols right and 82% of answers wrong.",
            "Symbols hide how many answers are wrong." if gap >= HIDDEN
            else "Symbols and answers tell nearly the same.",
            f"{run.test.accuracy:.2%} of symbols, {run.test.whole.accuracy:.2%} of answers right (a gap from "
            f"{HIDDEN:.0%})",
            verdict(gap >= HIDDEN),
        ),
    )  # fmt: skip


def _improved(results: ArithmeticResults) -> tuple[Observation, ...]:
    rows = []
    for share, (_, theirs) in DOCUMENT_IMPROVED.items():
        run = results.find(TRANSFORMER, "twins", share)
        if run is not None:
            reached = run.test.accuracy >= theirs
            rows.append(
                Observation(
                    f"A better network has {theirs:.2%} of symbols right with {share}% of the queries.",
                    "It is reached on a split without twins." if reached else "It is not reached.",
                    f"{run.test.accuracy:.2%} of symbols, {run.test.whole.accuracy:.2%} of answers right",
                    verdict(reached),
                )
            )
    return tuple(rows)


def _less(results: ArithmeticResults) -> tuple[Observation, ...]:
    runs = [run for run in results.of("twins") if run.model == BASELINE]
    if len(runs) < 2:
        return ()
    most, least = max(runs, key=lambda run: run.share), min(runs, key=lambda run: run.share)
    worse = least.test.accuracy < most.test.accuracy
    return (
        Observation(
            "Fewer training queries make the baseline worse.",
            "They do." if worse else "They do not.",
            f"{most.test.accuracy:.2%} of symbols with {most.share}%, {least.test.accuracy:.2%} with "
            f"{least.share}%",
            verdict(worse),
        ),
    )


def _layers(results: ArithmeticResults) -> tuple[Observation, ...]:
    two = next((run for run in results.runs if run.model == TWO_LAYERS), None)
    one = None if two is None else results.find(LSTM, two.split, two.share)
    if one is None or two is None:
        return ()
    better = two.test.whole.accuracy > one.test.whole.accuracy
    return (
        Observation(
            "Two layers of LSTM are better than one.",
            "They are." if better else "They are not, in the same steps or time.",
            f"{one.test.whole.accuracy:.2%} of answers with one, {two.test.whole.accuracy:.2%} with two",
            verdict(better),
        ),
    )
