"""What a run starts with, and what a resumed one keeps, whatever the number of devices."""

from pathlib import Path

import msgspec
import pytest
from small_runs import CONFIGS, LSTM, STRIPS, SUMS

from rgnn_jax.config import Experiment, load_experiment, to_json
from rgnn_jax.errors import UserError
from rgnn_jax.train.resolve import resolve, resumed, with_other_data
from rgnn_jax.train.run import RunDirectory

VAE, FACES_VAE = str(CONFIGS / "vae_mnist.toml"), str(CONFIGS / "beta_vae_faces.toml")


def experiment(**training: object) -> Experiment:
    """One on batches of 24, with these settings beside."""
    chosen = load_experiment(Path(LSTM), [("training.batch_size", "24")])
    return msgspec.structs.replace(chosen, training=msgspec.structs.replace(chosen.training, **training))


def save(folder: Path, **training: object) -> None:
    """A run as `resolve` leaves it on a machine of that many devices."""
    RunDirectory.create(folder, "run", {"config.json": to_json(experiment(**training))})


@pytest.mark.parametrize("asked", [0, 1, 2, 4])
def test_a_run_whose_devices_raised_its_micro_batches_is_resumed_unchanged(asked, tmp_path):
    save(tmp_path, devices=4, micro_batches=4)
    training = resumed(experiment(micro_batches=asked), "run", tmp_path).training
    assert (training.devices, training.micro_batches) == (4, 4)


@pytest.mark.parametrize("asked", [3, 8])
def test_other_micro_batches_are_refused(asked, tmp_path):
    save(tmp_path, devices=4, micro_batches=4)
    with pytest.raises(UserError, match=r"unlike the saved run's: training\.micro_batches;"):
        resumed(experiment(micro_batches=asked), "run", tmp_path)


@pytest.mark.parametrize(("kept", "fitting"), [(1, "1"), (2, "1 or 2"), (8, "1 or 2 or 4 or 8")])
def test_devices_that_cannot_share_the_micro_batches_are_refused(kept, fitting, tmp_path):
    save(tmp_path, devices=1, micro_batches=kept)
    complaint = (
        f"micro_batches {kept} cannot be shared evenly by 3 devices; set training.devices to {fitting}"
    )
    with pytest.raises(UserError, match=f"--resume run: .*{complaint}$"):
        resumed(experiment(devices=3), "run", tmp_path)
    assert resumed(experiment(), "run", tmp_path).training.devices == 1


def test_a_run_of_more_devices_is_resumed_by_what_the_refusal_says(tmp_path):
    save(tmp_path, devices=8, micro_batches=8)
    with pytest.raises(UserError, match=r"is 8, but JAX sees 2; set training\.devices to 2 or less"):
        resolve(resumed(experiment(steps=1), "run", tmp_path))
    training = resolve(resumed(experiment(steps=1, devices=2), "run", tmp_path)).training
    assert (training.devices, training.micro_batches) == (2, 8)


@pytest.mark.parametrize(
    ("config", "setting"),
    [
        (LSTM, ("data.test_fraction", "0.2")),
        (LSTM, ("data.split-seed", "1")),
        (VAE, ("data.seed", "1")),
        (FACES_VAE, ("data.count", "100")),
        (SUMS, ("data.split", "leaking")),
        (SUMS, ("data.operands_below", "80")),
        (STRIPS, ("data.picture_seed", "1")),
        (STRIPS, ("data.picture_validation_fraction", "0.5")),
        (LSTM, ("data.lower", "false")),
    ],
)
def test_what_was_trained_on_is_not_dealt_to_another_split(config, setting):
    trained = load_experiment(Path(config))
    with pytest.raises(
        UserError, match=r"--data\.\w+: dealt so, what the run was trained on would be held out"
    ):
        with_other_data(trained, [setting])


def test_a_path_that_is_spelled_otherwise_names_the_same_data(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "novel.txt").write_text("a novel")
    trained = load_experiment(Path(LSTM), [("data.path", "novel.txt")])
    for path in ("./novel.txt", str(tmp_path / "novel.txt")):
        assert with_other_data(trained, [("data.path", path)])
        with pytest.raises(UserError, match="would be held out"):
            with_other_data(trained, [("data.path", path), ("data.split_seed", "7")])


def test_pixels_are_read_as_in_training():
    with pytest.raises(UserError, match=r"--data\.binarize: the model reads pixels"):
        with_other_data(load_experiment(Path(VAE)), [("data.binarize", "false")])


def test_other_data_are_dealt_in_any_way():
    text = [("data.path", "novel.txt"), ("data.test_fraction", "0.2")]
    assert with_other_data(load_experiment(Path(LSTM)), text).data.test_fraction == 0.2
    faces = [("data.seed", "1"), ("data.count", "100")]
    assert with_other_data(load_experiment(Path(FACES_VAE)), faces).data.count == 100
    unchanged = [("data.split", "twins"), ("data.evaluation_limit", "10")]
    assert with_other_data(load_experiment(Path(SUMS)), unchanged).data.evaluation_limit == 10
