import json

import numpy as np
import pytest
from small_runs import SUMS, TINY_SUMS

from rgnn_jax.cli import main

pytestmark = pytest.mark.xdist_group("solve")  # their runs are trained once


@pytest.fixture(scope="module")
def sums(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ckpt")
    assert main(["train", SUMS, *TINY_SUMS, "--name", "sums", "--ckpt-dir", str(folder), "--quiet"]) == 0
    return folder


def solve(folder, *arguments, name="sums"):
    return main(["solve", name, *arguments, "--ckpt-dir", str(folder)])


def test_queries_are_answered_a_line_each(sums, capsys):
    assert solve(sums, "5+3", "7 - 9") == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("5+3 = ")
    assert second.startswith("7-9 = ")


def test_beams_are_the_likeliest_answers(sums, capsys):
    assert solve(sums, "5+3", "--beams", "3", "--json") == 0
    [row] = json.loads(capsys.readouterr().out)["answers"]
    probabilities = [beam["probability"] for beam in row["beams"]]
    assert len(probabilities) == 3
    assert probabilities == sorted(probabilities, reverse=True)
    assert sum(probabilities) <= 1


@pytest.mark.parametrize("query", ["5++3", "a+b", "7" * 200, "7" * 200 + "+1", "5*3", "", "10+1"])
def test_other_queries_get_one_clear_line(sums, query, capsys):
    assert solve(sums, query) == 2
    output = capsys.readouterr()
    assert output.out == ""
    [line] = output.err.splitlines()
    assert line.startswith("rgnn solve: ")
    assert len(line) < 250


def test_runs_of_other_kinds_are_refused_by_name(sums, ckpt_dir, capsys):
    assert solve(ckpt_dir, "5+3", name="tiny") == 2
    assert "run tiny is a model of text: let it write with rgnn sample" in capsys.readouterr().err
    assert main(["sample", "sums", "--ckpt-dir", str(sums)]) == 2
    assert "run sums is a model of arithmetic: ask it with rgnn solve" in capsys.readouterr().err
    assert main(["latent", "sums", "--ckpt-dir", str(sums), "random"]) == 2
    assert "ask it with rgnn solve" in capsys.readouterr().err


def test_a_run_is_evaluated(sums, capsys):
    assert main(["evaluate", "sums", "--ckpt-dir", str(sums), "--split", "train", "--json"]) == 0
    scores = json.loads(capsys.readouterr().out)
    assert scores["whole"]["count"] == 160
    assert scores["whole_accuracy"] == scores["whole"]["right"] / 160
    assert np.sum(scores["confusion"]) == 320
    assert main(["evaluate", "sums", "--ckpt-dir", str(sums)]) == 0
    assert "whole answers right" in capsys.readouterr().out
    assert main(["evaluate", "sums", "--ckpt-dir", str(sums), "--rule", "carried"]) == 2
    assert "--rule: run sums is a model of arithmetic" in capsys.readouterr().err
    assert main(["evaluate", "sums", "--ckpt-dir", str(sums), "--data.digits", "2"]) == 2
    assert "not written as those that the run was trained on" in capsys.readouterr().err


def test_a_run_is_asked_beyond_what_it_was_trained_on(sums, tmp_path, capsys):
    short = ["--data.operands-below", "8", "--name", "short", "--ckpt-dir", str(tmp_path)]
    assert main(["train", SUMS, *TINY_SUMS, *short, "--quiet"]) == 0
    assert main(["evaluate", "short", "--ckpt-dir", str(tmp_path), "--split", "beyond", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["whole"]["count"] == 2 * (10**2 - 8**2)
    assert main(["evaluate", "sums", "--ckpt-dir", str(sums), "--split", "beyond"]) == 2
    assert "the beyond split is empty" in capsys.readouterr().err


def test_a_run_is_listed(sums, capsys):
    assert main(["list", "--ckpt-dir", str(sums), "--json"]) == 0
    [row] = json.loads(capsys.readouterr().out)["runs"]
    assert (row["name"], row["kind"], row["step"]) == ("sums", "seq2seq", 5)
    assert np.isfinite(row["loss"])


def test_a_sweep_trains_seeds_side_by_side(tmp_path, capsys):
    settings = [*TINY_SUMS, "--training.seed", "0,1", "--name", "sweep", "--ckpt-dir", str(tmp_path)]
    assert main(["sweep", SUMS, *settings, "--quiet", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert len(rows) == 2
    assert all(0 <= row["whole_accuracy"] <= 1 for row in rows)


def test_an_exported_run_answers_without_this_package(sums, tmp_path):
    pytest.importorskip("safetensors")
    pytest.importorskip("flatbuffers")
    from jax import export
    from safetensors.numpy import load_file

    out = tmp_path / "exported"
    assert main(["export", "sums", "--ckpt-dir", str(sums), "--out", str(out)]) == 0
    names = ("init_carry", "read_source", "step")
    programs = {name: export.deserialize((out / f"{name}.jax").read_bytes()) for name in names}
    weights = load_file(out / "weights.safetensors")
    source = np.array([[5, 10, 3]], np.int32)
    carry = programs["read_source"].call(weights, programs["init_carry"].call(), source)
    token, answer = np.array([12], np.int32), []
    for _ in range(2):
        carry, logits = programs["step"].call(weights, carry, token)
        token = np.argmax(np.asarray(logits), axis=-1).astype(np.int32)
        answer.append(int(token[0]))

    from rgnn_jax.tasks.arithmetic import answer_queries
    from rgnn_jax.train.session import load_run

    run = load_run("sums", sums)
    assert answer_queries(run.model, run.params, source)[0].tolist() == answer
