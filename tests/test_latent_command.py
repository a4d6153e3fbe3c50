"""`rgnn latent` on runs that trained for two steps: files appear whole, words fit what is shown."""

import argparse
import json
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from rgnn_jax.cli import main
from rgnn_jax.commands import latent
from rgnn_jax.errors import UserError
from rgnn_jax.experiments.latent import meanings, walks

pytestmark = pytest.mark.xdist_group("latent")  # their runs are trained once

CONFIG = """
[model]
kind = "mlp_vae"
z_dim = 3
hidden = [8]

[data]
kind = "images"
path = "faces"
count = 60
validation_fraction = 0.1
test_fraction = 0.2

[optimizer]
kind = "adamw"
learning_rate = 1e-3

[training]
steps = 2
batch_size = 8
"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A folder with the runs `vae` and `ae` of rendered faces; for reading only."""
    folder = tmp_path_factory.mktemp("ckpt")
    config = folder / "faces.toml"
    config.write_text(CONFIG, encoding="utf-8")
    for name, variational in (("vae", "true"), ("ae", "false")):
        given = ["--name", name, "--model.variational", variational, "--ckpt-dir", str(folder), "--quiet"]
        assert main(["train", str(config), *given]) == 0
    return folder


@pytest.fixture(autouse=True)
def short_films(monkeypatch):
    monkeypatch.setattr(walks, "FRAMES", 3)
    monkeypatch.setattr(meanings, "FRAMES", 3)


def parse(*arguments):
    parser = argparse.ArgumentParser()
    latent.register(parser.add_subparsers())
    args = parser.parse_args(["latent", *map(str, arguments)])
    args.settings = []
    return args


def show(runs, folder, *arguments):
    """The output of a tool that succeeds, and the files that it wrote."""
    args = parse(*arguments, "--ckpt-dir", runs, "--out", folder)
    assert args.run(args) == 0
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    ("tool", "files"),
    [
        (["reconstruct"], ["reconstruct.png"]),
        (["random", "--count", 4], ["random_prior.png"]),
        (["random", "--count", 4, "--from", "codes"], ["random_codes.png"]),
        (["traverse", "--steps", 3, "--dimensions", "2,0"], ["traverse.gif", "traverse.png"]),
        (["interpolate", "--steps", 3, "--other", "ae"], ["interpolate.gif", "interpolate.png"]),
        (["rotate", "--steps", 3, "--index", 1], ["rotate.gif", "rotate.png"]),
        (["rotate", "--steps", 3, "--by", "asymmetry"], ["rotate.gif", "rotate.png"]),
        (["edit", "--attribute", "glasses", "--remove", "hat=1"], ["edit.png"]),
        (["project", "--by", "turn"], ["project_pca.html", "project_pca.png"]),
    ],
    ids=lambda value: " ".join(map(str, value)),
)
def test_each_tool_writes_its_files_and_says_where(tool, files, runs, tmp_path, capsys):
    assert show(runs, tmp_path, "vae", *tool) == files
    printed = capsys.readouterr().out
    for file in files:
        assert str(tmp_path / file) in printed
        if not file.endswith("html"):
            Image.open(BytesIO((tmp_path / file).read_bytes())).load()


def test_files_go_to_the_runs_figures_and_json_names_them(runs, capsys):
    args = parse("vae", "--ckpt-dir", runs, "reconstruct", "--index", "0", "--json")
    assert args.run(args) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["files"] == [str((runs / "vae" / "figures" / "reconstruct.png").resolve())]
    assert told["step"] == 2
    assert 0 < told["mse"] < 1


def test_clusters_take_a_factor_for_classes(runs, tmp_path, capsys):
    pytest.importorskip("sklearn")
    assert show(runs, tmp_path, "vae", "clusters", "--by", "hat", "--neighbours", 3) == ["clusters.png"]
    assert "knn accuracy: " in capsys.readouterr().out


def test_a_picture_of_the_users_own_is_rotated(runs, tmp_path):
    own = tmp_path / "own.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (90, 70, 3)).astype(np.uint8)).save(own)
    folder = tmp_path / "out"
    assert "rotate.png" in show(runs, folder, "ae", "rotate", "--image", own, "--steps", 2)


