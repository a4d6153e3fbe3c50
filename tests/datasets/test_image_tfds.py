import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from rgnn_jax.datasets.image_tfds import decode_tfds, prepared_set
from rgnn_jax.errors import UserError

TFDS = Path(__file__).parents[3] / "shared" / "data" / "tfds"
needs_data = pytest.mark.skipif(not TFDS.exists(), reason="needs the real data beside the checkout")


def test_the_newest_version_is_found_in_the_usual_places(tmp_path, monkeypatch):
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
    assert prepared_set("mnist", tmp_path / "data") is None
    for place in ("home/tensorflow_datasets", "data/tfds", "data"):
        for version in ("3.0.1", "3.0.10"):
            folder = tmp_path / place / "mnist" / version
            folder.mkdir(parents=True)
            (folder / "dataset_info.json").touch()
        assert prepared_set("mnist", tmp_path / "data") == folder
    assert prepared_set("../data/mnist", tmp_path / "data") is None


@needs_data
def test_flowers_are_read_with_their_classes():
    pytest.importorskip("tensorflow_datasets")
    decoded = decode_tfds(prepared_set("tf_flowers", TFDS), 16, 1)
    assert decoded.images.shape == (3670, 16, 16, 1) and decoded.test == 0
    assert decoded.classes == ("dandelion", "daisy", "tulips", "sunflowers", "roses")
    assert np.bincount(decoded.labels).tolist() == [898, 633, 799, 699, 641]


@needs_data
@pytest.mark.parametrize(
    "damage, message",
    [("cut", "damaged"), ("remove", "damaged"), ("format", "only TensorFlow reads"), ("info", "damaged")],
)
def test_damaged_sets_are_refused_by_name(tmp_path, damage, message):
    pytest.importorskip("tensorflow_datasets")
    folder = tmp_path / "tf_flowers" / "3.0.1"
    shutil.copytree(prepared_set("tf_flowers", TFDS), folder)
    (record,) = folder.glob("*array_record*")
    for path in (record, folder / "dataset_info.json", folder):
        path.chmod(0o755)
    if damage == "cut":
        record.write_bytes(record.read_bytes()[:5000])
    elif damage == "remove":
        record.unlink()
    elif damage == "info":
        (folder / "dataset_info.json").write_text("{")
    else:
        info = json.loads((folder / "dataset_info.json").read_text())
        (folder / "dataset_info.json").write_text(json.dumps(info | {"fileFormat": "tfrecord"}))
    with pytest.raises(UserError, match=rf"3\.0\.1.*{message}") as refusal:
        decode_tfds(folder, 8, 1)
    assert "\n" not in str(refusal.value)
