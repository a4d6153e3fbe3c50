"""The command as a person uses it: a line for what is wrong, an object for `--json`, an example for each."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from small_runs import CONFIGS, FACES, LSTM, TINY

from rgnn_jax.cli import main


def refused(capsys, *arguments: object) -> str:
    """The line that a command says when it refuses its input."""
    try:
        code = main([str(argument) for argument in arguments])
    except SystemExit as end:
        code = end.code
    out, err = capsys.readouterr()
    assert code == 2 and out == "" and len(err.splitlines()) == 1 and err.startswith("rgnn"), (code, out, err)
    return err


def json_of(capsys, *arguments: object) -> dict:
    assert main([*map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(
    "command",
    [
        "train",
        "sample",
        "evaluate",
        "sweep",
        "data",
        "data list",
        "data prepare",
        "list",
        "export",
        "reproduce",
        "settings",
    ],
)
def test_help_has_an_example(command, capsys):
    with pytest.raises(SystemExit) as end:
        main([*command.split(), "--help"])
    assert end.value.code == 0
    assert f"example: rgnn {command}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ("frobnicate", "invalid choice"),
        ("", "required"),
        ("train", "CONFIG"),
        (f"train {LSTM} --training.steps", "a value is missing"),
        (f"train {LSTM} --training.steps --quiet", "a value is missing"),
        (f"train {LSTM} --learning-rate 1", "--section.field VALUE"),
        (f"train {LSTM} extra", "unknown argument extra"),
        (f"train {LSTM} --training.steps 1 --name ../x", "cannot be a run's name"),
        (f"train {LSTM} --training.steps 1 --name= ", "cannot be a run's name"),
        (f"train {LSTM} --training.steps 1 --training.devices 99", "99"),
        (f"train {LSTM} --training.steps 1 --data.window 999999", "data.window"),
        (f"train {LSTM} --training.steps 1 --data.path chaptr", "did you mean chapter"),
        (f"train {LSTM} --training.steps 1 --resume --name tny", "did you mean tiny"),
        (f"train {LSTM} --quiet --name none --training.max-seconds 1e-6", "over before the first step"),
        ("sample tiny --max-new-tokens 0", "--max-new-tokens"),
        ("sample tiny --num-samples 0", "--num-samples"),
        ("sample tiny --seed -1", "--seed"),
        ("sample tiny --temperature 0", "--greedy"),
        ("sample tiny --temperature nan", "temperature"),
        ("sample tiny --top-p 2", "top_p"),
        ("sample tiny --prompt=", "prompt is empty"),
        ("sample tiny --prompt ☃", "'☃'"),
        ("sample tiny --stop=", "--stop"),
        ("sample tiny --stream --json", "--stream"),
        ("sample tiny --step 999", "it holds 5"),
        ("sample tiny --paragraphs test --prompt-length 99999", "--prompt-length"),
        ("sample tny", "did you mean tiny"),
        ("evaluate tiny --window 0", "--window"),
        ("evaluate tiny --text x", "2 are needed"),
        ("evaluate tiny --text-file nowhere.txt", "nowhere.txt"),
        ("evaluate tiny --data.test-fraction 0.5", "--data.test_fraction: dealt so, what the run was"),
        ("evaluate tiny --model.width 3", "--model.width"),
        ("list --training.steps 3", "takes no settings"),
        (f"train {FACES} --data.path nowhere.zip --data.size 9 --training.steps 1", "cannot be halved"),
        ("data prepare digits", "comes with the package"),
        (f"sweep {LSTM} --training.seed 1", "nothing to sweep"),
        (f"sweep {LSTM} --training.seed 1,1", "twice"),
        (f"sweep {LSTM} --training.seed 1,x", "training.seed"),
        (f"sweep {LSTM} --training.seed 1,2 --name tiny", "exists already"),
    ],
)
def test_bad_input_gets_one_line(arguments, complaint, ckpt_dir, capsys):
    words = arguments.split()
    before = sorted(ckpt_dir.rglob("*"))
    if words and words[0] in ("train", "sample", "evaluate", "list", "sweep"):
        words += ["--ckpt-dir", str(ckpt_dir)]
    assert complaint in refused(capsys, *words)
    assert sorted(ckpt_dir.rglob("*")) == before


def test_settings_may_come_first(tmp_path, capsys):
    message = refused(
        capsys, "train", "--training.steps", "5", "--data.window=0", LSTM, "--ckpt-dir", tmp_path
    )
    assert LSTM in message and "data.window" in message


def test_json_is_one_object(ckpt_dir, capsys):
    runs = json_of(capsys, "list", "--ckpt-dir", ckpt_dir)["runs"]
    assert [(run["name"], run["step"]) for run in runs] == [("tiny", 5)]
    assert runs[0]["loss"] > 0
    samples = ["sample", "tiny", "--ckpt-dir", ckpt_dir, "--num-samples", 2, "--max-new-tokens", 4]
    assert [len(text) for text in json_of(capsys, *samples)["samples"]] == [4, 4]
    score = json_of(capsys, "evaluate", "tiny", "--ckpt-dir", ckpt_dir, "--text", "The gate")
    assert score["count"] == 7 and len(score["log_probs"]) == 7
    assert score["loss"] == pytest.approx(-sum(score["log_probs"]) / 7, abs=1e-5)


def test_a_finished_run_may_be_resumed_and_says_its_score(ckpt_dir, tmp_path, capsys):
    shutil.copytree(ckpt_dir / "tiny", tmp_path / "tiny")
    arguments = ["train", LSTM, *TINY, "--name", "tiny", "--ckpt-dir", tmp_path, "--resume", "--quiet"]
    result = json_of(capsys, *arguments)
    assert result["step"] == 5 and result["loss"] > 0


def test_a_run_that_saved_nothing_starts_when_resumed(ckpt_dir, tmp_path, capsys):
    shutil.copytree(ckpt_dir / "tiny", tmp_path / "tiny", ignore=shutil.ignore_patterns("5"))
    arguments = ["train", LSTM, *TINY, "--name", "tiny", "--ckpt-dir", tmp_path, "--resume", "--quiet"]
    assert json_of(capsys, *arguments)["step"] == 5
    whole, again = ((folder / "tiny/metrics.jsonl").read_text() for folder in (ckpt_dir, tmp_path))
    assert json.loads(whole)["validation_loss"] == json.loads(again)["validation_loss"]


def test_a_run_is_not_resumed_on_another_text(tmp_path, capsys):
    text = tmp_path / "text.txt"
    text.write_text("the river and the stone\n" * 20 + "and the debt of the river\n" * 20)
    arguments = ["train", LSTM, *TINY, "--data.path", text, "--data.split", "position", "--name", "tiny"]
    arguments += ["--ckpt-dir", tmp_path, "--quiet"]
    assert main([*map(str, arguments)]) == 0
    text.write_text(text.read_text().replace("debt", "toed"))
    capsys.readouterr()
    assert "data are not those" in refused(capsys, *arguments, "--resume", "--training.steps", "9")
    text.unlink()
    assert "text.txt" in refused(capsys, *arguments, "--resume")


@pytest.fixture(scope="module")
def classifier(tmp_path_factory) -> Path:
    """The folder of the run `judge`, a step of a classifier, and of `plain.npy`, pictures without classes."""
    folder = tmp_path_factory.mktemp("classifier")
    pictures = np.random.default_rng(0).integers(0, 256, (40, 8, 8)).astype(np.uint8)
    np.save(folder / "plain.npy", pictures)
    np.savez(folder / "classes.npz", images=pictures, labels=np.arange(40) % 3)
    given = ["--data.path", str(folder / "classes.npz"), "--model.width", "2", "--model.feature-dim", "4"]
    given += ["--training.steps", "1", "--training.batch-size", "8", "--quiet"]
    config = str(CONFIGS / "classifier_mnist.toml")
    assert main(["train", config, *given, "--name", "judge", "--ckpt-dir", str(folder)]) == 0
    return folder


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ("sample judge", "is a model of pictures"),
        ("evaluate judge --text x", "is a model of pictures"),
        ("evaluate judge --split beyond", "is no model of arithmetic"),
        ("evaluate judge --importance-samples 3", "has no codes"),
        ("evaluate judge --disentanglement", "has no codes"),
        ("evaluate judge --data.path {}/plain.npy", "pictures of no classes, but the run tells 3 apart"),
        ("latent judge random", "has no latent space"),
    ],
)
def test_a_model_that_judges_pictures_does_nothing_else(arguments, complaint, classifier, capsys):
    words = arguments.format(classifier).split()
    assert complaint in refused(capsys, *words[:2], "--ckpt-dir", classifier, *words[2:])


@pytest.mark.parametrize("setting", ["--data.size 65536", "--data.count 2000000000"])
def test_more_pictures_than_memory_holds_are_refused_before_any_is_made(setting, tmp_path, capsys):
    given = ["train", FACES, *setting.split(), "--ckpt-dir", tmp_path]
    assert "set a smaller data.size, or give a part of them" in refused(capsys, *given)
    assert not list(tmp_path.iterdir())


def test_a_model_that_memory_cannot_hold_ends_at_once(tmp_path):
    """In a process of its own, for what can go wrong is to wait for ever."""
    words = [sys.executable, "-m", "rgnn_jax", "train", str(CONFIGS / "vae_mnist.toml"), "--quiet"]
    words += ["--data.path", "faces", "--data.count", "20", "--model.hidden", "2000000000"]
    words += ["--ckpt-dir", str(tmp_path)]
    process = subprocess.run(words, stderr=subprocess.PIPE, text=True, timeout=100)
    assert process.returncode == 1
    assert process.stderr == "rgnn train: out of memory: use a smaller model, batch, window or picture\n"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("words", [["-5+3"], ["--", "-5+3"], ["5+3", "-5+3"]])
def test_a_word_that_begins_with_a_minus_is_no_option(words, monkeypatch):
    seen = []
    monkeypatch.setattr("rgnn_jax.commands.solve.run", lambda args: seen.extend(args.queries) or 0)
    assert main(["solve", "--json", "run", *words]) == 0
    assert seen == [word for word in words if word != "--"]


@pytest.mark.parametrize(
    "file",
    [
        ("config.json", '{"model": "x"}'),
        ("config.json", '{"model": {"kind": [1]}}'),
        ("config.json", "[" * 100_000),
        ("metrics.jsonl", '{"validation_loss": "abc"}'),
    ],
)
def test_whatever_a_run_holds_it_is_listed(file, tmp_path, capsys):
    name, content = file
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.json").write_text('{"model": {"kind": "lstm"}}')
    (tmp_path / "run" / name).write_text(content)
    assert main(["list", "--ckpt-dir", str(tmp_path)]) == 0
    line = capsys.readouterr().out
    assert line.startswith("run  damaged" if name == "config.json" else "run  lstm")


def test_linked_runs_are_listed_once_and_circles_end(tmp_path, capsys):
    (tmp_path / "elsewhere" / "run").mkdir(parents=True)
    (tmp_path / "elsewhere" / "run" / "config.json").write_text('{"model": {"kind": "lstm"}}')
    (tmp_path / "ckpt").mkdir()
    (tmp_path / "ckpt" / "link").symlink_to(tmp_path / "elsewhere" / "run")
    (tmp_path / "ckpt" / "circle").symlink_to(tmp_path / "ckpt")
    assert main(["list", "--ckpt-dir", str(tmp_path / "ckpt"), "--json"]) == 0
    assert [run["name"] for run in json.loads(capsys.readouterr().out)["runs"]] == ["link"]


def test_a_file_is_no_folder_of_runs(tmp_path, capsys):
    (tmp_path / "file").touch()
    assert main(["list", "--ckpt-dir", str(tmp_path / "file")]) == 2
    assert "is no folder" in capsys.readouterr().err


def test_memory_that_runs_out_says_what_to_do(monkeypatch, capsys):
    def run_out(args):
        raise MemoryError("Unable to allocate 9 GiB")

    monkeypatch.setattr("rgnn_jax.commands.list_runs.run", run_out)
    assert main(["list"]) == 1
    expected = "rgnn list: out of memory (Unable to allocate 9 GiB): use smaller or fewer data\n"
    assert capsys.readouterr().err == expected


@pytest.mark.parametrize("file", ["config.json", "vocabulary.json", "metrics.jsonl"])
@pytest.mark.parametrize("damage", ["cut", "gone"])
def test_damaged_runs_are_named_and_still_listed(file, damage, ckpt_dir, tmp_path, capsys):
    shutil.copytree(ckpt_dir / "tiny", tmp_path / "tiny")
    path = tmp_path / "tiny" / file
    path.write_bytes(path.read_bytes()[:-9])
    if damage == "gone":
        path.unlink()
    if (file, damage) != ("config.json", "gone"):
        assert [run["name"] for run in json_of(capsys, "list", "--ckpt-dir", tmp_path)["runs"]] == ["tiny"]
    if file != "metrics.jsonl":
        message = refused(capsys, "sample", "tiny", "--ckpt-dir", tmp_path)
        assert file in message


def test_tensorboard_that_is_missing_leaves_no_run(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    arguments = ["train", LSTM, *TINY, "--ckpt-dir", tmp_path, "--training.tensorboard", "true"]
    assert "pip install" in refused(capsys, *arguments)
    assert list(tmp_path.iterdir()) == []


def test_compiled_programs_that_a_kill_cut_short_are_no_complaint(ckpt_dir, tmp_path):
    words = [sys.executable, "-m", "rgnn_jax", "sample", "tiny", "--ckpt-dir", str(ckpt_dir)]
    environment = {**os.environ, "JAX_COMPILATION_CACHE_DIR": str(tmp_path)}
    first = subprocess.run(words, capture_output=True, text=True, env=environment)
    entries = [entry for entry in tmp_path.iterdir() if entry.is_file()]
    assert entries
    for entry in entries:
        entry.write_bytes(entry.read_bytes()[: entry.stat().st_size // 2])
    second = subprocess.run(words, capture_output=True, text=True, env=environment)
    assert (second.returncode, second.stdout, second.stderr) == (0, first.stdout, "")


@pytest.mark.parametrize("command", ["list --ckpt-dir {}", "data list"])
def test_a_reader_that_went_away_is_no_error(command, ckpt_dir):
    words = [sys.executable, "-m", "rgnn_jax", *command.format(ckpt_dir).split()]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.stderr.read() == b"" and process.wait() == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_a_full_disk_is_one_line(ckpt_dir):
    words = [sys.executable, "-m", "rgnn_jax", "list", "--ckpt-dir", str(ckpt_dir)]
    with Path("/dev/full").open("w") as full:
        process = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, text=True)
    assert process.returncode == 1 and "No space left" in process.stderr.splitlines()[0]