def test_an_autoencoder_draws_from_its_codes(runs, tmp_path):
    assert show(runs, tmp_path, "ae", "random", "--count", 4) == ["random_codes.png"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["vae", "interpolate", "--classes", "0,8"], "its data have no classes"),
        (["vae", "interpolate", "--classes", "08"], "two classes are needed"),
        (["vae", "interpolate", "--index", "1"], "a walk has two ends, not 1"),
        (["vae", "interpolate", "--index", "1", "--index", "1"], "both ends of the walk are one picture"),
        (["vae", "reconstruct", "--index", "12"], "the test split has 12 pictures"),
        (["vae", "reconstruct", "--image", "missing.png"], "missing.png: cannot be read"),
        (["vae", "edit"], "edit needs an attribute"),
        (["vae", "edit", "--add", "beard"], "no attribute 'beard'; they know turn, tilt"),
        (["vae", "edit", "--add", "hat=big"], "'big' is not a number"),
        (["vae", "edit", "--add", "hat", "--remove", "hat"], "attribute 'hat' is named twice"),
        (["vae", "rotate", "--factor", "yaw"], "know no factor 'yaw'"),
        (["vae", "rotate", "--factor", "turn", "--by", "asymmetry"], "leave out one of them"),
        (["vae", "traverse", "--dimensions", "3"], "the model has 3 latent dimensions"),
        (["vae", "traverse", "--from", "mean", "--index", "0"], "leave out --image and --index"),
        (["vae", "traverse", "--index", "0", "--index", "1"], "one of --image and --index"),
        (["vae", "traverse", "--rows", "2", "--dimensions", "1"], "--rows: --dimensions says"),
        (["ae", "traverse", "--order", "kl"], "no KL"),
        (["vae", "clusters"], "its data have no classes"),
        (["vae", "clusters", "--by", "turn"], "no few whole values"),
        (["nobody", "random"], "no run 'nobody'"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(arguments, message, runs, tmp_path):
    args = parse(*arguments, "--ckpt-dir", runs, "--out", tmp_path / "out")
    with pytest.raises(UserError, match=message) as refused:
        args.run(args)
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "out").exists()


def test_a_place_for_files_is_refused_before_the_work(runs, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    args = parse("vae", "random", "--ckpt-dir", runs, "--out", tmp_path / "file" / "deep")
    monkeypatch.setattr(args, "show", lambda *_: pytest.fail("the work was done"))
    with pytest.raises(UserError, match="choose another --out"):
        args.run(args)


def test_strengths_may_begin_below_zero(runs, tmp_path):
    words = ["latent", "vae", "edit", "--add", "hat", "--strengths", "-1,1"]
    assert main([*words, "--ckpt-dir", str(runs), "--out", str(tmp_path)]) == 0
    assert (tmp_path / "edit.png").exists()


@pytest.mark.parametrize(
    ("name", "message"),
    [("model.beta", "only --data.FIELD may change"), ("data.sise", "did you mean `size`")],
)
def test_settings_are_checked_by_tools_that_need_no_data_too(name, message, runs, tmp_path):
    args = parse("vae", "random", "--count", 1, "--ckpt-dir", runs, "--out", tmp_path / "out")
    args.settings = [(name, "3")]
    with pytest.raises(UserError, match=message):
        args.run(args)


def test_a_model_of_text_has_no_latent_space(ckpt_dir):
    args = parse("tiny", "random", "--ckpt-dir", ckpt_dir)
    with pytest.raises(UserError, match="is a model of text"):
        args.run(args)


def test_the_likelihood_is_estimated_with_its_error(runs, capsys):
    given = ["--ckpt-dir", str(runs), "--importance-samples", "20", "--json"]
    assert main(["evaluate", "vae", *given]) == 0
    scores = json.loads(capsys.readouterr().out)
    assert scores["importance_samples"] == 20 and scores["count"] == 12
    assert 0 < scores["importance_weighted_nll_standard_error"] < 0.1 * scores["negative_elbo"]
    assert 0.5 < scores["importance_weighted_nll"] / scores["negative_elbo"] < 1
