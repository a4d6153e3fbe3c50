"""Classes and splits by the names of folders."""

import pytest

from rgnn_jax.datasets.image_folders import read_folders
from rgnn_jax.errors import UserError


def read(*folders):
    return read_folders(folders, [f"{place}.png" for place in range(len(folders))])


def test_folders_are_classes_whatever_lies_above_them():
    for above in ("", "flowers/", "a/b/"):
        found = read(f"{above}tulip", f"{above}daisy", f"{above}tulip")
        assert found.classes == ("daisy", "tulip") and found.labels.tolist() == [1, 0, 1]
        assert found.order.tolist() == [0, 1, 2] and found.test == 0


def test_one_folder_is_no_class():
    for folders in ((".", "."), ("faces", "faces")):
        assert read(*folders)[1:] == (None, (), 0)


def test_classes_of_one_name_keep_their_paths():
    assert read("a/left", "b/left", "b/right").classes == ("a/left", "b/left", "b/right")


@pytest.mark.parametrize("above", ["", "set/"])
@pytest.mark.parametrize(("train", "test"), [("train", "test"), ("Training", "Testing")])
def test_folders_called_train_and_test_are_splits(above, train, test):
    folders = [f"{above}{part}" for part in (f"{test}/b", f"{train}/a", "val/b", f"{test}/a", f"{train}/b")]
    found = read(*folders)
    assert found.order.tolist() == [1, 2, 4, 0, 3] and found.test == 2
    assert found.classes == ("a", "b") and found.labels.tolist() == [0, 1, 1, 1, 0]


def test_a_validation_split_is_dealt_anew():
    found = read("train/a", "train/b", "val/a", "val/b")
    assert found.classes == ("a", "b") and found.test == 0


def test_an_archive_may_mix_absolute_and_relative_names():
    assert read("/set/a", "set/b", "set/a").classes == ("a", "b")


def test_splits_need_no_classes():
    found = read("test", "train", "train")
    assert found.order.tolist() == [1, 2, 0] and found.test == 1 and found.labels is None


@pytest.mark.parametrize("folders", [("train", "bus"), ("test", "val"), ("test", "test2")])
def test_other_folders_are_classes_even_where_one_is_called_so(folders):
    found = read(*folders)
    assert found.test == 0 and found.classes == tuple(sorted(folders))


def test_a_picture_beside_the_classes_is_refused():
    for folders in (("a", "b", "."), ("train/a", "test/a", "test"), ("a/c", "b", "a")):
        with pytest.raises(UserError, match=r"2\.png: lies beside the folders of classes"):
            read(*folders)
