"""The course document's experiment on sums and differences, on an honest split and on its own."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from rgnn_jax.datasets.arithmetic import Arithmetic, ArithmeticData
from rgnn_jax.experiments import report
from rgnn_jax.experiments.arithmetic_attention import draw_attention
from rgnn_jax.experiments.arithmetic_beyond import examine_beyond
from rgnn_jax.experiments.arithmetic_networks import NETWORKS, answers
from rgnn_jax.experiments.arithmetic_page import make_page, to_terminal
from rgnn_jax.experiments.arithmetic_results import (
    BASELINE,
    COMPARED,
    GRU,
    LSTM,
    TRANSFORMER,
    TWO_LAYERS,
    ArithmeticResults,
    Trained,
)
from rgnn_jax.experiments.facts import Facts
from rgnn_jax.experiments.handwriting import Lengths, examine_handwriting
from rgnn_jax.experiments.handwriting_page import draw_handwriting
from rgnn_jax.experiments.picture_settings import lengths
from rgnn_jax.experiments.publish import published
from rgnn_jax.experiments.request import Request
from rgnn_jax.experiments.workshop import FinishedRun, Settings, Workshop, loss_curves, require_page_tools

VARIED_AT = 75
"""Percent of the queries that train the networks which differ in layers or kind."""
ATTENDED = ("56+34", "34-56")
"""Queries whose attention is shown: with a carry, and with a borrow and a sign."""


class Scale(NamedTuple):
    """How much is done.

    Attributes:
        shares: percent of the queries to train on, on the honest split.
        leaking_shares: the same, on the document's split.
        leaking: the networks that are trained on that.
        limits: how long each network trains at most.
        settings: of all networks of symbols.
        handwriting: of those of handwriting.
    """

    shares: tuple[int, ...]
    leaking_shares: tuple[int, ...]
    leaking: tuple[str, ...]
    limits: Mapping[str, Settings]
    settings: Settings
    handwriting: Lengths


def _limits(
    baseline: int, lstm: int, transformer: int, seconds: int, lstm_seconds: int
) -> dict[str, Settings]:
    """Steps and seconds of each network at most; all recurrent ones of our recipe have those of the LSTM."""
    limits = {BASELINE: (baseline, seconds), TRANSFORMER: (transformer, seconds)}
    limits |= dict.fromkeys((LSTM, TWO_LAYERS, GRU), (lstm, lstm_seconds))
    return {
        name: {"training.steps": str(steps), "training.max_seconds": str(most)}
        for name, (steps, most) in limits.items()
    }


def _seconds(steps: int, seconds: int) -> dict[str, str]:
    """How long a network of handwriting trains at most."""
    return lengths(epochs=10_000, steps=steps, max_seconds=seconds, evaluate_every=max(1, steps // 10))


SCALES = {
    "smoke": Scale(
        (75,),
        (75,),
        (BASELINE,),
        _limits(20, 20, 20, 60, 60),
        {"model.width": "16", "training.log_every": "5", "training.evaluate_every": "10"},
        Lengths(
            _seconds(20, 600) | {"model.width": "4", "model.blocks": "0"},
            _seconds(20, 600) | {"model.width": "16", "model.picture_width": "4"},
            _seconds(20, 600)
            | {"model.width": "16", "model.picture_width": "4", "model.painter_width": "32"},
            ("twins",),
            50,
        ),
    ),
    "cpu": Scale(
        (90, 75, 50),
        (75,),
        COMPARED,
        _limits(10_000, 8000, 2500, 45, 120),
        {"training.evaluate_every": "250"},
        Lengths(_seconds(2500, 150), _seconds(12_000, 600), _seconds(12_000, 420), ("twins",), 400),
    ),
    "full": Scale(
        (90, 75, 50, 25),
        (90, 75, 50),
        COMPARED,
        _limits(10_000, 10_000, 5000, 1200, 1200),
        {"training.evaluate_every": "500"},
        Lengths(
            _seconds(2500, 1200), _seconds(40_000, 7200), _seconds(12_000, 2400), ("twins", "leaking"), 1000
        ),
    ),
}


def reproduce_arithmetic(request: Request) -> tuple[Path, ArithmeticResults, str]:
    """Trains the networks, lets them answer, and publishes arithmetic-SCALE when all is done.

    Returns:
        The page's path, what it shows, and its short form for a terminal.

    Raises:
        UserError: for digits, a directory or an installation that cannot be used.
        WorkFailed: where a training broke down.
        SystemExit: where a signal stopped it; nothing is published, what was trained is kept.
    """
    require_page_tools()
    plan, target = SCALES[request.scale], request.out / f"arithmetic-{request.scale}"
    with published(target, overwrite=request.overwrite) as work:
        workshop = Workshop(work, (("training.seed", str(request.seed)),), request.quiet)
        digits = {"data.path": request.data_path, "data.data_dir": request.data_dir}
        handwriting, exhibits = examine_handwriting(workshop, plan.handwriting, digits)
        runs = [_train(workshop, plan, name, split, share) for name, split, share in planned(plan)]
        beyond = examine_beyond(workshop, plan.settings, plan.limits)
        results = ArithmeticResults(
            facts=Facts.of(request, target, _in_words(runs[0][0])),
            leaked={share: twins_in_training(_data("leaking", share)) for share in plan.leaking_shares},
            runs=[trained for _, trained in runs],
            beyond=beyond,
            handwriting=handwriting,
        )
        curves = loss_curves(
            [run for run, trained in runs if (trained.split, trained.share) == ("twins", VARIED_AT)],
            "loss",
            f"Cross-entropy with {VARIED_AT}% of the queries in training: on those (light) and on validation "
            "queries.",
            "nats a symbol",
        )
        attentive = next(
            run.run
            for run, one in runs
            if (one.model, one.split, one.share) == (TRANSFORMER, "twins", VARIED_AT)
        )
        attention = [draw_attention(attentive, query) for query in ATTENDED]
        page = make_page(results, curves, draw_handwriting(exhibits), attention)
        report.publish(page, results, work / "arithmetic.html", {})
    return target / "arithmetic.html", results, to_terminal(results)


def planned(plan: Scale) -> list[tuple[str, str, int]]:
    """Network, split and share of every run."""
    honest = [(name, "twins", share) for share in plan.shares for name in COMPARED]
    varied = [(name, "twins", VARIED_AT) for name in (TWO_LAYERS, GRU)]
    leaking = [(name, "leaking", share) for share in plan.leaking_shares for name in plan.leaking]
    return [*honest, *varied, *leaking]


def twins_in_training(data: ArithmeticData) -> float:
    """The fraction of test queries whose operands, exchanged, are a training query."""
    arithmetic = Arithmetic(data)
    train, test = (
        set(zip(*(np.asarray(part).tolist() for part in arithmetic.examples(side).queries), strict=True))
        for side in ("train", "test")
    )
    return sum((second, operator, first) in train for first, operator, second in test) / len(test)


def _data(split: str, share: int) -> ArithmeticData:
    return msgspec.convert({"kind": "arithmetic", **_fractions(split, share)}, ArithmeticData)


def _fractions(split: str, share: int) -> dict[str, str | float]:
    """The training share exactly; a fifth of the rest validates."""
    rest = round(1 - share / 100, 4)
    return {
        "split": split,
        "train_fraction": share / 100,
        "validation_fraction": round(0.2 * rest, 4),
        "test_fraction": round(0.8 * rest, 4),
    }


def _train(workshop: Workshop, plan: Scale, name: str, split: str, share: int) -> tuple[FinishedRun, Trained]:
    network = NETWORKS[name]
    fractions = {f"data.{field}": str(value) for field, value in _fractions(split, share).items()}
    settings = {**plan.settings, **network.settings, **plan.limits[name], **fractions}
    directory = f"{network.directory}_{share}_{split}"
    run = workshop.train(name, directory, network.config, settings)
    return run, Trained(
        model=name,
        run=directory,
        split=split,
        share=share,
        parameters=run.parameters,
        steps=run.run.step,
        seconds=run.seconds,
        train=answers(run, "train"),
        test=answers(run, "test"),
    )


def _in_words(run: FinishedRun) -> dict[str, str]:
    """The settings that a page names beside its title."""
    _, data = run.run.experiment.of_arithmetic
    return {
        "Operands": f"0 to {10**data.digits - 1}",
        "Operators": " and ".join(data.operators),
        "Queries": f"{len(data.operators) * 100**data.digits:,}",
        "Held out": "a fifth validates, the rest tests",
    }
