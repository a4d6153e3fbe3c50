import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from rgnn_jax.datasets.image_cache import Decoded, number_labels
from rgnn_jax.datasets.images import ImageData, deal, deal_groups, load_images
from rgnn_jax.datasets.pictures import Images
from rgnn_jax.errors import UserError

DATA = Path(__file__).parents[3] / "shared" / "data"


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


def decoded(count: int, labels: np.ndarray | None = None, test: int = 0) -> Decoded:
    return Decoded(np.zeros((count, 1, 1, 1), np.uint8), labels, test=test)


def sizes(images: Images) -> list[int]:
    return [len(split) for split in (images.train, images.validation, images.test)]


def test_hands_are_dealt_by_fraction_and_share_nothing():
    hands = deal_groups(np.arange(100), [0.2, 0.1], np.random.default_rng(0))
    assert [len(hand) for hand in hands] == [20, 10, 70]
    assert sorted(np.concatenate(hands).tolist()) == list(range(100))
    assert all((np.diff(hand) > 0).all() for hand in hands)


def test_groups_stay_together():
    groups = np.random.default_rng(1).integers(0, 30, 200)
    hands = deal_groups(groups, [0.25, 0.25], np.random.default_rng(0))
    people = [set(groups[hand].tolist()) for hand in hands]
    assert sum(map(len, people)) == len(set(groups.tolist())) and set.union(*people) == set(groups.tolist())
    for hand in hands[:2]:
        assert 50 <= len(hand) < 50 + np.bincount(groups).max()


def test_a_fraction_is_at_least_one_group_and_none_is_nothing():
    hands = deal_groups(np.arange(3), [0.01, 0.01], np.random.default_rng(0))
    assert [len(hand) for hand in hands] == [1, 1, 1]
    hands = deal_groups(np.arange(3), [0.0, 0.0], np.random.default_rng(0))
    assert [len(hand) for hand in hands] == [0, 0, 3]


def test_a_test_split_is_kept_and_validation_taken_from_the_rest():
    train, validation, test = deal(decoded(50, test=10), ImageData(validation_fraction=0.25))
    assert test.tolist() == list(range(40, 50))
    assert len(validation) == 10 and sorted([*train, *validation]) == list(range(40))


def test_people_are_on_one_side_and_classes_on_all():
    people = np.repeat(np.arange(40), 3).astype(np.int32)
    dealt = deal(decoded(120, people), ImageData())
    seen = [set(people[hand].tolist()) for hand in dealt]
    assert not seen[0] & seen[1] and not seen[0] & seen[2] and not seen[1] & seen[2]
    mixed = deal(decoded(120, people), ImageData(split="picture"))
    assert set(people[mixed[0]].tolist()) & set(people[mixed[2]].tolist())
    flowers = np.repeat(np.arange(3), 40).astype(np.int32)
    assert all(set(flowers[hand].tolist()) == {0, 1, 2} for hand in deal(decoded(120, flowers), ImageData()))
    alone = deal(decoded(120, flowers), ImageData(split="class"))
    assert [len(hand) for hand in alone] == [40, 40, 40]


def test_a_limit_keeps_part_of_each_split():
    whole = deal(decoded(60), ImageData())
    few = deal(decoded(60), ImageData(limit=4))
    for part, all_of_it in zip(few, whole, strict=True):
        assert len(part) == 4 and set(part.tolist()) <= set(all_of_it.tolist())


def test_splits_depend_on_the_seed():
    first, again, other = (deal(decoded(40), ImageData(seed=seed))[0].tolist() for seed in (1, 1, 2))
    assert first == again != other


def test_too_few_pictures_are_refused():
    with pytest.raises(UserError, match="leave none to train on"):
        deal(decoded(2), ImageData())
    with pytest.raises(UserError, match="no classes"):
        deal(decoded(20), ImageData(split="class"))


def test_settings_that_contradict_are_refused():
    with pytest.raises(UserError, match="leave pictures"):
        ImageData(validation_fraction=0.5, test_fraction=0.5)
    with pytest.raises(UserError, match="0, 1 or 3"):
        ImageData(channels=2)


