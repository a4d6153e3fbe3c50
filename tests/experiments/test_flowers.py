import json

import msgspec
import numpy as np
import pytest
from made_up_faces import look, pair
from made_up_pictures import FACTS

from rgnn_jax.config import load_experiment
from rgnn_jax.datasets.image_spec import ImageSpec
from rgnn_jax.datasets.images import load_images
from rgnn_jax.datasets.pictures import Images, Pictures
from rgnn_jax.errors import UserError
from rgnn_jax.experiments import flowers
from rgnn_jax.experiments.flowers import CONFIG, SCALES, linear_codes, reproduce_flowers
from rgnn_jax.experiments.flowers_page import augmentation, cause, comparison, observe
from rgnn_jax.experiments.flowers_results import (
    FACE_PAIR,
    FACES,
    FLOWER_PAIR,
    FLOWERS,
    PLAIN,
    FlowersResults,
    PictureModel,
    SetFacts,
)
from rgnn_jax.experiments.request import Request
from rgnn_jax.experiments.workshop import config_path
from rgnn_jax.train.session import load_run

TINY = {
    "training.steps": "2", "training.batch_size": "4", "training.log_every": "1",
    "training.evaluate_every": "1", "training.save_every": "2", "model.z_dim": "3", "data.size": "16",
}  # fmt: skip


def set_of(components=100):
    return SetFacts(
        path="set", train=3000, test=500, components=components, linear=0.7, look=look(sharpness=0.04)
    )


def model(label, **changes):
    given = PictureModel(
        label=label, run=label, augmented=False, parameters=10, steps=5, seconds=6.0,
        reconstruction_loss=7000.0, kl_loss=30.0, train_mse=0.01, mse=0.02, explained=0.6, active=20,
        samples=look(sharpness=0.01), reconstructions=look(), jump=1.5, pictures=set_of(),
    )  # fmt: skip
    return msgspec.structs.replace(given, **changes)


def results(scale="cpu", **faces):
    return FlowersResults(
        facts=msgspec.structs.replace(FACTS, command="rgnn reproduce flowers", scale=scale),
        pairs={FLOWER_PAIR: pair(FLOWER_PAIR, samples=look(sharpness=0.03)), FACE_PAIR: pair(FACE_PAIR)},
        models={FLOWERS: model(FLOWERS), PLAIN: model(PLAIN, mse=0.03), FACES: model(FACES, **faces)},
    )  # fmt: skip


@pytest.mark.parametrize("scale", SCALES)
def test_settings_of_every_scale_are_valid_and_end(scale):
    plan = SCALES[scale]
    for name, settings in ((CONFIG, plan.model), ("gan_flowers", plan.pair), ("gan_faces", plan.pair)):
        training = load_experiment(config_path(name), list(settings.items())).training
        assert training.steps or training.epochs or training.max_seconds


def test_flowers_are_worse_where_ten_points_more_are_lost():
    def verdict(**faces):
        return observe(results(**faces))[1].verdict

    assert verdict(explained=0.71) == "agrees"
    assert verdict(explained=0.69) == "differs"
    assert {row.verdict for row in observe(results("smoke"))} == {"not tested"}


@pytest.mark.parametrize(
    ("row", "label", "agrees", "differs"),
    [
        (0, FLOWERS, {"samples": look(sharpness=0.019)}, {"samples": look(sharpness=0.021)}),
        (2, FACES, {"jump": 2.0}, {"jump": 2.1}),
        (3, FACE_PAIR, {"samples": look(sharpness=0.011)}, {"samples": look(sharpness=0.01)}),
        (4, FACE_PAIR, {"jump": 2.0}, {"jump": 2.1}),
        (5, FLOWER_PAIR, {"samples": look(texture=51.0)}, {"samples": look(texture=50.0)}),
        (5, FLOWER_PAIR, {"spread": 0.49}, {"spread": 0.5}),
        (6, FLOWERS, {"pictures": set_of(components=200)}, {"pictures": set_of(components=199)}),
    ],
)
def test_a_number_past_its_threshold_changes_its_verdict(row, label, agrees, differs):
    def verdicts(changes):
        found = results()
        kind = "pairs" if label in found.pairs else "models"
        group = getattr(found, kind)
        changed = group | {label: msgspec.structs.replace(group[label], **changes)}
        return [one.verdict for one in observe(msgspec.structs.replace(found, **{kind: changed}))]

    holds, does_not = verdicts(agrees), verdicts(differs)
    assert (holds[row], does_not[row]) == ("agrees", "differs")
    assert [place for place in range(7) if holds[place] != does_not[place]] == [row]


def test_sentences_turn_with_the_numbers():
    assert "come out worse" in comparison(results(mse=0.01))
    assert "come out not worse" in comparison(results(mse=0.03))
    assert "3.0 times that of the 3,000 trained on" in cause(results())
    assert augmentation(results()).startswith("Augmentation lowers the error of held-out flowers from 0.0300")


def test_straight_lines_that_span_the_pictures_keep_all_of_them():
    draws = np.random.default_rng(0)
    patterns = draws.normal(size=(3, 4 * 4 * 3)) * np.array([[30.0], [20.0], [10.0]])
    pictures = 128 + np.clip(draws.normal(size=(400, 3)), -1.2, 1.2) @ patterns
    images = np.clip(pictures, 0, 255).round().astype(np.uint8).reshape(-1, 4, 4, 3)
    data = Images(
        Pictures(images[:300]),
        Pictures(images[:0]),
        Pictures(images[300:]),
        ImageSpec(height=4, width=4, channels=3, classes=(), factors=()),
        "",
    )
    components, linear = linear_codes(data, 3)
    assert components == 2
    assert 0.95 < linear <= 1
    assert linear_codes(data, 1)[1] < 0.8


@pytest.mark.slow
def test_a_tiny_run_publishes_page_pictures_and_numbers(tmp_path, monkeypatch):
    image = pytest.importorskip("PIL.Image")
    draws = np.random.default_rng(0)
    (tmp_path / "garden").mkdir()
    for place in range(160):
        pixels = draws.integers(0, 256, (16, 16, 3), np.uint8)
        image.fromarray(pixels).save(tmp_path / "garden" / f"{place}.png")
    monkeypatch.setitem(SCALES, "smoke", flowers.Scale(TINY, TINY | {"model.width": "4"}))
    arguments = {
        "data_path": str(tmp_path / "garden"), "out": tmp_path / "out", "seed": 0, "command": "rgnn",
        "quiet": True,
    }  # fmt: skip
    page, found, shown = reproduce_flowers(Request("smoke", **arguments))
    names = {path.name for path in page.parent.iterdir()}
    assert {"flowers", "flowers_plain", "faces", "flowers.html", "flowers.json", "flowers.png"} <= names
    numbers = json.loads((page.parent / "flowers.json").read_text())
    assert numbers["models"][PLAIN]["mse"] == found.plain.mse
    assert {(one.pictures.train, one.pictures.test) for one in found.models.values()} == {(128, 24)}
    pairs = [load_run(one.run, page.parent).experiment.of_pictures[1] for one in found.pairs.values()]
    assert {len(load_images(data).test) for data in pairs} == {24}
    assert found.flowers.augmented and not found.plain.augmented
    assert page.read_text().count("data:image/png;base64,") == 10
    assert PLAIN in shown
    with pytest.raises(UserError, match="--overwrite"):
        reproduce_flowers(Request("smoke", **arguments))
