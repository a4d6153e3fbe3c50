import json
import os

import numpy as np
import pytest
from small_runs import JUDGE, STRIPS, SUMS, TINY_STRIPS, TINY_SUMS

from rgnn_jax.cli import main

pytestmark = pytest.mark.xdist_group("handwriting")  # their runs are trained once

Image = pytest.importorskip("PIL.Image")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Runs of five steps: `strips` reads handwriting, `judge` classifies it, `sums` reads symbols."""
    folder = tmp_path_factory.mktemp("ckpt")
    digits = folder / "digits.npz"
    draws = np.random.default_rng(0)
    images = draws.integers(0, 256, (400, 8, 8)) * (draws.random((400, 8, 8)) < 0.3)  # most is paper
    np.savez(digits, images=images.astype(np.uint8), labels=np.arange(400) % 10)
    where = ["--ckpt-dir", str(folder), "--quiet"]
    data = ["--data.path", str(digits), "--data.size", "8"]
    assert main(["train", STRIPS, *TINY_STRIPS, *data, "--name", "strips", *where]) == 0
    small = ["--model.width", "4", "--model.blocks", "0", "--model.feature-dim", "8", "--training.steps", "3"]
    assert main(["train", JUDGE, *data, *small, "--name", "judge", *where]) == 0
    assert main(["train", SUMS, *TINY_SUMS, "--name", "sums", *where]) == 0
    return folder


def solve(folder, *arguments, name="strips"):
    return main(["solve", name, *map(str, arguments), "--ckpt-dir", str(folder)])


def save(path, frames=3, side=20, light=False):
    draws = np.random.default_rng(1)
    pixels = draws.integers(0, 60, (side, frames * side)) * (draws.random((side, frames * side)) < 0.3)
    pixels = pixels.astype(np.uint8)
    Image.fromarray(255 - pixels if light else pixels).save(path)
    return path


def test_a_query_is_drawn_kept_and_read_back_alike(folder, tmp_path, capsys):
    assert solve(folder, "5+3", "--out", tmp_path, "--json", "--beams", "2") == 0
    [drawn] = json.loads(capsys.readouterr().out)["answers"]
    assert drawn["given"] == "5+3"
    assert len(drawn["beams"]) == 2
    [file] = tmp_path.iterdir()
    with Image.open(file) as picture:
        assert picture.size == (24, 8)
    assert solve(folder, file, "--json") == 0
    [read] = json.loads(capsys.readouterr().out)["answers"]
    assert (read["query"], read["answer"]) == (drawn["query"], drawn["answer"])


def test_strips_of_any_height_in_either_tone_are_read(folder, tmp_path, capsys):
    assert solve(folder, save(tmp_path / "a.png"), save(tmp_path / "b.png", light=True)) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith(f"{tmp_path / 'a.png'}, read as ")
    assert first.split(", ", 1)[1] == second.split(", ", 1)[1]


def test_what_is_no_strip_gets_one_clear_line(folder, tmp_path, capsys):
    (tmp_path / "text.png").write_text("no picture")
    wrong = {
        save(tmp_path / "four.png", frames=4): "80x20 pixels; the run reads a strip of 3 square frames",
        tmp_path / "missing.png": "cannot be read",
        tmp_path / "text.png": "not a picture",
        tmp_path: "cannot be read",
        "5++3": "is neither the file of a picture nor two whole numbers",
        "a+b": "two whole numbers with an operator",
        "7" * 300: "two whole numbers with an operator",
        "é" * 200: "two whole numbers with an operator",
        "": "two whole numbers with an operator",
        "5*3": "the run knows + and -",
        "10+1": "at most 1",
    }
    Image.fromarray(np.zeros((20, 50), np.uint8)).save(tmp_path / "uneven.png")
    wrong[tmp_path / "uneven.png"] = "50x20 pixels"
    Image.fromarray(np.full((20, 60), 9, np.uint8)).save(tmp_path / "empty.png")
    wrong[tmp_path / "empty.png"] = "is empty"
    wrong["5/3"] = "the run knows + and -"
    wrong["my_strip.heic"] = "neither the file of a picture"
    for query, complaint in wrong.items():
        assert solve(folder, query) == 2, query
        output = capsys.readouterr()
        assert output.out == ""
        [line] = output.err.splitlines()
        assert complaint in line


def test_what_is_read_as_no_query_is_said_to_be_none(folder, tmp_path, monkeypatch, capsys):
    read = np.array([[5, 10, 3], [5, 11, 11]], np.int32)
    monkeypatch.setattr("rgnn_jax.tasks.arithmetic.read_symbols", lambda *_: read)
    names = [save(tmp_path / f"{name}.png") for name in "ab"]
    assert solve(folder, *names, "--json") == 0
    answers = json.loads(capsys.readouterr().out)["answers"]
    assert [(row["query"], row["is_query"]) for row in answers] == [("5+3", True), ("5--", False)]
    assert solve(folder, *names) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert "a.png, read as 5+3 = " in first
    assert "b.png, read as 5-- (no query) = " in second


def test_a_name_that_is_no_utf_8_is_escaped(folder, tmp_path, capsys):
    path = os.fsdecode(os.fsencode(tmp_path) + b"/b\xff.png")
    save(path)
    assert solve(folder, path, "--json") == 0
    [answer] = json.loads(capsys.readouterr().out)["answers"]
    assert answer["given"] == f"{tmp_path}/b\\xff.png"


def test_more_beams_than_there_are_answers_are_all_of_them(folder, capsys):
    assert solve(folder, "5+3", "--beams", "2000000000", "--json", name="sums") == 0
    [answer] = json.loads(capsys.readouterr().out)["answers"]
    assert 1 < len(answer["beams"]) <= 13**2
    assert sum(beam["probability"] for beam in answer["beams"]) == pytest.approx(1, abs=1e-3)


def test_a_run_of_symbols_says_that_it_reads_no_pictures(folder, tmp_path, capsys):
    assert solve(folder, save(tmp_path / "a.png"), name="sums") == 2
    assert "a.png: run sums reads symbols and no pictures" in capsys.readouterr().err


def test_pictures_alone_are_not_drawn(folder, tmp_path, capsys):
    assert solve(folder, save(tmp_path / "a.png"), "--out", tmp_path) == 2
    assert "--out: every query is a picture already" in capsys.readouterr().err


def test_a_run_that_reads_symbols_draws_nothing(folder, tmp_path, capsys):
    assert solve(folder, "5+3", "--out", tmp_path, name="sums") == 2
    assert "--out: run sums reads symbols" in capsys.readouterr().err


def evaluate(folder, *arguments, name="strips"):
    return main(["evaluate", name, *arguments, "--ckpt-dir", str(folder)])


def test_readings_stand_beside_the_answers(folder, capsys):
    assert evaluate(folder, "--split", "train", "--judge", "judge", "--json") == 0
    scores = json.loads(capsys.readouterr().out)
    assert scores["whole"]["count"] == scores["reading"]["queries"]["count"] == 160
    assert scores["reading"]["pictures"]["count"] == scores["judge"]["reading"]["pictures"]["count"] == 480
    assert evaluate(folder, "--judge", "judge") == 0
    shown = capsys.readouterr().out
    assert "read by its front end" in shown
    assert f"{100 * scores['judge']['accuracy']:.2f}% of its own test pictures" in shown


@pytest.mark.parametrize(
    ("arguments", "name", "complaint"),
    [
        (["--judge", "sums"], "strips", "run sums is a model of arithmetic"),
        (["--judge", "judge"], "sums", "--judge: run sums reads and writes symbols"),
        (["--data.noise", "0.4"], "strips", "--data.noise: changes training pictures alone"),
        (["--data.size", "16"], "strips", "not written as those that the run was trained on"),
        (["--rule", "carried"], "strips", "--rule: run strips is a model of arithmetic"),
    ],
)
def test_what_does_not_fit_a_run_is_refused(folder, arguments, name, complaint, capsys):
    assert evaluate(folder, *arguments, name=name) == 2
    assert complaint in capsys.readouterr().err


def test_a_run_is_listed_and_exported(folder, tmp_path, capsys):
    pytest.importorskip("safetensors")
    pytest.importorskip("flatbuffers")
    from jax import export

    assert main(["list", "--ckpt-dir", str(folder)]) == 0
    assert "strips" in capsys.readouterr().out
    assert main(["export", "strips", "--ckpt-dir", str(folder), "--out", str(tmp_path / "exported")]) == 0
    program = export.deserialize((tmp_path / "exported" / "read_source.jax").read_bytes())
    assert program.in_avals[-1].shape == (1, 3, 8, 8, 1)


def test_a_digit_without_held_out_pictures_is_missed_before_the_training(folder, capsys):
    few = ["--data.path", str(folder / "digits.npz"), "--data.picture-validation-fraction", "0.005"]
    where = ["--name", "few", "--ckpt-dir", str(folder)]
    assert main(["train", STRIPS, *TINY_STRIPS, "--data.size", "8", *few, *where]) == 2
    assert "make data.picture_validation_fraction larger" in capsys.readouterr().err
    assert not (folder / "few").exists()
