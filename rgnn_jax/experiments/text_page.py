"""The page of the text reproduction, and the short form for a terminal."""

import shlex
from collections.abc import Callable
from itertools import pairwise

import numpy as np

from rgnn_jax import figures
from rgnn_jax.experiments.report import Continuations, Figure, Note, Report, Section, document_section
from rgnn_jax.experiments.text_examination import NEW, PROMPT, SAMPLED
from rgnn_jax.experiments.text_observations import epochs, observe
from rgnn_jax.experiments.text_results import (
    STAGES,
    ModelResult,
    Part,
    Point,
    Stage,
    StageName,
    TextResults,
)
from rgnn_jax.experiments.text_sentences import comparison, comparison_length, describe, summarise
from rgnn_jax.experiments.text_tables import comparison_table, networks, score_table, writing_tables
from rgnn_jax.train.log import format_duration
from rgnn_jax.typography import format_table, printable


def make_page(results: TextResults) -> Report:
    """The page that shows the results."""
    observations = observe(results)
    return Report(
        title="Three networks learn to write",
        summary=summarise(results, observations),
        sections=(
            Section("What they write", _samples(results)),
            Section("How the loss falls", (_curves(results), *describe(results)[1:], score_table(results))),
            document_section(
                observations,
                "trained for 10, 100 and 482 epochs (the Transformer for 512) and judged by eye",
            ),
            Section("The writing in numbers", (describe(results)[0], *writing_tables(results))),
            Section(
                "Size and learning rate", (comparison(results), _heatmap(results), comparison_table(results))
            ),
            Section("What surprises them", _strips(results)),
            Section("The networks", networks(results)),
        ),
        facts=results.facts,
        observations=observations,
        notice=results.facts.notice(
            "fewer epochs than the document's 482; what else differs is said at the end."
        ),
    )


def to_terminal(results: TextResults) -> str:
    """What each model writes early, midway and at the end, and the losses, in plain lines."""
    shown = results.paragraphs["held-out"]
    lines = [f"A held-out paragraph, continued greedily from its first {PROMPT} characters", ""]
    for name, model in results.models.items():
        written = {"text": shown.truth}
        written |= {f"epoch {epochs(stage.epoch)}": stage.greedy["held-out"] for stage in model.stages}
        lines += [name, *(f"{when:>12}  {_line(shown.prompt + text)}" for when, text in written.items()), ""]
    rows = [
        {
            "model": name,
            "parameters": f"{model.parameters:,}",
            "epochs": epochs(model.epochs),
            "time": format_duration(model.seconds),
            "training": f"{model.last.training:.3f}",
            "validation": f"{model.last.validation:.3f}",
            "best": f"{model.best.validation:.3f}",
            "at epoch": epochs(model.best.epoch),
            "test": f"{model.best.test_carried:.3f}",
        }
        for name, model in results.models.items()
    ]
    return "\n".join([*lines, format_table(rows), "nats a character; test: the best checkpoint, all context"])


def _line(text: str) -> str:
    return "".join(map(printable, text))


def _samples(results: TextResults) -> tuple[Continuations | Note, ...]:
    given = f": {PROMPT} are given, underlined, and {NEW} are written"
    asked = shlex.quote(results.paragraphs["held-out"].prompt)
    command = (
        f"rgnn sample {results.facts.directory}/lstm --step {results.models['LSTM'].stages[-1].step} "
        f"--max-new-tokens {NEW} --prompt {asked}"
    )
    return (
        Note(_stage_note(results)),
        _continuations(
            results,
            "training",
            lambda stage: stage.greedy["training"],
            f"A text they were trained on, {_rule(results, 'training')}{given}, always the most likely "
            "character.",
        ),
        _continuations(
            results,
            "held-out",
            lambda stage: stage.greedy["held-out"],
            f"A text they never saw, {_rule(results, 'held-out')}{given}, always the most likely character.",
            f"{command} --greedy",
        ),
        _continuations(
            results,
            "held-out",
            lambda stage: stage.sampled,
            f"The same beginning, each character drawn at temperature {SAMPLED.temperature:g} instead.",
            f"{command} --temperature {SAMPLED.temperature:g} --seed {results.facts.seed}",
        ),
    )


def _rule(results: TextResults, part: Part) -> str:
    """How the paragraph was chosen that is continued."""
    shown, split = results.paragraphs[part], "training" if part == "training" else "test"
    length = PROMPT + NEW
    if len(shown.prompt + shown.truth) < length:
        return f"the longest {split} paragraph, as none has {length} characters"
    return f"the first {split} paragraph of at least {length} characters"