def test_rendered_faces_come_with_factors(cache):
    from rgnn_jax.datasets.faces import FACTOR_NAMES, render_faces

    images = load_images(ImageData(count=12), cache=cache)
    assert sizes(images) == [10, 1, 1] and images.spec.shape == (64, 64, 3)
    assert images.spec.factors == FACTOR_NAMES and images.spec.classes == ()
    rendered, factors = render_faces(0, np.arange(12))
    place = int(np.flatnonzero((factors == images.test.factors[0]).all(1))[0])
    np.testing.assert_array_equal(images.test.images[0], rendered[place])
    assert len(images.digest) == 64
    small = load_images(ImageData(count=12, size=16, channels=1), cache=cache)
    assert small.spec.shape == (16, 16, 1)
    np.testing.assert_array_equal(small.test.factors, images.test.factors)


def test_faces_are_rendered_once(cache, monkeypatch):
    data = ImageData(count=12, size=8)
    first = load_images(data, cache=cache)
    monkeypatch.setattr("rgnn_jax.datasets.faces.render_faces", None)
    second = load_images(data, cache=cache)
    np.testing.assert_array_equal(first.train.images, second.train.images)
    assert first.digest == second.digest


def test_digits_are_larger_on_request(cache):
    pytest.importorskip("sklearn")
    images = load_images(ImageData(path="digits", size=28, limit=20), cache=cache)
    assert images.spec.shape == (28, 28, 1) and images.spec.classes == tuple("0123456789")
    assert sizes(images) == [20, 20, 20]


def test_folders_and_files_are_found(tmp_path, cache):
    image = pytest.importorskip("PIL.Image")
    pixels = np.random.default_rng(0).integers(0, 256, (10, 6, 6, 3), np.uint8)
    (tmp_path / "photos").mkdir()
    for number, picture in enumerate(pixels):
        image.fromarray(picture).save(tmp_path / "photos" / f"{number}.png")
    np.save(tmp_path / "photos.npy", pixels)
    folder = load_images(ImageData(path=str(tmp_path / "photos")), cache=cache)
    array = load_images(ImageData(path="photos.npy", data_dir=str(tmp_path)), cache=cache)
    assert sizes(folder) == [8, 1, 1] and folder.digest != array.digest
    np.testing.assert_array_equal(folder.train.images, array.train.images)
    image.fromarray(pixels[0] ^ 1).save(tmp_path / "photos" / "0.png")
    changed = load_images(ImageData(path=str(tmp_path / "photos")), cache=cache)
    assert changed.digest != folder.digest


@pytest.mark.parametrize(
    "path, message",
    [
        ("mnist", "rgnn data prepare mnist"),
        ("mnits", "did you mean mnist"),
        ("some_set", "rgnn data prepare some_set"),
        ("photos/of me", "no such file or folder"),
    ],
)
def test_what_is_missing_says_how_to_get_it(tmp_path, cache, monkeypatch, path, message):
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    with pytest.raises(UserError, match=message) as refusal:
        load_images(ImageData(path=path, data_dir=str(tmp_path)), cache=cache)
    assert "\n" not in str(refusal.value)


def test_a_text_is_no_set_of_pictures(tmp_path, cache):
    (tmp_path / "novel.txt").write_text("Once")
    with pytest.raises(UserError, match=r"novel\.txt: not a set of pictures"):
        load_images(ImageData(path=str(tmp_path / "novel.txt")), cache=cache)


def test_a_downloaded_archive_in_the_data_folder_is_the_set(tmp_path, cache):
    image = pytest.importorskip("PIL.Image")
    (tmp_path / "flower_photos").mkdir()
    for number in range(5):
        image.new("RGB", (4, 4), (number, 0, 0)).save(tmp_path / "flower_photos" / f"{number}.png")
    (tmp_path / "tf_flowers").mkdir()
    with tarfile.open(tmp_path / "tf_flowers" / "flower_photos.tgz", "w:gz") as archive:
        archive.add(tmp_path / "flower_photos", "flower_photos")
    images = load_images(ImageData(path="tf_flowers", data_dir=str(tmp_path)), cache=cache)
    assert sizes(images) == [3, 1, 1]


@pytest.mark.skipif(not DATA.exists(), reason="needs the real data beside the checkout")
def test_nobody_in_lfw_is_both_learned_and_tested():
    with zipfile.ZipFile(DATA / "faces" / "lfw_64x64.zip") as archive:
        labels, people = number_labels([name.split("/")[0] for name in archive.namelist()])
    assert len(people) == 5749
    train, validation, test = (
        set(labels[hand].tolist()) for hand in deal(decoded(13_233, labels), ImageData())
    )
    assert not train & test and not train & validation and not validation & test
