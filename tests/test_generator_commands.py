"""`rgnn train`, `latent`, `evaluate`, `sweep` and `export` on generator-discriminator pairs."""

import json

import jax
import numpy as np
import pytest

from rgnn_jax.cli import main
from rgnn_jax.experiments.latent import meanings, subject, walks
from rgnn_jax.sampling.latent import draw
from rgnn_jax.train.session import load_run

pytestmark = pytest.mark.xdist_group("generators")  # their runs are trained once

CONFIG = """
[model]
kind = "dcgan"
z_dim = 3
width = 4
conditional = true
objective = "hinge"

[data]
kind = "images"
path = "digits"

[optimizer]
clip_norm = 0.0

[training]
steps = 2
batch_size = 8
log_every = 1
"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A folder with runs, for reading only: `untold` is not told classes, the judge `signs` knows + and -."""
    folder = tmp_path_factory.mktemp("ckpt")
    config = folder / "gan.toml"
    config.write_text(CONFIG, encoding="utf-8")
    judge = folder / "judge.toml"
    lines = '[model]\nkind = "classifier"\nwidth = 4\n\n[data]\nkind = "images"\npath = "digits"\n'
    judge.write_text(lines + "\n[training]\nsteps = 2\n", encoding="utf-8")
    for name, path, more in (
        ("told", config, []),
        ("untold", config, ["--model.conditional", "false", "--model.objective", "wasserstein"]),
        ("judge", judge, []),
        ("signs", judge, ["--data.signs", "true"]),
        ("acquainted", judge, ["--data.seed", "1"]),
    ):
        given = ["--name", name, "--ckpt-dir", str(folder), "--quiet"]
        assert main(["train", str(path), *given, *more]) == 0
    return folder


@pytest.fixture(autouse=True)
def little_work(monkeypatch):
    monkeypatch.setattr(walks, "FRAMES", 3)
    monkeypatch.setattr(meanings, "FRAMES", 3)
    monkeypatch.setattr(subject, "SEARCHED", 32)


def test_training_logs_both_players(runs):
    row = json.loads((runs / "told" / "metrics.jsonl").read_text().splitlines()[0])
    names = {"discriminator_loss", "generator_loss", "real_accuracy", "fake_accuracy"}
    assert names | {"discriminator_gradient_norm", "generator_gradient_norm"} <= row.keys()


@pytest.mark.parametrize(
    ("tool", "files"),
    [
        (["random", "--count", "4", "--class", "3", "--temperature", "0.5"], {"random_prior.png"}),
        (["random", "--count", "4", "--from", "codes"], {"random_codes.png"}),
        (["interpolate", "--random", "2", "--steps", "3"], {"interpolate.gif", "interpolate.png"}),
        (["interpolate", "--classes", "0,8", "--steps", "3"], {"interpolate.gif", "interpolate.png"}),
        (["traverse", "--steps", "3"], {"traverse.gif", "traverse.png"}),
        (["reconstruct", "--index", "0", "--index", "5"], {"reconstruct.png"}),
        (["edit", "--attribute", "3", "--index", "1"], {"edit.png"}),
        (["project", "--count", "9"], {"project_pca.html", "project_pca.png"}),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_latent_tools_work_without_an_encoder(runs, tool, files, tmp_path):
    out = tmp_path / "out"
    assert main(["latent", "told", *tool, "--ckpt-dir", str(runs), "--out", str(out)]) == 0
    assert {path.name for path in out.iterdir()} == files


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["latent", "told", "random", "--class", "ten"], "no such class"),
        (["latent", "untold", "random", "--class", "3"], "told no classes"),
        (["latent", "told", "clusters"], "no encoder"),
        (["latent", "told", "traverse", "--from", "mean"], "no encoder"),
        (["latent", "told", "traverse", "--order", "kl"], "no encoder"),
        (["latent", "told", "interpolate", "--random", "1", "--index", "2"], "--random"),
        (["evaluate", "told", "--importance-samples", "2"], "cannot read pictures"),
        (["evaluate", "judge", "--judge", "judge"], "only reads pictures"),
        (["evaluate", "told", "--judge", "untold"], "not a classifier"),
        (["evaluate", "untold", "--judge", "signs"], "other classes"),
        (["evaluate", "told", "--judge", "acquainted"], "held out here; train one with data.seed 0"),
        (["evaluate", "told", "--temperature", "0.5"], "--judge"),
    ],
)
def test_what_a_generator_cannot_do_is_refused_in_a_line(runs, arguments, words, capsys):
    assert main([*arguments, "--ckpt-dir", str(runs)]) == 2
    error = capsys.readouterr().err
    assert words in error and len(error.splitlines()) == 1


