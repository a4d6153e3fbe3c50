import base64
import json

import msgspec
import numpy as np
import pytest
from made_up_pictures import FACTS

from rgnn_jax.config import load_experiment
from rgnn_jax.datasets.arithmetic import Arithmetic, ArithmeticData
from rgnn_jax.evaluate.arithmetic import Reading, Share, report_answers
from rgnn_jax.experiments.answer_judge import Looks, PaintedReport
from rgnn_jax.experiments.arithmetic import (
    SCALES,
    VARIED_AT,
    planned,
    reproduce_arithmetic,
    twins_in_training,
)
from rgnn_jax.experiments.arithmetic_beyond import UNSEEN
from rgnn_jax.experiments.arithmetic_networks import NETWORKS
from rgnn_jax.experiments.arithmetic_observations import observe
from rgnn_jax.experiments.arithmetic_page import make_page, to_terminal
from rgnn_jax.experiments.arithmetic_results import (
    BASELINE,
    LSTM,
    TRANSFORMER,
    TWO_LAYERS,
    ArithmeticResults,
    Beyond,
    Trained,
)
from rgnn_jax.experiments.handwriting_page import observe_handwriting
from rgnn_jax.experiments.handwriting_results import HandwritingResults, Painter, Reader, RoughAnswers
from rgnn_jax.experiments.report import Figure, render
from rgnn_jax.experiments.request import Request

DATA = ArithmeticData()
EXAMPLES = Arithmetic(DATA).examples("validation")


def answered(wrong_every):
    """Answers of which every so-manieth has a wrong first symbol."""
    said = EXAMPLES.target.copy()
    if wrong_every:
        said[::wrong_every, 0] = np.where(said[::wrong_every, 0] == 1, 2, 1)
    return report_answers(DATA.spec, EXAMPLES, said)


def trained(model, share, wrong_every, split="twins"):
    return Trained(
        model=model, run=f"run_{share}", split=split, share=share, parameters=10, steps=5, seconds=1.0,
        train=answered(0), test=answered(wrong_every),
    )  # fmt: skip


def results(scale="cpu", baseline=(2, 1), transformer=0, layers=(5, 50)):
    runs = [
        trained(BASELINE, 90, baseline[0]),
        trained(BASELINE, 75, baseline[1]),
        *(trained(TRANSFORMER, share, transformer) for share in (90, 75)),
        trained(LSTM, 75, layers[0]),
        trained(TWO_LAYERS, 75, layers[1]),
        trained(BASELINE, 75, 3, "leaking"),
    ]
    facts = msgspec.structs.replace(FACTS, command="rgnn reproduce arithmetic", scale=scale)
    beyond = Beyond(
        model=LSTM, run="lstm_unseen_range", digits=2, below=80, steps=5, seconds=1.0, test=answered(0),
        beyond=answered(2),
    )  # fmt: skip
    return ArithmeticResults(facts=facts, leaked={75: 0.75}, runs=runs, beyond=[beyond])


def verdicts(**changes):
    return [row.verdict for row in observe(results(**changes))]


def test_everything_agrees_where_the_numbers_do():
    assert set(verdicts()) == {"agrees"}
    assert set(verdicts(scale="smoke")) == {"not tested"}


def test_a_number_past_its_threshold_changes_its_verdict():
    assert verdicts(baseline=(100, 2))[0] == "differs"
    assert verdicts(transformer=10)[1:3] == ["differs", "differs"]
    assert verdicts(baseline=(2, 3))[3] == "differs"
    assert verdicts(layers=(50, 5))[4] == "differs"


LOOKS = Looks(
    confidence=0.99, real_confidence=0.98, sure=0.9, distance=3.0, real_distance=1.0, style=0.9,
    style_pixels=0.8, sharpness=0.9, digits=500,
)  # fmt: skip


def painted(wrong_every, looks):
    report = PaintedReport(
        judge="judge", judge_accuracy=0.992, answers=answered(wrong_every), real=0.98, looks=looks
    )
    return Painter(
        run="text_to_images", parameters=10, steps=5, seconds=1.0, symbols=answered(0), painted=report
    )


def reader(split="twins", wrong_every=0):
    reading = Reading(pictures=Share(100, 99), queries=Share(100, 98))
    rough = [
        RoughAnswers(kind=kind, amount=amount, read=0.9, right=0.8, queries=50)
        for kind, amount in (("noise", 0.0), ("noise", 0.2), ("rotation", 10.0))
    ]
    return Reader(
        run=f"images_to_text_{split}", split=split, parameters=10, steps=5, seconds=1.0,
        test=answered(wrong_every), reading=reading, legible=reading, shared=answered(0),
        noise=0.05, turned=8.6,
        rough=rough if split == "twins" else [],
    )  # fmt: skip


