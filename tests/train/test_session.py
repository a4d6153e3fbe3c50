"""Runs as a person makes them: by the command, killed, stopped and resumed."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import jax
import numpy as np
import pytest
from small_runs import LSTM, TINY

from rgnn_jax.cli import main
from rgnn_jax.commands import train as train_command
from rgnn_jax.config import load_experiment
from rgnn_jax.errors import UserError, WorkFailed
from rgnn_jax.train import loop, session
from rgnn_jax.train.devices import Compiled
from rgnn_jax.train.run import RunDirectory

ROOT = Path(__file__).parents[2]
SIZES = {
    "lstm": ["--model.width", "8", "--model.layers", "2"],
    "gru": ["--model.width", "8", "--model.layers", "2"],
    "tcn": ["--model.channels", "8", "--model.levels", "2"],
    "transformer": ["--model.width", "8", "--model.heads", "2", "--model.feed-forward", "16"],
}
COMMON = ["--data.window", "8", "--training.batch-size", "8"]
COMMON += ["--training.evaluate-every", "20", "--training.save-every", "10"]


def command(kind: str, ckpt_dir: Path, *arguments: str) -> list[str]:
    config = str(ROOT / "configs" / f"{kind}_chapter.toml")
    base = [sys.executable, "-m", "rgnn_jax", "train", config, "--name", "run", "--ckpt-dir", str(ckpt_dir)]
    return [*base, "--quiet", *SIZES[kind], *COMMON, "--data.path", str(ckpt_dir / "text.txt"), *arguments]


def rgnn(kind: str, ckpt_dir: Path, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        command(kind, ckpt_dir, *arguments), capture_output=True, text=True, timeout=200, env=environment()
    )


def environment() -> dict[str, str]:
    cache = os.environ.get("RGNN_TEST_CACHE", str(Path.home() / ".cache/rgnn_jax/tests"))
    return {**os.environ, "JAX_PLATFORMS": "cpu", "JAX_COMPILATION_CACHE_DIR": cache}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    words = np.random.default_rng(0).choice(["river", "stone", "debt", "of", "the"], 900)
    lines = [" ".join(words[i : i + 9]) + "." for i in range(0, 900, 9)]
    (tmp_path / "text.txt").write_text("\n".join(lines))
    return tmp_path


def final_state(ckpt_dir: Path, step: int) -> dict[str, np.ndarray]:
    import jax

    from rgnn_jax.config import from_json
    from rgnn_jax.datasets.vocabulary import Vocabulary
    from rgnn_jax.tasks.build import build_model, build_objective
    from rgnn_jax.train.checkpoint import Checkpoints
    from rgnn_jax.train.manifest import named_leaves
    from rgnn_jax.train.session import make_training

    directory = RunDirectory.open("run", ckpt_dir)
    experiment = from_json(directory.config.read_bytes(), "config")
    vocabulary = Vocabulary.from_json((directory.path / Vocabulary.FILE).read_bytes(), "vocabulary")
    objective = build_objective(experiment, build_model(experiment, vocabulary))
    abstract = jax.eval_shape(make_training(experiment, objective, None).init, np.uint32(0))
    with Checkpoints(directory.checkpoints, read_only=True) as checkpoints:
        state, _ = checkpoints.restore(abstract, step)
    return {name: np.asarray(leaf) for name, leaf in named_leaves(state).items()}


@contextlib.contextmanager
def saved(step: int, kind: str, ckpt_dir: Path) -> Iterator[subprocess.Popen]:
    """A long training from when it saved this step on; killed at the end of the block."""
    arguments = command(kind, ckpt_dir, "--training.steps", "1000000")
    with subprocess.Popen(arguments, env=environment()) as process:
        try:
            deadline = time.monotonic() + 120
            while not _steps(ckpt_dir / "run" / "checkpoints", step):
                assert time.monotonic() < deadline and process.poll() is None
                time.sleep(0.02)
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("kind", SIZES)
def test_a_killed_run_resumes_bit_identically(kind, folder, tmp_path_factory):
    whole = tmp_path_factory.mktemp("whole")
    (whole / "text.txt").write_bytes((folder / "text.txt").read_bytes())
    result = rgnn(kind, whole, "--training.steps", "60")
    assert result.returncode == 0, result.stderr
    # As many steps as it takes to be killed between two saves; the last saved one is what remains.
    with saved(20, kind, folder):
        pass
    reached = max(_steps(folder / "run" / "checkpoints", 0))
    total = max(60, reached + 20)
    if total > 60:
        assert rgnn(kind, whole, "--training.steps", str(total), "--resume").returncode == 0
    result = rgnn(kind, folder, "--training.steps", str(total), "--resume")
    assert result.returncode == 0, result.stderr
    expected, resumed = final_state(whole, total), final_state(folder, total)
    assert expected.keys() == resumed.keys()
    for name, leaf in expected.items():
        np.testing.assert_array_equal(resumed[name], leaf, err_msg=name)


def _steps(checkpoints: Path, least: int) -> list[int]:
    found = checkpoints.iterdir() if checkpoints.exists() else ()
    return [int(path.name) for path in found if path.name.isdecimal() and int(path.name) >= least]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_first_signal_saves_and_says_so(number, code, folder):
    with saved(10, "lstm", folder) as process:
        process.send_signal(number)
        assert process.wait(timeout=60) == code
    reached = max(_steps(folder / "run" / "checkpoints", 0))
    assert int(final_state(folder, reached)["step"]) == reached
    result = rgnn("lstm", folder, "--training.steps", str(reached + 5), "--resume", "--json")
    assert json.loads(result.stdout)["step"] == reached + 5


def test_a_loss_that_is_not_finite_ends_the_run_and_spares_the_parameters(folder):
    result = rgnn("transformer", folder, "--training.steps", "60", "--optimizer.learning-rate", "1e29")
    assert result.returncode == 1
    assert len(result.stderr.splitlines()) == 1 and "learning_rate" in result.stderr
    step = max(_steps(folder / "run" / "checkpoints", 0))
    assert step < 60
    for name, leaf in final_state(folder, step).items():
        assert np.isfinite(leaf).all(), name


def test_the_end_of_a_run_is_on_disk(folder):
    result = rgnn("gru", folder, "--training.steps", "13", "--json")
    assert result.returncode == 0 and json.loads(result.stdout)["step"] == 13
    assert 13 in _steps(folder / "run" / "checkpoints", 0)
    rows = [json.loads(line) for line in (folder / "run" / "metrics.jsonl").read_text().splitlines()]
    assert rows[-1]["step"] == 13 and rows[-1]["validation_loss"] > 0


def test_a_checkpoint_that_does_not_fit_is_one_line_and_leaves_no_run(folder):
    training = command("lstm", folder, "--model.width", "64", "--training.steps", "2")
    # Python 3.11 publishes the compiled module that it could write in part only, and then cannot import it.
    cold = {**environment(), "JAX_ENABLE_COMPILATION_CACHE": "false", "PYTHONDONTWRITEBYTECODE": "1"}
    limited = ["bash", "-c", 'ulimit -f 16; exec "$@"', "limited", *training]
    result = subprocess.run(limited, capture_output=True, text=True, timeout=200, env=cold)
    assert result.returncode == 1 and not (folder / "run").exists()
    assert len(result.stderr.splitlines()) == 1 and "File too large" in result.stderr


def test_a_time_limit_is_used_and_kept(tmp_path, capsys, monkeypatch):
    """By a clock of which the data take two seconds, a step takes a hundredth, and nothing else any."""
    clock = SimpleNamespace(now=100.0)
    clock.monotonic = lambda: clock.now
    for module in (train_command, session, loop):
        monkeypatch.setattr(module, "time", clock)

    def slowed(function, seconds):
        def call(*arguments):
            clock.now += seconds(*arguments)
            return function(*arguments)

        return call

    monkeypatch.setattr(session, "build", slowed(session.build, lambda *_: 2.0))
    run = slowed(Compiled.run, lambda compiled, state, data, seed, count, clock: 0.01 * count)
    monkeypatch.setattr(Compiled, "run", run)
    limits = ["--training.max-seconds", "8", "--training.steps", "none", "--training.epochs", "1000000"]
    given = ["train", LSTM, *TINY, *limits, "--ckpt-dir", str(tmp_path), "--quiet", "--json"]
    assert main(given) == 0
    result = json.loads(capsys.readouterr().out)
    assert 7.95 < result["seconds"] < 8.01
    assert 595 <= result["step"] <= 600


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--resume", "--model.width", "16"], "model.width"),
        (["--resume", "--optimizer.learning-rate", "0.5"], "optimizer.learning_rate"),
        ([], "choose another --name"),
    ],
)
def test_a_run_is_not_overwritten_or_bent(arguments, complaint, folder):
    assert rgnn("lstm", folder, "--training.steps", "2").returncode == 0
    before = {path: path.read_bytes() for path in (folder / "run").rglob("*") if path.is_file()}
    result = rgnn("lstm", folder, "--training.steps", "4", *arguments)
    assert result.returncode == 2
    assert complaint in result.stderr and len(result.stderr.splitlines()) == 1
    assert before == {path: path.read_bytes() for path in (folder / "run").rglob("*") if path.is_file()}


def test_rows_of_a_run_are_cut_only_where_it_goes_on(tmp_path, capsys, monkeypatch):
    given = ["train", LSTM, *TINY, "--name", "run", "--ckpt-dir", str(tmp_path), "--quiet"]
    assert main(given) == 0
    run = RunDirectory(tmp_path / "run")
    with run.metrics.open("a") as file:
        file.write('{"step": 99}\n')
    rows = run.metrics.read_bytes()
    with monkeypatch.context() as other_data:

        def refuse(*arguments):
            raise UserError("the data are others")

        other_data.setattr(loop, "_restore", refuse)
        assert main([*given, "--resume"]) == 2
    assert run.metrics.read_bytes() == rows
    assert main([*given, "--resume"]) == 0
    assert b'"step": 99' not in run.metrics.read_bytes()


def test_a_run_that_another_process_took_over_is_left_alone(tmp_path, capsys, monkeypatch):
    """The other one resumes it, and so locks it, between its creation and its first step."""
    create = session._create
    with contextlib.ExitStack() as other:

        def overtaken(*arguments):
            directory = create(*arguments)
            other.enter_context(directory.lock())
            return directory

        monkeypatch.setattr(session, "_create", overtaken)
        given = ["--name", "run", "--ckpt-dir", str(tmp_path), "--quiet"]
        assert main(["train", LSTM, *TINY, *given]) == 2
    assert "is being written by" in capsys.readouterr().err
    assert RunDirectory(tmp_path / "run").exists()


def test_a_run_that_failed_is_removed_by_the_holder_of_its_lock(tmp_path):
    run = RunDirectory.create(tmp_path, "run", {"config.json": "{}"})
    (run.checkpoints / "3").mkdir()
    with pytest.raises(WorkFailed), run.lock(), session.removed_if_useless(run):
        raise WorkFailed("before the first checkpoint")
    assert list(tmp_path.iterdir()) == []
    run = RunDirectory.create(tmp_path, "run", {"config.json": "{}"})
    (run.checkpoints / "3" / "state").mkdir(parents=True)
    with pytest.raises(WorkFailed), run.lock(), session.removed_if_useless(run):
        raise WorkFailed("after it")
    assert run.steps() == [3]


def test_a_run_that_failed_stays_away_though_something_is_still_written(tmp_path, monkeypatch):
    """Half a second after it was removed, by a clock that only those who sleep move."""
    run = RunDirectory.create(tmp_path, "run", {"config.json": "{}"})
    clock, written = SimpleNamespace(now=0.0), []

    def sleep(seconds):
        clock.now += seconds
        if clock.now > 0.5 and not written:
            assert not run.path.exists()
            run.checkpoints.mkdir(parents=True)
            (run.checkpoints / "late").touch()
            written.append(clock.now)

    monkeypatch.setattr(session, "time", SimpleNamespace(monotonic=lambda: clock.now, sleep=sleep))
    with pytest.raises(WorkFailed), run.lock(), session.removed_if_useless(run):
        raise WorkFailed("before the first checkpoint")
    assert written and not run.path.exists()


def test_a_milestone_that_is_kept_outlives_the_steps_after_it(folder):
    settings = [
        *zip(SIZES["gru"][::2], SIZES["gru"][1::2], strict=True),
        *zip(COMMON[::2], COMMON[1::2], strict=True),
    ]
    settings += [
        ("--training.steps", "6"),
        ("--training.milestones", "0.02"),
        ("--data.path", str(folder / "text.txt")),
    ]
    named = [(name.removeprefix("--").replace("-", "_"), value) for name, value in settings]
    experiment = load_experiment(ROOT / "configs" / "gru_chapter.toml", named)
    kept: list[session.LoadedRun] = []
    session.run_training(experiment, "run", folder, quiet=True, on_milestone=kept.append)
    [early] = kept
    assert 0 < early.step < 6
    saved = session.load_run("run", folder, step=early.step)
    for ours, theirs in zip(jax.tree.leaves(early.params), jax.tree.leaves(saved.params), strict=True):
        np.testing.assert_array_equal(ours, theirs)
