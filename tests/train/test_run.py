import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from rgnn_jax.cli import main
from rgnn_jax.errors import UserError
from rgnn_jax.train.run import RunDirectory, check_name, list_runs, write_atomically

FILES = {"config.json": b"{}", "vocabulary.json": '["a"]'}


def names_in(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_create_publishes_the_documented_layout(tmp_path: Path):
    run = RunDirectory.create(tmp_path / "ckpt", "lstm", FILES)
    assert names_in(run.path) == [
        "checkpoints", "config.json", "figures", "samples", "vocabulary.json",
    ]  # fmt: skip
    assert run.config.read_bytes() == b"{}" and (run.path / "vocabulary.json").read_text() == '["a"]'
    assert names_in(tmp_path / "ckpt") == ["lstm"]


def test_create_refuses_a_taken_name_and_leaves_the_run_alone(tmp_path: Path):
    run = RunDirectory.create(tmp_path, "lstm", FILES)
    with pytest.raises(UserError, match=r"run lstm exists .*--resume.*--name"):
        RunDirectory.create(tmp_path, "lstm", {"config.json": b"other"})
    assert run.config.read_bytes() == b"{}"
    assert names_in(tmp_path) == ["lstm"]


def test_create_never_replaces_a_file(tmp_path: Path):
    (tmp_path / "lstm").write_text("notes")
    with pytest.raises(UserError, match="exists"):
        RunDirectory.create(tmp_path, "lstm", FILES)
    assert (tmp_path / "lstm").read_text() == "notes"


def test_create_leaves_nothing_where_a_file_cannot_be_written(tmp_path: Path):
    with pytest.raises(UserError, match="--ckpt-dir"):
        RunDirectory.create(tmp_path, "lstm", {**FILES, "missing/folder": b""})
    assert names_in(tmp_path) == []


def test_create_refuses_a_ckpt_dir_that_is_a_file(tmp_path: Path):
    (tmp_path / "ckpt").write_text("")
    with pytest.raises(UserError, match="--ckpt-dir"):
        RunDirectory.create(tmp_path / "ckpt", "lstm", FILES)


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x", "a/b", "a\\b", ".hidden", "-v", "a b", "a\n", "a\0", "a" * 101, "ä" * 51]
)
def test_names_that_are_no_plain_directory_are_refused(tmp_path: Path, name: str):
    with pytest.raises(UserError, match="--name"):
        RunDirectory.create(tmp_path / "ckpt", name, FILES)
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("name", ["vae_beta_0", "lr=0.1,seed=3", "größe", "2026-11-20", "a" * 100])
def test_plain_names_are_taken(name: str):
    check_name(name)


def test_open_finds_a_run_by_name_and_by_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    run = RunDirectory.create(tmp_path / "ckpt", "lstm", FILES)
    monkeypatch.chdir(tmp_path)
    for spelling in ("lstm", "ckpt/lstm", "ckpt/lstm/", str(run.path), run.path, "ckpt/../ckpt/lstm"):
        assert RunDirectory.open(spelling, Path("ckpt")) == run


def test_open_suggests_runs_of_similar_names(tmp_path: Path):
    for name in ("vae_beta_0", "vae_beta_4", "gan"):
        RunDirectory.create(tmp_path, name, FILES)
    with pytest.raises(UserError, match=r"did you mean vae_beta_4 or vae_beta_0\?"):
        RunDirectory.open("vae_bta_4", tmp_path)
    with pytest.raises(UserError, match="it holds gan, vae_beta_0, vae_beta_4"):
        RunDirectory.open("xyz", tmp_path)


@pytest.mark.parametrize("name", ["", "x" * 5000, "a\0b", "../nowhere"])
def test_open_refuses_what_cannot_be_a_run(tmp_path: Path, name: str):
    with pytest.raises(UserError, match="it holds no runs"):
        RunDirectory.open(name, tmp_path)


def test_open_tells_a_directory_and_a_part_of_a_run_from_a_run(tmp_path: Path):
    (tmp_path / "notes").mkdir()
    with pytest.raises(UserError, match=r"notes is not a run: it holds no config\.json"):
        RunDirectory.open("notes", tmp_path)
    run = RunDirectory.create(tmp_path, "lstm", FILES)
    with pytest.raises(UserError, match=f"did you mean {run.path}"):
        RunDirectory.open(run.checkpoints, tmp_path)


def test_list_runs_finds_those_of_sweeps_and_skips_what_is_none(tmp_path: Path):
    assert list_runs(tmp_path / "missing") == []
    runs = [RunDirectory.create(tmp_path, name, FILES) for name in ("b", "a")]
    runs.append(RunDirectory.create(tmp_path / "sweep", "beta=4", FILES))
    RunDirectory.create(runs[0].path, "within", FILES)
    (tmp_path / "notes").mkdir()
    (tmp_path / ".a.tmp").mkdir()
    (tmp_path / ".a.tmp" / "config.json").write_text("{}")
    assert list_runs(tmp_path) == [runs[1], runs[0], runs[2]]


