"""What a run tells, on standard error and in its files."""

import json
import math
import os
import pty
import subprocess
import sys
import time

import pytest
from tensorboardX.proto.event_pb2 import Event, SessionLog

from rgnn_jax.train.log import RunLog, format_duration
from rgnn_jax.train.run import RunDirectory


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.2, "0 s"),
        (59.7, "1 min 00 s"),
        (185, "3 min 05 s"),
        (3600, "1 h 00 min"),
        (7800, "2 h 10 min"),
        (math.inf, "-"),
        (math.nan, "-"),
    ],
)
def test_durations_are_said_as_a_person_does(seconds, text):
    assert format_duration(float(seconds)) == text


def test_messages_and_metrics_are_kept(tmp_path, capsys):
    for step in (1, 2):
        with RunLog(RunDirectory(tmp_path)) as log:
            log.message(f"line {step}")
            log.metrics(step, {"loss": 0.5, "norm": math.nan})
    assert (tmp_path / "log.txt").read_text() == "line 1\nline 2\n"
    rows = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert rows == [{"step": step, "loss": 0.5, "norm": None} for step in (1, 2)]
    out, err = capsys.readouterr()
    assert out == "" and err == "line 1\nline 2\n"


def test_a_resumed_run_cuts_rows_and_does_not_repeat_the_last(tmp_path):
    run = RunDirectory(tmp_path)
    with RunLog(run, quiet=True) as log:
        for step in (1, 2, 3):
            log.metrics(step, {"loss": 0.5})
    with RunLog(run, quiet=True) as log:
        log.rewind(2)
        log.metrics(2, {"loss": 0.5})
        log.metrics(3, {"loss": 0.25})
    rows = [json.loads(line) for line in run.metrics.read_text().splitlines()]
    assert rows == [{"step": 1, "loss": 0.5}, {"step": 2, "loss": 0.5}, {"step": 3, "loss": 0.25}]


def events(run: RunDirectory) -> list[list[tuple[int, str]]]:
    """What each file for TensorBoard holds: steps with the name of a number, or of a message to the page."""
    found = []
    for file in sorted((run.path / "tensorboard").iterdir(), key=lambda file: file.stat().st_mtime_ns):
        data, names = file.read_bytes(), []
        while data:
            length = int.from_bytes(data[:8], "little")  # TFRecord: length, its checksum, data, checksum
            event = Event.FromString(data[12 : 12 + length])
            data = data[16 + length :]
            values = [value.tag for value in event.summary.value]
            if event.WhichOneof("what") == "session_log":
                values = [SessionLog.SessionStatus.Name(event.session_log.status)]
            names += [(event.step, value) for value in values]
        found.append(names)
    return found


def test_tensorboard_hides_what_a_resumed_run_takes_again(tmp_path):
    run = RunDirectory(tmp_path)
    with RunLog(run, quiet=True, tensorboard=True) as log:
        log.metrics(1, {"loss": 0.5, "epochs": [0.5]})
        log.metrics(2, {"loss": 0.4})
    time.sleep(1.1)  # the file is named by the second
    with RunLog(run, quiet=True, tensorboard=True) as log:
        log.rewind(1)
        log.metrics(2, {"loss": 0.3})
    assert events(run) == [[(1, "loss"), (2, "loss")], [(2, "START"), (2, "loss")]]


def test_quiet_is_silent_and_lines_of_progress_are_rare(tmp_path, capsys):
    with RunLog(RunDirectory(tmp_path), quiet=True) as log:
        log.message("kept")
        log.progress(0.5, 10.0, "step 1")
    assert capsys.readouterr().err == "" and (tmp_path / "log.txt").read_text() == "kept\n"
    with RunLog(None) as log:
        for step in range(5):
            log.progress(0.5, 185.0, f"step {step}")
    assert capsys.readouterr().err == " 50%  step 0  3 min 05 s left\n"


def test_a_reader_that_went_away_ends_no_run(tmp_path, monkeypatch):
    reader, writer = os.pipe()
    os.close(reader)
    # To close it writes what it holds, as Python does at its exit.
    with os.fdopen(writer, "w") as stderr:
        monkeypatch.setattr("sys.stderr", stderr)
        with RunLog(RunDirectory(tmp_path)) as log:
            log.message("one")
            log.progress(0.5, 10.0, "step 1")
            log.metrics(1, {"loss": 0.5})
            log.message("two")
    assert (tmp_path / "log.txt").read_text() == "one\ntwo\n"
    assert json.loads((tmp_path / "metrics.jsonl").read_text()) == {"step": 1, "loss": 0.5}


def test_a_closed_terminal_ends_no_run(tmp_path, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("TTY_COMPATIBLE", raising=False)
    person, terminal = pty.openpty()
    with os.fdopen(terminal, "w") as stderr:
        monkeypatch.setattr("sys.stderr", stderr)
        with RunLog(RunDirectory(tmp_path)) as log:
            log.progress(0.2, 10.0, "step 1")
            shown = b""
            while b"%" not in shown:  # the kernel hands over what was written piece by piece
                shown += os.read(person, 1000)
            os.close(person)
            log.progress(0.5, 10.0, "step 2")
            log.message("kept")
    assert (tmp_path / "log.txt").read_text() == "kept\n"


def test_no_standard_error_at_all_is_quiet(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.stderr", None)
    with RunLog(RunDirectory(tmp_path)) as log:
        log.message("kept")
    assert (tmp_path / "log.txt").read_text() == "kept\n" and capsys.readouterr().out == ""


def test_a_complaint_that_nobody_reads_keeps_its_exit_code(tmp_path):
    words = [sys.executable, "-m", "rgnn_jax", "list", "--ckpt-dir", str(tmp_path / "file")]
    (tmp_path / "file").touch()
    with subprocess.Popen(words, stderr=subprocess.PIPE) as process:
        process.stderr.close()
        assert process.wait() == 2
