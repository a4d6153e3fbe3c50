import json
from pathlib import Path

import pytest
from made_up_faces import results

from rgnn_jax.config import load_experiment
from rgnn_jax.errors import UserError
from rgnn_jax.experiments import faces
from rgnn_jax.experiments.faces import CONFIG, READER, SCALES, reproduce_faces
from rgnn_jax.experiments.faces_page import to_terminal
from rgnn_jax.experiments.picture_runs import _CONFIGS
from rgnn_jax.experiments.request import Request

TINY = {
    "training.steps": "2", "training.batch_size": "8", "training.log_every": "1",
    "training.evaluate_every": "1", "training.save_every": "2",
}  # fmt: skip


@pytest.mark.parametrize("scale", SCALES)
def test_settings_of_every_scale_are_valid_and_end(scale):
    plan = SCALES[scale]
    for name, settings in ((CONFIG, plan.model), (CONFIG, plan.model | plan.turner), (READER, plan.reader)):
        training = load_experiment(
            _CONFIGS / f"{name}.toml", [*settings.items(), *plan.rendered.items()]
        ).training
        assert training.steps or training.epochs


def test_the_terminal_names_the_judge_beside_the_scores():
    lines = to_terminal(results()).splitlines()
    assert lines[1].split()[:3] == ["\u03b2", "=", "0"]
    assert lines[-1] == "the judge reads held-out faces: glasses 99.0%, turn \u00b12.0\u00b0"


@pytest.mark.slow
def test_a_tiny_run_publishes_page_pictures_and_numbers(tmp_path, monkeypatch):
    tiny = faces.Scale(
        ("0", "20"),
        TINY | {"model.z_dim": "3"},
        {},
        TINY | {"model.z_dim": "3", "model.width": "4"},
        TINY,
        {"data.count": "96", "data.size": "16"},
        4,
    )
    monkeypatch.setitem(SCALES, "smoke", tiny)
    monkeypatch.chdir(tmp_path)
    arguments = {"data_path": "faces", "out": Path("out"), "seed": 0, "command": "rgnn", "quiet": True}
    page, found, shown = reproduce_faces(Request("smoke", **arguments))
    names = {path.name for path in page.parent.iterdir()}
    assert {"beta_0", "beta_20", "reader", "faces.html", "faces.json", "turn.png", "turn.gif"} <= names
    numbers = json.loads((page.parent / "faces.json").read_text())
    assert numbers["runs"]["\u03b2 = 20"]["mse"] == found.runs["\u03b2 = 20"].mse
    assert set(found.runs[found.chosen].turns) == {"factor", "pictures", "dimension"}
    assert page.read_text().count("data:image/png;base64,") == 10
    assert "\u03b2 = 20" in shown
    with pytest.raises(UserError, match="--overwrite"):
        reproduce_faces(Request("smoke", **arguments))
