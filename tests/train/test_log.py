"""What a run tells, on standard error and in its files."""

import json
import math

import pytest

from rgnn_jax.train.log import RunLog, format_duration


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
        with RunLog(tmp_path) as log:
            log.message(f"line {step}")
            log.metrics(step, {"loss": 0.5, "norm": math.nan})
    assert (tmp_path / "log.txt").read_text() == "line 1\nline 2\n"
    rows = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert rows == [{"step": step, "loss": 0.5, "norm": None} for step in (1, 2)]
    out, err = capsys.readouterr()
    assert out == "" and err == "line 1\nline 2\n"


def test_quiet_is_silent_and_lines_of_progress_are_rare(tmp_path, capsys):
    with RunLog(tmp_path, quiet=True) as log:
        log.message("kept")
        log.progress(0.5, 10.0, "step 1")
    assert capsys.readouterr().err == "" and (tmp_path / "log.txt").read_text() == "kept\n"
    with RunLog(None) as log:
        for step in range(5):
            log.progress(0.5, 185.0, f"step {step}")
    assert capsys.readouterr().err == " 50%  step 0  3 min 05 s left\n"