@pytest.mark.parametrize("name", ["told", "untold"])
def test_a_classifier_judges_samples(runs, name, capsys):
    given = ["--judge", "judge", "--temperature", "0.5", "--ckpt-dir", str(runs), "--json"]
    assert main(["evaluate", name, *given]) == 0
    scores = json.loads(capsys.readouterr().out)
    assert scores["temperature"] == 0.5
    assert abs(sum(scores["shares"].values()) - 1) < 1e-6 and scores["samples"] == 10_000
    assert 0 < scores["covered"] <= 10 and scores["distance"] >= 0
    assert (scores["class_accuracy"] is not None) == (name == "told")
    assert {"loss", "spread", "nearest"} <= scores.keys()


def test_a_walk_between_random_codes_keeps_to_one_class(runs):
    told = subject.Subject.of(load_run("told", runs))
    shown = walks.random_interpolation(told, jax.random.key(1), count=4, steps=3)
    codes = draw(told.distribution, jax.random.key(1), 8).reshape(4, 2, -1)
    held = np.stack([told.decode(pair, told.held_class(pair[0], 2)) for pair in codes])
    np.testing.assert_array_equal(shown.arrays["ends"][::2], held)
    assert np.any(told.decode(codes) != held)


def test_random_pictures_have_all_classes_whatever_their_codes(runs):
    told = subject.Subject.of(load_run("told", runs))
    shown = walks.random(told, jax.random.key(1), count=12).arrays
    expected = told.decode(shown["codes"], np.arange(12) % 10)
    np.testing.assert_array_equal(shown["images"], expected)
    assert np.any(told.decode(shown["codes"]) != expected)


def test_a_walk_along_the_first_dimension_keeps_to_one_class(runs):
    told = subject.Subject.of(load_run("told", runs))
    shown = walks.traversal(told, dimensions=[0], steps=5).arrays
    start = draw(told.distribution, jax.random.key(0), 8)[0]
    codes = np.repeat(start[None], 5, axis=0)
    codes[:, 0] = shown["values"]
    held = told.decode(codes, told.held_class(start, 5))
    np.testing.assert_array_equal(shown["images"][0], held)
    assert np.any(told.decode(codes) != held)


def test_pairs_are_swept_and_exported(runs, tmp_path, capsys):
    rates = ["--optimizer.learning-rate", "1e-4,1e-3", "--name", "rates", "--ckpt-dir", str(tmp_path)]
    assert main(["sweep", str(runs / "gan.toml"), *rates, "--quiet", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert len(rows) == 2 and all(np.isfinite(row["loss"]) for row in rows)
    assert main(["export", "told", "--ckpt-dir", str(runs), "--out", str(tmp_path / "open")]) == 0
    assert {"decode.jax", "weights.safetensors"} <= {path.name for path in (tmp_path / "open").iterdir()}


def test_a_pair_that_is_told_classes_needs_some(runs, tmp_path, capsys):
    arguments = ["--data.path", "faces", "--data.count", "40", "--data.size", "16", "--name", "x"]
    assert main(["train", str(runs / "gan.toml"), *arguments, "--ckpt-dir", str(tmp_path)]) == 2
    assert "model.conditional" in capsys.readouterr().err
