"""The exercise on text: three networks learn to write, and are looked at early, midway and at the end."""

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from rgnn_jax.config import Experiment, SequenceConfig, load_experiment, override
from rgnn_jax.datasets.text import Text, load_text
from rgnn_jax.experiments import report
from rgnn_jax.experiments.facts import Facts
from rgnn_jax.experiments.publish import published
from rgnn_jax.experiments.request import Request
from rgnn_jax.experiments.text_examination import Examination
from rgnn_jax.experiments.text_page import make_page, to_terminal
from rgnn_jax.experiments.text_results import STAGES, ModelResult, Point, Stage, SweepRow, TextResults
from rgnn_jax.experiments.workshop import FinishedRun, Settings, Workshop, config_path, require_page_tools
from rgnn_jax.experiments.writing import instability
from rgnn_jax.models.tcn import TCNConfig
from rgnn_jax.models.transformer import TransformerConfig
from rgnn_jax.train.session import LoadedRun, load_run
from rgnn_jax.train.sweep import Member, run_sweep


class Scale(NamedTuple):
    """How much of the protocol is done: what is set otherwise than in the configurations.

    Attributes:
        models: each model's settings; the three milestones are the stages early, midway and end.
        widths: of the LSTMs that are compared.
        rates: learning rates at which each width is trained.
        comparison: settings of the LSTMs that are compared, beside those of the LSTM.
    """

    models: Mapping[str, Settings]
    widths: tuple[int, ...]
    rates: tuple[str, ...]
    comparison: Settings


def _until(epochs: str, milestones: str, max_seconds: str) -> dict[str, str]:
    lengths = {"epochs": epochs, "milestones": milestones, "max_seconds": max_seconds}
    return {f"training.{name}": value for name, value in lengths.items()}


_TINY = _until("1", "0.2,0.5,1", "60") | {
    "data.window": "32", "training.batch_size": "8", "optimizer.learning_rate": "1e-2",
    "training.log_every": "2", "training.evaluate_every": "40",
}  # fmt: skip
_SMALL_TRANSFORMER = {
    "model.width": "192", "model.heads": "6", "model.feed_forward": "384", "optimizer.learning_rate": "1e-3",
}  # fmt: skip
_WIDTHS, _RATES = (64, 128, 256), ("1e-4", "1e-3", "1e-2")

# The seconds are limits for a slow machine; on two quiet cores the epochs come first.
SCALES = {
    "smoke": Scale(
        {
            "LSTM": _TINY | {"model.width": "16"},
            "TCN": _TINY | {"model.channels": "8", "model.levels": "3"},
            "Transformer": _TINY | {"model.width": "16", "model.heads": "2", "model.feed_forward": "32"},
        },
        (8, 16), ("1e-3", "1e-2"), {"training.epochs": "0.5"},
    ),
    "cpu": Scale(
        {
            "LSTM": _until("300", "10,50,300", "110"),
            "TCN": _until("100", "10,50,100", "130"),
            "Transformer": _until("150", "10,50,150", "110") | _SMALL_TRANSFORMER,
        },
        _WIDTHS, _RATES, {"training.epochs": "12", "training.max_seconds": "25"},
    ),
    "full": Scale({"LSTM": {}, "TCN": {}, "Transformer": {}}, _WIDTHS, _RATES, {"training.epochs": "30"}),
}  # fmt: skip


def reproduce_text(request: Request) -> tuple[Path, TextResults, str]:
    """Trains LSTM, TCN and Transformer, compares LSTMs, and publishes text-SCALE when all is done.

    Returns:
        The page's path, what it shows, and its short form for a terminal.

    Raises:
        UserError: for a text, a directory or an installation that cannot be used.
        WorkFailed: where a training broke down.
        SystemExit: where a signal stopped it; nothing is published, what was trained is kept.
    """
    require_page_tools(sklearn=False)
    plan, target = SCALES[request.scale], request.out / f"text-{request.scale}"
    with published(target, overwrite=request.overwrite) as work:
        shared = (("data.path", request.data_path), ("training.seed", str(request.seed)))
        workshop = Workshop(work, shared, request.quiet)
        experiment = workshop.experiment(chapter_config("LSTM"), plan.models["LSTM"])
        text = load_text(experiment.of_text[1])
        examination = Examination.of(text, request.data_path)
        results = TextResults(
            unigram=examination.unigram(),
            common=examination.common(),
            paragraphs=examination.shown,
            measured={part: len(chosen) for part, chosen in examination.paragraphs.items()},
            strip=examination.strip,
            models={name: _train(workshop, examination, name, plan.models[name]) for name in plan.models},
            sweep=_compare(workshop, plan, text),
            facts=Facts.of(request, target, _shared(experiment, text)),
        )
        report.publish(make_page(results), results, work / "text.html", {})
    return target / "text.html", results, to_terminal(results)


