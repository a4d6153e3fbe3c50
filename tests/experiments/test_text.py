import json
import math
import random

import numpy as np
import pytest
from made_up_results import model, results, stage

from rgnn_jax.config import load_experiment, override
from rgnn_jax.datasets.text import Text, TextData, load_text
from rgnn_jax.datasets.vocabulary import Vocabulary
from rgnn_jax.errors import UserError
from rgnn_jax.experiments.report import render
from rgnn_jax.experiments.request import Request
from rgnn_jax.experiments.text import SCALES, chapter_config, reproduce_text
from rgnn_jax.experiments.text_examination import Examination
from rgnn_jax.experiments.text_page import make_page, to_terminal
from rgnn_jax.experiments.workshop import config_path
from rgnn_jax.experiments.writing import TrainingText


def tiny_text(path, paragraphs=60, words=30):
    chosen = random.Random(0)
    lines = [
        " ".join(chosen.choice(("ibbet", "went", "to", "the", "gate")) for _ in range(words))
        for _ in range(paragraphs)
    ]
    path.write_text("\n".join(lines), encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("scale", SCALES)
def test_every_scale_has_three_stages_that_it_reaches(scale):
    for name, settings in SCALES[scale].models.items():
        experiment = load_experiment(config_path(chapter_config(name)), list(settings.items()))
        early, midway, end = experiment.training.milestones
        assert early < midway < end == experiment.training.epochs
        override(experiment, list(SCALES[scale].comparison.items()))


def test_only_the_full_scale_is_the_configurations_as_they_are():
    changed = {name for name, scale in SCALES.items() if any(scale.models.values())}
    assert changed == set(SCALES) - {"full"}


def test_paragraphs_are_chosen_by_rule(tmp_path):
    text = load_text(TextData(path=tiny_text(tmp_path / "text.txt"), window=32))
    asked = Examination.of(text, "text.txt")
    assert asked.paragraphs["training"] == text.paragraphs("train")[:8]
    first = text.paragraphs("test")[0]
    assert asked.shown["held-out"].prompt + asked.shown["held-out"].truth == first[:130]
    assert len(asked.shown["held-out"].prompt) == 30
    assert asked.strip == first[:320]


def test_short_paragraphs_leave_the_longest(tmp_path):
    text = load_text(TextData(path=tiny_text(tmp_path / "text.txt", words=12), window=32))
    assert Examination.of(text, "text.txt").paragraphs["training"] == [max(text.paragraphs("train"), key=len)]


def test_a_text_of_short_lines_is_refused_with_its_name(tmp_path):
    path = tiny_text(tmp_path / "text.txt", words=3)
    with pytest.raises(UserError, match=r"text\.txt: no paragraph of the train split is longer than 30"):
        Examination.of(load_text(TextData(path=path, window=32)), path)


def test_frequencies_count_each_symbol_once_more_and_are_scored_on_the_test_text():
    text = Text(Vocabulary("ab"), np.array([0, 0, 0, 1]), np.array([0, 1]), np.array([0, 0, 1]), digest="")
    asked = Examination(text, TrainingText("aaab"), {})
    assert asked.unigram() == pytest.approx(-(math.log(4 / 6) + math.log(2 / 6)) / 2)
    assert asked.common() == ("ab", 1.0)


def test_the_page_shows_every_stage_and_a_gap_where_one_was_not_reached():
    page = make_page(results(TCN=model(run="tcn", stages=[stage("early", 10.0), stage("end", 40.0)])))
    _, greedy, *_ = page.sections[0].blocks
    assert greedy.stages == ("epoch 10", "epoch 100", "end")
    assert set(greedy.texts["epoch 100"]) == {"LSTM", "Transformer"}
    assert "Here end is epoch 300 (LSTM), 40 (TCN), 300 (Transformer)." in page.sections[0].blocks[0].text
    assert "Here end is epoch 300 (LSTM)" in render(page)


def test_a_stage_that_no_model_reached_has_no_row():
    cut = {name: model(stages=[stage("end", 40.0)]) for name in ("LSTM", "TCN", "Transformer")}
    assert make_page(results(**cut)).sections[0].blocks[1].stages == ("epoch 40",)


def test_commands_on_the_page_quote_the_beginning():
    commands = [block.command for block in make_page(results()).sections[0].blocks[1:]]
    assert commands[1] == (
        "rgnn sample ckpt/reproduce/text-cpu/lstm --step 6000 --max-new-tokens 100 "
        "--prompt '\"it'\"'\"'s' --greedy"
    )


def test_the_terminal_shows_what_each_model_writes_on_one_line():
    lines = to_terminal(results()).splitlines()
    assert lines.count('        text  "it\'s late," she said.') == 3
    for epoch in (10, 100, 300):
        assert lines.count(f"{f'epoch {epoch}':>12}  \"it'sthe gate¶¶") == 3
    assert any(line.split()[:3] == ["LSTM", "1,234", "300"] for line in lines)


@pytest.mark.slow
def test_a_smoke_run_publishes_page_numbers_and_runs(tmp_path):
    text = tiny_text(tmp_path / "text.txt")
    arguments = {"data_path": text, "out": tmp_path / "out", "seed": 0, "command": "rgnn", "quiet": True}
    page, found, shown = reproduce_text(Request("smoke", **arguments))
    assert sorted(path.name for path in page.parent.iterdir()) == [
        "comparison", "lstm", "tcn", "text.html", "text.json", "transformer",
    ]  # fmt: skip
    numbers = json.loads((page.parent / "text.json").read_text())
    assert numbers["models"]["LSTM"]["last"]["test_carried"] == found.models["LSTM"].last.test_carried
    assert len(numbers["observations"]) == 10
    assert "LSTM" in shown
    assert [stage.name for stage in found.models["TCN"].stages] == ["early", "midway", "end"]
    assert found.models["LSTM"].last.validation < found.unigram
    assert len(found.sweep) == 4
    with pytest.raises(UserError, match="--overwrite"):
        reproduce_text(Request("smoke", **arguments))
