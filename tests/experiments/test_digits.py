import json

import msgspec
import numpy as np
import pytest
from made_up_pictures import digit, digit_results

from rgnn_jax.config import load_experiment
from rgnn_jax.errors import UserError
from rgnn_jax.experiments.digits import SCALES, reproduce_digits
from rgnn_jax.experiments.digits_observations import observe
from rgnn_jax.experiments.digits_page import make_page, to_terminal
from rgnn_jax.experiments.digits_results import Choice, choose
from rgnn_jax.experiments.report import render
from rgnn_jax.experiments.request import Request


def verdicts(results):
    return [row.verdict for row in observe(results)]


def changed(name, **changes):
    """The made-up results with one model otherwise."""
    results = digit_results()
    model = results.models[name]
    score = msgspec.structs.replace(model.score, **changes)
    return msgspec.structs.replace(
        results, models=results.models | {name: msgspec.structs.replace(model, score=score)}
    )


def test_the_nearest_samples_choose_among_the_good_bounds():
    good, better, nearest = (
        Choice(beta=beta, negative_elbo=elbo, distance=distance)
        for beta, elbo, distance in ((1.0, 100.0, 9.0), (2.0, 104.9, 7.0), (4.0, 105.1, 1.0))
    )
    assert choose([good, better, nearest]) is better
    assert choose([good, nearest]) is good


@pytest.mark.parametrize("scale", SCALES)
def test_every_scale_sets_what_the_configurations_know(scale):
    plan = SCALES[scale]
    for config, settings in (
        ("vae_mnist", plan.models),
        ("classifier_mnist", plan.judge),
    ):
        experiment = load_experiment(f"configs/{config}.toml", list(settings.items()))
        assert experiment.training.steps == int(settings["training.steps"])
    assert all(0 < beta < 10 for beta in plan.betas)


def test_everything_agrees_where_the_numbers_do():
    assert verdicts(digit_results()) == ["agrees"] * 10


def test_a_smoke_run_decides_nothing():
    assert verdicts(digit_results(scale="smoke")) == ["not tested"] * 10


@pytest.mark.parametrize(
    ("name", "changes", "places"),
    [
        ("AE", {"agreement": 0.94}, [0]),
        ("beta 0", {"mse": 0.0091}, [2]),
        ("beta 10", {"sharpness": 0.57}, [4]),
        ("beta 10", {"mse": 0.0149}, [5]),
        ("beta 2", {"agreement": 0.94}, [6]),
    ],
)
def test_a_score_past_its_threshold_changes_its_verdict(name, changes, places):
    found = verdicts(changed(name, **changes))
    assert [place for place, verdict in enumerate(found) if verdict == "differs"] == places


def test_samples_near_the_data_contradict_the_document():
    models = digit_results().models
    near = digit_results(models=models | {"AE": digit(29.0, knn=0.94, mse=0.006)})
    assert [place for place, verdict in enumerate(verdicts(near)) if verdict == "differs"] == [1]
    assert "further off than those of the tuned VAE, but not 3 times" in observe(near)[1].ours
    nearest = digit_results(models=models | {"beta 10": digit(9.0, mse=0.03, sharpness=0.3)})
    assert [place for place, verdict in enumerate(verdicts(nearest)) if verdict == "differs"] == [6]


def test_walks_that_are_all_alike_contradict_the_document():
    walk = digit_results().all_walks["AE"]
    alike = verdicts(digit_results(all_walks={"AE": walk, "beta 2": walk}))
    assert [place for place, verdict in enumerate(alike) if verdict == "differs"] == [7, 8]
    restless = msgspec.structs.replace(walk, sureness=walk.sureness + 0.05, changes=walk.changes + 0.01)
    row = observe(digit_results(all_walks={"AE": walk, "beta 2": restless}))[8]
    assert (row.verdict, row.ours) == (
        "differs", "On the way they are surer digits, but change class more often."
    )  # fmt: skip


def test_the_page_says_what_was_measured():
    results = digit_results()
    models = ("ae", "ae_fitted", "beta_0", "beta_2", "beta_10")
    names = ("reconstructions", "walks", *(f"samples_{name}" for name in models))
    pictures = dict.fromkeys(names, b"png")
    page = make_page(results, [], pictures)
    assert page.summary[0].startswith("The autoencoder reconstructs best: a squared error of 0.0060 a pixel")
    assert "nearest to real digits through beta 2: a Frechet distance of 10.0" in page.summary[1]
    assert page.summary[2] == "Of the document's 10 observations, 10 hold here and 0 do not."
    html = render(page)
    assert "FID" not in html
    assert html.count('src="data:image/png;base64,') == 7


def test_the_terminal_shows_each_model_and_each_verdict():
    text = to_terminal(digit_results())
    assert text.count("agrees") == 10
    assert "beta 2 has the samples nearest to the validation pictures" in text


def test_pictures_without_ten_classes_are_refused_and_nothing_is_left(tmp_path):
    path, out = tmp_path / "pictures.npy", tmp_path / "out"
    np.save(path, np.zeros((20, 28, 28, 1), np.uint8))
    with pytest.raises(UserError, match=r"pictures\.npy: has 0 classes, but the walks need 10"):
        reproduce_digits(Request("smoke", str(path), out, 0, "rgnn", quiet=True))
    assert not out.exists()


@pytest.mark.slow
def test_a_smoke_run_publishes_page_numbers_pictures_and_runs(tmp_path):
    arguments = {"data_path": "digits", "out": tmp_path, "seed": 0, "command": "rgnn", "quiet": True}
    page, found, text = reproduce_digits(Request("smoke", **arguments))
    assert sorted(path.name for path in page.parent.iterdir()) == [
        "ae", "classifier", "digits.html", "digits.json", "figures", "vae_beta_0", "vae_beta_0.5",
        "vae_beta_1", "vae_beta_10",
    ]  # fmt: skip
    numbers = json.loads((page.parent / "digits.json").read_text())
    assert numbers["models"]["AE"]["score"]["mse"] == found.models["AE"].score.mse
    assert found.tuned in ("beta 0.5", "beta 1")
    assert len(list((page.parent / "figures").iterdir())) == 7
    assert found.models["AE"].score.negative_elbo is None
    assert found.tuned in text
    with pytest.raises(UserError, match="--overwrite"):
        reproduce_digits(Request("smoke", **arguments))