def _train(workshop: Workshop, examination: Examination, name: str, settings: Settings) -> ModelResult:
    """Trains one model and finds out everything about it."""
    experiment = workshop.experiment(chapter_config(name), settings)
    steps = _steps(experiment, examination.text)
    stages: list[Stage] = []

    def look(run: LoadedRun) -> None:
        names = [stage for stage, step in zip(STAGES, steps, strict=True) if step == run.step]
        stages.extend(examination.write(run, stage) for stage in names)

    finished = workshop.train(name, name.lower(), chapter_config(name), settings, on_milestone=look)
    last, best = finished.run, load_run(name.lower(), workshop.work, step="best")
    if not any(stage.name == "end" for stage in stages):  # the time limit came first
        stages.append(examination.write(last, "end"))
    training, validation = (_curve(finished, examination, loss) for loss in ("loss", "validation_loss"))
    return ModelResult(
        run=name.lower(),
        network=_describe(last.experiment.of_text[0]),
        learning_rate=experiment.optimizer.learning_rate,
        changed=_changed(name, settings),
        parameters=finished.parameters,
        epochs=examination.epoch(last),
        seconds=finished.seconds,
        training=training,
        validation=validation,
        stages=stages,
        best=examination.score(best),
        last=examination.score(last),
        strip=examination.surprise(best),
        instability=instability([point.loss for point in training]),
    )


def _steps(experiment: Experiment, text: Text) -> list[int]:
    """The steps of the milestones, as training counts them."""
    _, data = experiment.of_text
    per_epoch = text.train_characters / (experiment.training.batch_size * data.window)
    return [max(1, round(epoch * per_epoch)) for epoch in experiment.training.milestones]


def _curve(finished: FinishedRun, examination: Examination, name: str) -> list[Point]:
    """One of a run's metrics against epochs."""
    at = [
        (dataclasses.replace(finished.run, step=int(step)), loss)
        for step, loss in zip(*finished.curve(name), strict=True)
    ]
    return [Point(epoch=examination.epoch(then), loss=float(loss)) for then, loss in at]


def _compare(workshop: Workshop, plan: Scale, text: Text) -> list[SweepRow]:
    """LSTMs of several widths at several learning rates, those of one width trained side by side."""
    base = workshop.experiment(chapter_config("LSTM"), {**plan.models["LSTM"], **plan.comparison})
    members = []
    for width in plan.widths:
        for rate in plan.rates:
            values = {"model.width": str(width), "optimizer.learning_rate": rate}
            members.append(Member(values, override(base, list(values.items()))))
    characters = base.training.batch_size * base.of_text[1].window
    rows = [
        SweepRow(
            width=int(row["model.width"]),
            learning_rate=float(row["optimizer.learning_rate"]),
            epochs=row["steps"] * characters / text.train_characters,
            validation=math.nan if row["loss"] is None else row["loss"],
        )
        for row in run_sweep(members, "comparison", workshop.work, quiet=workshop.quiet)
    ]
    return sorted(rows, key=lambda row: (row.width, row.learning_rate))


def _shared(experiment: Experiment, text: Text) -> dict[str, str]:
    """Settings that all models share, in words."""
    (model, data), training = experiment.of_text, experiment.training
    return {
        "Text": f"{data.path}, {len(text.vocabulary)} symbols",
        "Trained on": f"{text.train.size:,} characters",
        "Validation": f"{text.validation.size:,} characters",
        "Test": f"{text.test.size:,} characters",
        "Batch": f"{training.batch_size} windows of {data.window} characters",
        "Epoch": f"{text.train_characters / (training.batch_size * data.window):.3g} steps",
        "Optimiser": f"Adam, gradient norm clipped at {experiment.optimizer.clip_norm:g}",
        "Dropout": f"{model.dropout:g}",
    }


def _describe(config: SequenceConfig) -> str:
    """A network's size in words."""
    match config:
        case TCNConfig():
            return (
                f"{config.levels} levels of {config.channels} channels, kernel {config.kernel_size}; "
                f"sees {config.receptive_field} characters"
            )
        case TransformerConfig():
            layers = "1 layer" if config.layers == 1 else f"{config.layers} layers"
            positions = "no" if config.positions == "none" else config.positions
            return (
                f"{layers} of width {config.width}, {config.heads} heads, "
                f"feed-forward {config.feed_forward}; {positions} positions"
            )
        case _:
            return f"{config.layers} layers of {config.width}"


def _changed(name: str, settings: Settings) -> list[str]:
    """What a scale sets otherwise, but for how long it trains and how often it is looked at."""
    original = msgspec.to_builtins(load_experiment(config_path(chapter_config(name))))
    changed = []
    for setting, value in settings.items():
        section, _, field = setting.partition(".")
        if section != "training" or field == "batch_size":
            changed.append(f"{setting} {value} (there {original[section][field]})")
    return changed


def chapter_config(name: str) -> str:
    """The name of the configuration that a model's settings start from."""
    return f"{name.lower()}_chapter"
