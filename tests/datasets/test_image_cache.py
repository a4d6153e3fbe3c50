import numpy as np
import pytest

from rgnn_jax.datasets.image_cache import Decoded, cached, check_memory, hash_files, number_labels
from rgnn_jax.errors import UserError

IMAGES = np.arange(24, dtype=np.uint8).reshape(2, 3, 4, 1)
LABELS = np.array([1, 0], np.int32)
FACTORS = np.array([[0.5], [2.0]], np.float32)


def whole() -> Decoded:
    return Decoded(IMAGES, LABELS, FACTORS, test=1, classes=("a", "b"), factor_names=("turn",))


def never() -> Decoded:
    raise AssertionError("decoded a second time")


def assert_whole(decoded: Decoded) -> None:
    for found, expected in zip(
        (decoded.images, decoded.labels, decoded.factors), (IMAGES, LABELS, FACTORS), strict=True
    ):
        np.testing.assert_array_equal(found, expected)
        assert found.dtype == expected.dtype
    assert (decoded.test, decoded.classes, decoded.factor_names) == (1, ("a", "b"), ("turn",))


def test_pictures_are_decoded_once_and_mapped(tmp_path):
    assert_whole(cached(["source"], whole, tmp_path))
    again = cached(["source"], never, tmp_path)
    assert_whole(again)
    assert isinstance(again.images, np.memmap) and not again.images.flags.writeable
    assert [entry.name[0] for entry in tmp_path.iterdir()] != ["."]


def test_labels_and_factors_may_be_missing(tmp_path):
    for _ in range(2):
        decoded = cached([1], lambda: Decoded(IMAGES), tmp_path)
        assert decoded.labels is None and decoded.factors is None


def test_another_source_is_another_entry(tmp_path):
    cached(["source", 64], whole, tmp_path)
    with pytest.raises(AssertionError):
        cached(["source", 32], never, tmp_path)


@pytest.mark.parametrize("name", ["images.npy", "labels.npy", "factors.npy", "manifest.json"])
@pytest.mark.parametrize("damage", ["flip", "cut", "remove"])
def test_a_damaged_entry_is_made_anew(tmp_path, name, damage):
    cached([1], whole, tmp_path)
    (entry,) = tmp_path.iterdir()
    content = bytearray((entry / name).read_bytes())
    content[-3] ^= 4
    if damage == "remove":
        (entry / name).unlink()
    else:
        (entry / name).write_bytes(content if damage == "flip" else content[:-2])
    calls = []
    assert_whole(cached([1], lambda: calls.append(1) or whole(), tmp_path))
    assert calls == [1]
    assert_whole(cached([1], never, tmp_path))


def test_nothing_is_left_of_a_decoding_that_fails(tmp_path):
    with pytest.raises(AssertionError):
        cached([1], never, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_cannot_be_written_is_done_without(tmp_path):
    (tmp_path / "file").touch()
    assert_whole(cached([1], whole, tmp_path / "file" / "below"))


def test_the_hash_is_of_names_and_contents(tmp_path):
    a, b = tmp_path / "a", tmp_path / "b"
    a.write_bytes(b"1")
    b.write_bytes(b"1")
    assert hash_files([a]) == hash_files([b])
    assert hash_files([a], tmp_path) != hash_files([b], tmp_path)
    before = hash_files([a])
    a.write_bytes(b"2")
    assert hash_files([a]) != before
    with pytest.raises(UserError, match="gone: cannot be read"):
        hash_files([tmp_path / "gone"])


def test_what_memory_cannot_hold_is_refused():
    check_memory((2**30, 4, 4, 1), "here")
    with pytest.raises(UserError, match=r"here: .* GiB"):
        check_memory((2**30 + 1, 4, 4, 1), "here")
    with pytest.raises(UserError):
        check_memory((2**40, 2**40), "beyond 64 bits")


def test_labels_are_numbered_in_the_order_of_their_names():
    labels, classes = number_labels(["rose", "aster", "rose"])
    assert labels.tolist() == [1, 0, 1] and classes == ("aster", "rose")
