"""Members of a sweep are runs like any other, and do not disturb each other."""

import json
from pathlib import Path

import jax
import numpy as np
import pytest
from small_runs import FACES, LSTM, TINY, TINY_FACES

from rgnn_jax.cli import main
from rgnn_jax.errors import UserError, WorkFailed
from rgnn_jax.train.checkpoint import Checkpoints
from rgnn_jax.train.session import load_run
from rgnn_jax.train.sweep import expand

CONFIG = Path(LSTM)
ARGUMENTS = [LSTM, *TINY, "--quiet", "--json"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A sweep of three learning rates, and the single run of the first."""
    folder = tmp_path_factory.mktemp("ckpt")
    where = ["--ckpt-dir", str(folder)]
    assert main(["sweep", *ARGUMENTS, *where, "--optimizer.learning-rate", "1e-2,1e-3,1e-4"]) == 0
    single = ["--optimizer.learning-rate", "1e-2", "--training.devices", "1", "--name", "single"]
    assert main(["train", *ARGUMENTS, *where, *single]) == 0
    return folder


def params(folder, name) -> list[np.ndarray]:
    return [np.asarray(leaf) for leaf in jax.tree.leaves(load_run(name, folder).params)]


def test_a_member_equals_the_single_run(folder):
    member = params(folder, "lstm_chapter_sweep/learning_rate=1e-2")
    for one, other in zip(member, params(folder, "single"), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5, rtol=1e-5)
    other = params(folder, "lstm_chapter_sweep/learning_rate=1e-3")
    assert any(np.abs(a - b).max() > 1e-3 for a, b in zip(member, other, strict=True))


def test_members_are_listed_with_their_score(folder, capsys):
    assert main(["list", "--json", "--ckpt-dir", str(folder / "lstm_chapter_sweep")]) == 0
    runs = {run["name"]: run for run in json.loads(capsys.readouterr().out)["runs"]}
    assert sorted(runs) == ["learning_rate=1e-2", "learning_rate=1e-3", "learning_rate=1e-4"]
    assert runs["learning_rate=1e-2"]["loss"] > 0 and runs["learning_rate=1e-2"]["step"] == 5


def test_a_member_that_diverged_is_kept_as_it_was_before(tmp_path, capsys):
    arguments = [
        FACES,
        *TINY_FACES,
        "--training.steps",
        "6",
        "--ckpt-dir",
        str(tmp_path),
        "--quiet",
        "--json",
    ]
    rates = ["--optimizer.learning-rate", "1e-3,1e29", "--training.log-every", "1", "--name", "rates"]
    assert main(["sweep", *arguments, *rates]) == 0
    sound, diverged = json.loads(capsys.readouterr().out)["rows"]
    assert [row["optimizer.learning_rate"] for row in (sound, diverged)] == [1e-3, 1e29]
    assert sound["steps"] == 6 and diverged["steps"] < 6 and diverged["loss"] is None
    run = load_run("rates/learning_rate=1e29", tmp_path)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(run.params))
    rows = [json.loads(line) for line in run.directory.metrics.read_text().splitlines()]
    assert [row["step"] for row in rows if "loss" in row] == list(range(1, run.step + 1))
    assert rows[-1]["step"] == run.step == diverged["steps"]


def test_a_member_that_cannot_be_saved_leaves_no_run(tmp_path, capsys, monkeypatch):
    save, saved = Checkpoints.save, []

    def second_fails(self, step, state, **kwargs):
        if saved:
            raise WorkFailed("no space left")
        saved.append(step)
        save(self, step, state, **kwargs)

    monkeypatch.setattr(Checkpoints, "save", second_fails)
    given = ["--ckpt-dir", str(tmp_path), "--name", "seeds", "--training.seed", "0,1"]
    assert main(["sweep", *ARGUMENTS, *given]) == 1
    assert capsys.readouterr().err == "rgnn sweep: no space left\n"
    assert [path.name for path in (tmp_path / "seeds").iterdir()] == ["seed=0"]


def test_all_combinations_are_expanded():
    settings = [("model.width", "4"), ("training.seed", "0,1"), ("optimizer.learning-rate", "1e-3,1e-2,1e-1")]
    members = expand(CONFIG, settings)
    found = [(m.experiment.training.seed, m.experiment.optimizer.learning_rate) for m in members]
    assert found == [(seed, rate) for seed in (0, 1) for rate in (1e-3, 1e-2, 1e-1)]
    assert all(m.experiment.model.width == 4 for m in members)
    assert members[0].name == "seed=0,learning_rate=1e-3"


def test_a_list_in_brackets_is_one_value():
    settings = [("training.milestones", "[1,2],[3]"), ("data.path", "chapter"), ("training.seed", "4")]
    members = expand(CONFIG, settings)
    assert [member.experiment.training.milestones for member in members] == [(1, 2), (3,)]
    assert [member.name for member in members] == ["milestones=1,2", "milestones=3"]
    with pytest.raises(UserError, match="nothing to sweep"):
        expand(CONFIG, [("training.milestones", "[1,2]")])


def test_a_text_may_vary_whatever_it_is_called():
    members = expand(CONFIG, [("data.path", "/my books/one two.txt,b.txt")])
    assert members[0].name == "path=-my-books-one-two.txt"


@pytest.mark.parametrize("values", ["0,0", "0,x", "0,"])
def test_wrong_values_are_refused(values):
    with pytest.raises(UserError):
        expand(CONFIG, [("training.seed", values)])


@pytest.fixture(scope="module")
def betas(tmp_path_factory):
    """Three weights of the KL term side by side, and the single run of the second."""
    folder = tmp_path_factory.mktemp("betas")
    arguments = [FACES, *TINY_FACES, "--ckpt-dir", str(folder), "--quiet", "--json"]
    assert main(["sweep", *arguments, "--model.beta", "0,4,20", "--name", "betas"]) == 0
    assert main(["train", *arguments, "--model.beta", "4", "--training.devices", "1", "--name", "four"]) == 0
    return folder


def test_the_weight_of_the_kl_term_is_swept_in_one_update(betas):
    for one, other in zip(params(betas, "betas/beta=4"), params(betas, "four"), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4, rtol=1e-4)
    none, much = params(betas, "betas/beta=0"), params(betas, "betas/beta=20")
    assert any(np.abs(a - b).max() > 1e-3 for a, b in zip(none, much, strict=True))


def test_each_member_is_scored_by_its_own_weight(betas):
    row = json.loads((betas / "betas/beta=20/metrics.jsonl").read_text().splitlines()[-1])
    expected = row["validation_reconstruction_loss"] + 20 * row["validation_kl_loss"]
    assert row["validation_loss"] == pytest.approx(expected)


def test_members_log_their_training_and_their_score(betas):
    rows = [json.loads(line) for line in (betas / "betas/beta=4/metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [2, 4, 4]
    assert rows[0]["kl_loss"] > 0 and rows[-1]["validation_reconstruction_loss"] > 0