def _continuations(
    results: TextResults, part: Part, text: Callable[[Stage], str], caption: str, command: str | None = None
) -> Continuations:
    paragraph = results.paragraphs[part]
    names = {stage: _stage_label(results, stage) for stage in STAGES if _reached(results, stage)}
    return Continuations(
        prompt=paragraph.prompt,
        truth=paragraph.truth,
        models=tuple(results.models),
        stages=tuple(names.values()),
        texts={
            label: {
                name: text(stage)
                for name, model in results.models.items()
                if (stage := model.stage(stage_name)) is not None
            }
            for stage_name, label in names.items()
        },
        caption=caption,
        command=command,
    )


def _reached(results: TextResults, stage: StageName) -> dict[str, str]:
    found = {name: model.stage(stage) for name, model in results.models.items()}
    return {name: epochs(stage.epoch) for name, stage in found.items() if stage is not None}


def _stage_label(results: TextResults, stage: StageName) -> str:
    reached = set(_reached(results, stage).values())
    return f"epoch {reached.pop()}" if len(reached) == 1 else stage


def _stage_note(results: TextResults) -> str:
    told = []
    for stage in STAGES:
        reached = _reached(results, stage)
        if len(set(reached.values())) > 1:
            models = ", ".join(f"{epoch} ({name})" for name, epoch in reached.items())
            told.append(f"{stage} is epoch {models}")
    return f"Here {'; '.join(told)}." if told else "Each model is asked at the same three epochs."


def _curves(results: TextResults) -> Figure:
    curves = {
        name: figures.Curve(_series(model.training), _series(model.validation))
        for name, model in results.models.items()
    }
    shared = [_reached(results, stage) for stage in STAGES]
    milestones = [
        float(next(iter(reached.values()))) for reached in shared if len(set(reached.values())) == 1
    ]
    drawn = figures.learning_curves(
        curves,
        x_label="epoch",
        log_x=True,
        milestones=milestones,
        references={"symbol frequencies": results.unigram},
        panels=True,
    )
    losses = "; ".join(
        f"{name} from {model.training[0].loss:.2f} to {model.training[-1].loss:.2f} in training, "
        f"{model.last.validation:.2f} held out"
        for name, model in results.models.items()
    )
    return Figure(
        figures.to_svg(drawn),
        "Loss against epochs. Heavy: validation; light: training, with dropout; grey: the other two. "
        + ("Dots mark epochs at which all models wrote samples above." if milestones else ""),
        f"Learning curves in nats a character: {losses}.",
    )


def _series(points: list[Point]) -> figures.Series:
    return figures.Series(np.array([p.epoch for p in points]), np.array([p.loss for p in points]))


def _heatmap(results: TextResults) -> Figure:
    widths = sorted({row.width for row in results.sweep})
    rates = sorted({row.learning_rate for row in results.sweep})
    found = {(row.width, row.learning_rate): row.validation for row in results.sweep}
    values = np.array([[found[width, rate] for rate in rates] for width in widths])
    drawn = figures.heatmap(
        values,
        [str(width) for width in widths],
        [f"{rate:g}" for rate in rates],
        label="validation loss, nats a character",
        x_label="learning rate",
        y_label="width",
        decimals=2,
    )
    return Figure(
        figures.to_svg(drawn),
        f"LSTMs of two layers after {comparison_length(results)}: lighter is better.",
        f"Validation losses from {np.nanmin(values):.2f} to {np.nanmax(values):.2f} nats a character.",
    )


def _strips(results: TextResults) -> tuple[str | Figure, ...]:
    return (
        "The shown held-out paragraph, each character shaded by the surprise at it of the best checkpoint.",
        *(_strip(name, model, results.strip) for name, model in results.models.items()),
    )


def _strip(name: str, model: ModelResult, paragraph: str) -> Figure:
    bits = -np.asarray(model.strip) / np.log(2)
    begins = np.array([now.isalpha() and not before.isalpha() for before, now in pairwise(" " + paragraph)])
    caption = (
        f"{name}: {bits.mean():.2f} bits a character, {bits[begins].mean():.2f} at the beginnings of words "
        f"and {bits[~begins].mean():.2f} elsewhere."
    )
    drawn = figures.token_probabilities(paragraph, np.asarray(model.strip))
    return Figure(figures.to_svg(drawn), caption, caption)
