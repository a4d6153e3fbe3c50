import json

import msgspec
import numpy as np
import pytest
from made_up_pictures import CLUSTERS, fashion_results, score

from rgnn_jax.config import load_experiment
from rgnn_jax.datasets.image_spec import ImageSpec
from rgnn_jax.datasets.pictures import Images, Pictures
from rgnn_jax.experiments.fashion import SCALES, reproduce_fashion
from rgnn_jax.experiments.fashion_observations import observe
from rgnn_jax.experiments.fashion_page import make_page, to_terminal
from rgnn_jax.experiments.fashion_results import FashionModel
from rgnn_jax.experiments.fashion_spaces import principal_components
from rgnn_jax.experiments.report import render
from rgnn_jax.experiments.request import Request
from rgnn_jax.train.loop import Limits


def differing(**changes):
    return [
        place for place, row in enumerate(observe(fashion_results(**changes))) if row.verdict == "differs"
    ]


def clusters(**changes):
    return fashion_results().clusters | {"VAE": msgspec.structs.replace(CLUSTERS, **changes)}


def vae(**changes):
    models = fashion_results().models
    early = changes.pop("early_mse", 0.02)
    model = FashionModel(score=score(**changes), early_mse=early, samples=models["VAE"].samples)
    return models | {"VAE": model}


@pytest.mark.parametrize("scale", SCALES)
def test_every_scale_reaches_its_early_look_on_all_of_the_clothes(scale):
    training = load_experiment("configs/vae_fashion.toml", list(SCALES[scale].models.items())).training
    limits = Limits.of(training, steps_per_epoch=54_000 / training.batch_size)
    assert max(limits.milestones) < limits.steps
    assert (training.milestones == (1,)) == (scale != "smoke")
    load_experiment("configs/classifier_fashion.toml", list(SCALES[scale].judge.items()))


def test_everything_agrees_where_the_numbers_do():
    assert differing() == []
    assert {row.verdict for row in observe(fashion_results(scale="smoke"))} == {"not tested"}


def test_a_number_past_its_threshold_changes_its_verdict():
    assert differing(models=vae(agreement=0.79)) == [0]
    assert differing(models=vae(agreement=0.9, early_mse=0.012)) == [1]
    assert differing(clusters=clusters(knn_accuracy=0.839, silhouette=0.1)) == [2, 4]
    assert differing(plane_silhouette={"VAE": 0.24, "pixels": 0.1}) == [3]
    assert differing(clusters=clusters(knn_accuracy=0.86, silhouette=0.04)) == [4]


def test_components_of_pixels_keep_the_distances_of_pictures_that_vary_in_few_ways():
    draws = np.random.default_rng(0)
    images = np.full((40, 2, 2, 1), 100, np.uint8)
    images[:, 0] = draws.integers(0, 256, (40, 2, 1))
    split = Pictures(images, np.zeros(40, np.int32))
    data = Images(split, split, split, ImageSpec(height=2, width=2, channels=1, classes=("a",)), "")
    space = principal_components(data, 2)
    flat = images.reshape(40, 4) / 255
    np.testing.assert_allclose(
        np.linalg.norm(space.test[:20] - space.test[20:], axis=1),
        np.linalg.norm(flat[:20] - flat[20:], axis=1),
        atol=1e-5,
    )
    assert space.train.var(axis=0)[1] >= space.train.var(axis=0)[0]


def test_the_page_says_what_was_measured():
    names = ("stages", "beside", "walks", "project_tsne", "project_pca", "clusters")
    page = make_page(fashion_results(), [], {f"{name}.png": b"png" for name in names})
    assert "squared error of 0.0100 a pixel, against 0.0080 for an autoencoder" in page.summary[0]
    assert "86.0% of the test pictures, which reaches the 84%" in page.summary[1]
    html = render(page)
    assert "Most often between coat and dress it is a third class: at 30% of the points" in html
    assert "FID" not in html
    assert html.count('src="data:image/png;base64,') == len(names)


def test_the_terminal_shows_models_spaces_and_verdicts():
    lines = to_terminal(fashion_results()).splitlines()
    assert sum("agrees" in line for line in lines) == 5
    assert any(line.strip().startswith("codes of the VAE  86.00%") for line in lines)


@pytest.mark.slow
def test_a_smoke_run_publishes_page_numbers_pictures_and_runs(tmp_path):
    page, found, _ = reproduce_fashion(Request("smoke", "digits", tmp_path, 0, "rgnn", quiet=True))
    assert sorted(path.name for path in page.parent.iterdir()) == [
        "ae", "classifier", "fashion.html", "fashion.json", "figures", "vae",
    ]  # fmt: skip
    numbers = json.loads((page.parent / "fashion.json").read_text())
    assert numbers["clusters"]["VAE"]["knn_accuracy"] == found.clusters["VAE"].knn_accuracy
    assert found.early_step < found.models["VAE"].score.steps
    assert found.models["VAE"].early_mse != found.models["VAE"].score.mse