def handwriting(misread=0, mispainted=0, looks=LOOKS):
    readers = [reader(wrong_every=misread), reader("leaking")]
    return HandwritingResults(data="digits", readers=readers, painter=painted(mispainted, looks))


@pytest.mark.parametrize(
    ("changes", "verdicts"),
    [
        ({}, ["agrees", "agrees"]),
        ({"misread": 2}, ["differs", "agrees"]),
        ({"mispainted": 11}, ["agrees", "agrees"]),
        ({"mispainted": 9}, ["agrees", "differs"]),
        ({"looks": msgspec.structs.replace(LOOKS, sharpness=1.0)}, ["agrees", "differs"]),
        ({"looks": None}, ["agrees", "not tested"]),
    ],
)
def test_handwriting_agrees_from_its_thresholds_on(changes, verdicts):
    assert [row.verdict for row in observe_handwriting(handwriting(**changes))] == verdicts


def test_the_page_shows_handwriting_with_what_its_judge_is_worth():
    found = msgspec.structs.replace(results(), handwriting=handwriting())
    pictures = {"answers": b"png of answers", "styles": b"png of styles"}
    html = render(make_page(found, Figure("<svg></svg>", "curves", "curves"), pictures))
    assert html.count("99.20% of its own test pictures right") == 2
    assert base64.b64encode(pictures["answers"]).decode() in html
    assert "95.79" in html
    assert "rotation 10" in html
    assert "text to images: 100.00% of painted answers read right" in to_terminal(found)


@pytest.mark.parametrize("scale", SCALES)
def test_every_network_of_handwriting_can_be_configured(scale):
    lengths = SCALES[scale].handwriting
    for config, settings in (
        ("classifier_handwriting", lengths.judge),
        ("arithmetic_image_to_text", lengths.reader),
        ("arithmetic_text_to_image", lengths.painter),
    ):
        experiment = load_experiment(f"configs/{config}.toml", list(settings.items()))
        assert experiment.training.steps == int(settings["training.steps"])


@pytest.mark.parametrize("scale", SCALES)
def test_every_network_of_a_scale_can_be_configured(scale):
    plan = SCALES[scale]
    runs = planned(plan)
    assert len(set(runs)) == len(runs)
    assert VARIED_AT in plan.shares
    for name, network in NETWORKS.items():
        settings = {**network.settings, **plan.limits[name], **plan.settings}
        experiment = load_experiment(f"configs/{network.config}.toml", list(settings.items()))
        assert experiment.training.steps == int(plan.limits[name]["training.steps"])
    assert experiment.of_arithmetic[0].encoder == "gru"


@pytest.mark.parametrize(("digits", "below"), UNSEEN.values(), ids=UNSEEN)
def test_operands_beyond_are_never_trained_on(digits, below):
    arithmetic = Arithmetic(ArithmeticData(digits=digits, operands_below=below))
    for split in ("train", "test"):
        first, _, second = arithmetic.examples(split).queries
        assert max(first.max(), second.max()) < below
    first, _, second = arithmetic.examples("beyond").queries
    assert np.maximum(first, second).min() >= below


def test_the_leak_is_counted():
    assert twins_in_training(ArithmeticData(digits=1, test_fraction=0.3)) == 0
    leaking = twins_in_training(ArithmeticData(split="leaking", test_fraction=0.25, validation_fraction=0.05))
    assert leaking == pytest.approx(0.7, abs=0.03)


def test_the_page_says_what_was_measured():
    page = make_page(results(), Figure("<svg></svg>", "curves", "curves"))
    html = render(page)
    assert "wholly right: 100.00% with 90%, 100.00% with 75%" in page.summary[0]
    assert "(75% at 75% of the queries in training)" in page.summary[1]
    assert "Document, baseline, 90%" in html
    assert "70.87" in html
    assert "LSTM, our recipe, 0 to 79" in html
    assert f"rgnn evaluate {FACTS.directory}/lstm_unseen_range --split beyond" in html
    terminal = to_terminal(results())
    assert sum("agrees" in line for line in terminal.splitlines()) == 5


@pytest.mark.slow
@pytest.mark.timeout(600)  # two dozen networks are compiled
def test_a_smoke_run_publishes_page_numbers_and_runs(tmp_path):
    page, found, _ = reproduce_arithmetic(Request("smoke", "digits", tmp_path, 0, "rgnn", quiet=True))
    numbers = json.loads((page.parent / "arithmetic.json").read_text())
    assert [run["run"] for run in numbers["runs"]] == [run.run for run in found.runs]
    assert all((page.parent / run.run / "config.json").exists() for run in found.runs)
    assert "A smoke run" in page.read_text()
    assert found.handwriting is not None
    for run in (
        found.handwriting.painter.run,
        found.handwriting.readers[0].run,
        found.handwriting.painter.painted.judge,
    ):
        assert (page.parent / run / "config.json").exists()
