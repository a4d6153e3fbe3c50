import json
from pathlib import Path

import numpy as np
import pytest
from made_up_faces import results
from PIL import Image

from rgnn_jax.config import load_experiment
from rgnn_jax.errors import UserError
from rgnn_jax.experiments import faces
from rgnn_jax.experiments.faces import CONFIG, READER, SCALES, reproduce_faces
from rgnn_jax.experiments.faces_page import to_terminal
from rgnn_jax.experiments.request import Request
from rgnn_jax.experiments.workshop import config_path

TINY = {
    "training.steps": "2", "training.batch_size": "8", "training.log_every": "1",
    "training.evaluate_every": "1", "training.save_every": "2",
}  # fmt: skip


@pytest.mark.parametrize("scale", SCALES)
def test_settings_of_every_scale_are_valid_and_end(scale):
    plan = SCALES[scale]
    for name, settings in ((CONFIG, plan.model), (CONFIG, plan.model | plan.turner), (READER, plan.reader)):
        training = load_experiment(config_path(name), [*settings.items(), *plan.rendered.items()]).training
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


def test_poses_that_could_not_be_used_are_refused_before_anything_is_trained(tmp_path, monkeypatch):
    monkeypatch.setattr(faces.Workshop, "train", lambda *_, **__: pytest.fail("a training began"))
    poses = tmp_path / "poses.csv"
    poses.write_text("name,yaw_deg_rough\nA/A_1.png,-12\n")
    given = {"out": tmp_path / "out", "seed": 0, "command": "rgnn", "quiet": True, "poses": poses}
    with pytest.raises(UserError, match="--poses: how far each face"):
        reproduce_faces(Request("smoke", "faces", **given))
    photographs = tmp_path / "photographs"
    for number in range(40):
        path = photographs / f"B{number % 4}" / f"B_{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((64, 64, 3), 6 * number, np.uint8)).save(path)
    with pytest.raises(UserError, match=r"names no picture of .*, such as B0/B_0\.png"):
        reproduce_faces(Request("smoke", str(photographs), **given))
    poses.write_text("name,yaw_deg_rough\n" + "".join(f"B0/B_{4 * i}.png,{i}\n" for i in range(10)))
    with pytest.raises(UserError, match="of people of the test split and of others"):
        reproduce_faces(Request("smoke", str(photographs), **given))
