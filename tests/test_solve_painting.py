import json
import shutil

import numpy as np
import pytest
from small_runs import JUDGE, PAINT, SUMS, TINY_PAINT, TINY_SUMS

from rgnn_jax.cli import main
from rgnn_jax.train.session import load_task

pytestmark = pytest.mark.xdist_group("painting")  # their runs are trained once

Image = pytest.importorskip("PIL.Image")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Runs of a few steps: `painter` paints its answers, `judge` reads them, `sums` writes symbols."""
    folder = tmp_path_factory.mktemp("ckpt")
    digits = folder / "digits.npz"
    images = np.random.default_rng(0).integers(0, 256, (400, 8, 8)).astype(np.uint8)
    np.savez(digits, images=images, labels=np.arange(400) % 10)
    where, data = ["--ckpt-dir", str(folder), "--quiet"], ["--data.path", str(digits), "--data.size", "8"]
    # With more contrast so few steps paint next to nothing, and all styles alike.
    pale = [*TINY_PAINT, "--model.contrast", "1"]
    assert main(["train", PAINT, *pale, *data, "--name", "painter", *where]) == 0
    small = ["--model.width", "4", "--model.blocks", "0", "--model.feature-dim", "8", "--training.steps", "3"]
    shutil.copy(digits, folder / "copy.npz")
    untested = ["--data.path", str(folder / "copy.npz"), "--data.test-fraction", "0"]
    judges = {"judge": [], "other": ["--data.seed", "1"], "untested": untested}
    for name, settings in judges.items():
        assert main(["train", JUDGE, *data, *small, *settings, "--name", name, *where]) == 0
    assert main(["train", SUMS, *TINY_SUMS, "--optimizer.kind", "adamw", "--name", "sums", *where]) == 0
    return folder


@pytest.fixture
def digits(monkeypatch):
    """Answers of digits, a row a query, in place of those of five steps, which may all be blanks."""
    answers = np.random.default_rng(0).integers(0, 10, (200, 2)).astype(np.int32)
    monkeypatch.setattr(
        "rgnn_jax.tasks.arithmetic.answer_queries", lambda model, params, source: answers[: len(source)]
    )
    return ["".join(map(str, row)) for row in answers]


def solve(folder, *arguments, name="painter"):
    return main(["solve", name, *map(str, arguments), "--ckpt-dir", str(folder)])


def pixels(path):
    with Image.open(path) as picture:
        return np.asarray(picture)


def test_each_answer_is_painted_as_a_person_reads_it(folder, tmp_path, capsys):
    assert solve(folder, "5+3", "7-9", "--out", tmp_path / "a", "--json") == 0
    rows = json.loads(capsys.readouterr().out)["answers"]
    assert [row["query"] for row in rows] == ["5+3", "7-9"]
    assert sorted(str(path) for path in (tmp_path / "a").iterdir()) == [row["picture"] for row in rows]
    for row in rows:
        assert pixels(row["picture"]).shape == (8, 8 * max(1, len(row["answer"])))


def test_a_style_is_a_seed(folder, digits, tmp_path, capsys):
    def paint(where, *options):
        assert solve(folder, "5+3", "--out", tmp_path / where, *options, "--json") == 0
        [row] = json.loads(capsys.readouterr().out)["answers"]
        assert row["answer"] == digits[0]
        return pixels(row["picture"])

    np.testing.assert_array_equal(paint("a"), paint("b", "--style-seed", "0"))
    assert (paint("a") != paint("c", "--style-seed", "1")).any()
    assert (paint("a") != paint("d", "--vary-style")).any()


@pytest.mark.parametrize(
    ("arguments", "name", "complaint"),
    [
        (["--style-seed", "1"], "painter", "--style-seed: run painter paints where --out says so"),
        (["--vary-style", "--out", "x"], "sums", "--out: run sums reads symbols"),
        (["--vary-style"], "sums", "--vary-style: run sums paints nothing"),
    ],
)
def test_options_that_say_nothing_are_refused(folder, arguments, name, complaint, capsys):
    assert solve(folder, "5+3", *arguments, name=name) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert complaint in line


def evaluate(folder, *arguments, name="painter"):
    return main(["evaluate", name, *arguments, "--ckpt-dir", str(folder)])


def test_painted_answers_are_judged_beside_real_handwriting(folder, digits, capsys):
    assert evaluate(folder, "--split", "train", "--judge", "judge", "--json") == 0
    scores = json.loads(capsys.readouterr().out)
    painted = scores["painted"]
    assert painted["answers"]["whole"]["count"] == scores["whole"]["count"] == 160
    assert 0 <= painted["judge_accuracy"] <= 1
    assert painted["looks"]["digits"] >= 160
    assert painted["looks"]["real_distance"] < painted["looks"]["distance"]
    assert evaluate(folder, "--judge", "judge") == 0
    assert f"{100 * painted['judge_accuracy']:.2f}% of its own test pictures" in capsys.readouterr().out


def test_the_data_of_a_judged_run_are_loaded_once(folder, monkeypatch):
    loaded = []

    def load(run, overrides=()):
        loaded.append(run.directory.name)
        return load_task(run, overrides)

    monkeypatch.setattr("rgnn_jax.train.session.load_task", load)
    assert evaluate(folder, "--judge", "judge") == 0
    assert loaded.count("painter") == 1


@pytest.mark.parametrize(
    ("arguments", "name", "complaint"),
    [
        (["--judge", "painter"], "painter", "run painter is a model of arithmetic"),
        (["--judge", "other"], "painter", "held out here; train one with data.seed 0"),
        (["--judge", "untested"], "painter", "run untested has no test pictures"),
        (["--style-seed", "1"], "sums", "--style-seed: run sums paints nothing"),
        (["--style-seed", "1"], "painter", "--style-seed: run painter is not judged (--judge)"),
        (["--data.pictures", "source"], "painter", "data.pictures"),
    ],
)
def test_what_does_not_fit_a_run_is_refused(folder, arguments, name, complaint, capsys):
    assert evaluate(folder, *arguments, name=name) == 2
    assert complaint in capsys.readouterr().err
