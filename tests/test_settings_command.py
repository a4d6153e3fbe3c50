"""What `rgnn settings` says of a configuration's fields."""

from typing import get_type_hints

import pytest

from rgnn_jax.cli import main
from rgnn_jax.commands.list_settings import describe
from rgnn_jax.config import KINDS, Experiment

SECTIONS = {name: get_type_hints(Experiment)[name] for name in ("optimizer", "training")}
SECTIONS |= {name: kind for kinds in KINDS.values() for name, kind in kinds.items()}


@pytest.mark.parametrize("name", SECTIONS)
def test_every_field_is_described(name):
    settings = describe(SECTIONS[name])
    assert [setting.name for setting in settings] == list(SECTIONS[name].__struct_fields__)
    assert [setting.name for setting in settings if len(setting.text) < 5] == []
    assert [setting.name for setting in settings if setting.default == "?"] == []


def test_a_kind_is_listed_with_defaults_and_values(capsys):
    assert main(["settings", "lstm"]) == 0
    shown = capsys.readouterr().out
    assert "dropout = 0.1  (number from 0 below 1)\n    rate after each layer.\n" in shown
    assert "forget_bias = 1.0  (number)\n" in shown
    assert main(["settings", "optimizer"]) == 0
    assert 'schedule = "cosine"  (constant | cosine | linear)\n' in capsys.readouterr().out
    assert main(["settings", "training"]) == 0
    assert "milestones = []  (list of: number above 0)\n" in capsys.readouterr().out


def test_without_a_kind_the_sections_are_listed(capsys):
    assert main(["settings"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in (*SECTIONS, "[model]", "[data]"))


def test_an_unknown_kind_is_refused_in_a_line(capsys):
    assert main(["settings", "lsmt"]) == 2
    error = capsys.readouterr().err
    assert "lsmt: no such kind" in error and "lstm" in error and len(error.splitlines()) == 1