def test_write_atomically_replaces_and_keeps_the_old_file_on_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "file"
    write_atomically(path, "old")
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"

    def fail(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space"):
        write_atomically(path, b"newer")
    assert path.read_bytes() == b"new"
    assert names_in(tmp_path) == ["file"]


def test_the_lock_admits_one_writer_and_names_it(tmp_path: Path):
    run = RunDirectory.create(tmp_path, "lstm", FILES)
    with run.lock(), pytest.raises(UserError, match=f"lstm is being written by process {os.getpid()} on "):
        run.lock().__enter__()
    with run.lock():
        pass


def test_a_killed_process_frees_the_lock(tmp_path: Path):
    run = RunDirectory.create(tmp_path, "lstm", FILES)
    hold = (
        "import sys, time; from pathlib import Path; from rgnn_jax.train.run import RunDirectory\n"
        "with RunDirectory(Path(sys.argv[1])).lock():\n    print(flush=True)\n    time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", hold, str(run.path)], stdout=subprocess.PIPE) as holder:
        try:
            assert holder.stdout is not None
            holder.stdout.readline()
            with pytest.raises(UserError, match=f"process {holder.pid} on "), run.lock():
                pass
        finally:
            holder.send_signal(signal.SIGKILL)
    with run.lock():
        pass


def test_truncate_metrics_cuts_later_rows_and_the_torn_line(tmp_path: Path):
    run = RunDirectory.create(tmp_path, "lstm", FILES)
    run.truncate_metrics(10)
    assert not run.metrics.exists()
    rows = [{"step": step, "loss": 1.0 / step} for step in (10, 20, 30)]
    run.metrics.write_bytes(b"".join(json.dumps(row).encode() + b"\n" for row in rows) + b'{"step": 40, "lo')
    run.truncate_metrics(30)
    assert [json.loads(line) for line in run.metrics.read_bytes().splitlines()] == rows
    run.truncate_metrics(20)
    assert [json.loads(line) for line in run.metrics.read_bytes().splitlines()] == rows[:2]
    run.truncate_metrics(None)
    assert run.metrics.read_bytes() == b""


@pytest.mark.parametrize("line", [b"{}", b"nonsense", b"\xff", b'{"step": "ten"}', b""])
def test_truncate_metrics_names_a_line_that_is_no_row(tmp_path: Path, line: bytes):
    run = RunDirectory.create(tmp_path, "lstm", FILES)
    content = b'{"step": 1}\n' + line + b'\n{"step": 3}\n'
    run.metrics.write_bytes(content)
    with pytest.raises(UserError, match=r"metrics\.jsonl line 2 .*delete that line"):
        run.truncate_metrics(1)
    assert run.metrics.read_bytes() == content


@pytest.fixture
def with_foreign(tmp_path: Path) -> RunDirectory:
    """A run of the step 5, beside which lie directories that are no steps."""
    run = RunDirectory.create(tmp_path, "lstm", FILES)
    for name in ("5", "007", "٣", "5.abandoned-1", ".4.removed"):
        (run.checkpoints / name / "meta").mkdir(parents=True)
    (run.checkpoints / "8").mkdir()
    return run


def test_steps_are_plain_numbers_that_hold_something(with_foreign: RunDirectory):
    assert with_foreign.steps() == [5]
    assert RunDirectory(with_foreign.path / "none").steps() == []


def test_the_list_knows_what_a_step_is(with_foreign: RunDirectory, capsys: pytest.CaptureFixture[str]):
    assert main(["list", "--json", "--ckpt-dir", str(with_foreign.path.parent)]) == 0
    assert [run["step"] for run in json.loads(capsys.readouterr().out)["runs"]] == [5]


def test_a_run_that_cannot_be_read_hides_no_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    for name in ("a", "b", "c"):
        RunDirectory.create(tmp_path, name, {"config.json": b'{"model": {"kind": "lstm"}}'})
    # As a config.json that may not be read, which root may, and one that was just removed.
    for name, target in (("a", "config.json"), ("b", "nowhere")):
        (tmp_path / name / "config.json").unlink()
        (tmp_path / name / "config.json").symlink_to(target)
    assert main(["list", "--ckpt-dir", str(tmp_path)]) == 0
    assert [line.split()[:2] for line in capsys.readouterr().out.splitlines()] == [
        ["a", "damaged"], ["b", "damaged"], ["c", "lstm"],
    ]  # fmt: skip


def test_finding_a_run_needs_neither_jax_nor_orbax():
    check = "import sys, rgnn_jax.train.run; sys.exit('jax' in sys.modules or 'orbax' in sys.modules)"
    subprocess.run([sys.executable, "-c", check], check=True, timeout=60)
