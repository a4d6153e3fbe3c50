"""The exercise's command lines on faces, and the `rgnn` commands that they mean."""

import runpy
from itertools import pairwise
from pathlib import Path

import pytest

from rgnn_jax.config import load_experiment
from rgnn_jax.train.loop import Limits

pytestmark = pytest.mark.xdist_group("main")  # their runs are trained once

SCRIPT = Path(__file__).parents[2] / "scripts" / "main.py"


@pytest.fixture(scope="module")
def translate():
    return runpy.run_path(str(SCRIPT))["translate"]


def test_training_sets_what_the_exercise_names(translate):
    given = "--beta 0 --ckpt_name vae_beta_0 --max_iter 9 --batch_size 8 --z_dim 5 --lr 1e-4 --dset_dir faces"
    verb, config, *rest = translate(given.split(" "))
    assert verb == "train" and Path(config).name == "beta_vae_faces.toml"
    assert rest == [
        "--name", "vae_beta_0", "--model.beta", "0", "--model.z_dim", "5", "--training.steps", "9",
        "--training.batch_size", "8", "--optimizer.learning_rate", "1e-4", "--data.path", "faces",
        "--training.epochs", "1e9", "--optimizer.kind", "adamw",
    ]  # fmt: skip


def test_the_number_of_steps_is_the_one_asked_for(translate):
    _, config, *settings = translate(["--ckpt_name", "vae", "--max_iter", "100000"])
    pairs = [(name.removeprefix("--"), value) for name, value in pairwise(settings) if "." in name]
    training = load_experiment(config, pairs).training
    assert Limits.of(training, steps_per_epoch=300.0).steps == 100_000


@pytest.mark.parametrize(
    ("task", "tool"), [("random_generation", "random"), ("latent_analysis", "traverse"), ("rotate", "rotate")]
)
def test_tasks_are_latent_tools(translate, task, tool):
    assert translate(["--task", task, "--ckpt_name", "vae", "--seed", "3"]) == [
        "latent",
        "vae",
        tool,
        "--seed",
        "3",
    ]


def test_a_setting_of_training_is_refused_elsewhere(translate, capsys):
    with pytest.raises(SystemExit) as stopped:
        translate(["--task", "rotate", "--ckpt_name", "vae", "--beta", "4"])
    assert stopped.value.code == 2
    assert "--beta is for training" in capsys.readouterr().err
