import gzip
from pathlib import Path

import numpy as np
import pytest

from rgnn_jax.datasets.image_idx import decode_idx, idx_files, read_idx
from rgnn_jax.errors import UserError

IMAGES = np.arange(5 * 2 * 3, dtype=np.uint8).reshape(5, 2, 3)
LABELS = np.array([1, 0, 2, 2, 1], np.uint8)


def idx(array: np.ndarray) -> bytes:
    return (
        bytes((0, 0, 8, array.ndim)) + b"".join(n.to_bytes(4, "big") for n in array.shape) + array.tobytes()
    )


@pytest.fixture(params=["", ".gz"])
def folder(request, tmp_path):
    """MNIST's four files, of three training and two test pictures."""
    pack = gzip.compress if request.param else bytes
    for name, images in (("train", slice(3)), ("t10k", slice(3, 5))):
        (tmp_path / f"{name}-images-idx3-ubyte{request.param}").write_bytes(pack(idx(IMAGES[images])))
        (tmp_path / f"{name}-labels-idx1-ubyte{request.param}").write_bytes(pack(idx(LABELS[images])))
    return tmp_path


def training(folder: Path) -> Path:
    return next(folder.glob("train-images*"))


def test_the_four_files_make_a_set_with_a_test_split(folder):
    for path in (folder, training(folder)):
        decoded = decode_idx(path)
        np.testing.assert_array_equal(decoded.images[..., 0], IMAGES)
        np.testing.assert_array_equal(decoded.labels, LABELS)
        assert decoded.test == 2 and decoded.classes == ("0", "1", "2")


def test_classes_may_be_named_in_a_file_beside(folder):
    names = folder / "labels.txt"
    names.write_text("hat\nshoe\nlast\n")
    assert decode_idx(folder).classes == decode_idx(training(folder)).classes == ("hat", "shoe", "last")
    assert names in idx_files(folder)
    for wrong in ("hat\nshoe\n", "hat\nhat\nshoe\n"):
        names.write_text(wrong)
        with pytest.raises(UserError, match=r"labels\.txt: .* for 3 classes; give one a line"):
            decode_idx(folder)
    names.write_bytes(b"\xff\n")
    with pytest.raises(UserError, match=r"labels\.txt: cannot be read"):
        decode_idx(folder)


def test_pictures_may_come_alone(folder):
    alone = training(folder).rename(folder / f"own-idx3{training(folder).suffix}")
    decoded = decode_idx(alone)
    assert decoded.labels is None and decoded.test == 0 and len(decoded.images) == 3


def test_other_places_hold_no_idx_files(tmp_path):
    (tmp_path / "a.png").touch()
    assert idx_files(tmp_path) == [] and idx_files(tmp_path / "a.png") == []
    assert idx_files(tmp_path / "idx-gone") == []


@pytest.mark.parametrize(
    "spoil, message",
    [
        (lambda whole: whole[:-1], "fewer or more"),
        (lambda whole: whole + b"x", "fewer or more"),
        (lambda whole: whole[:9], "fewer or more"),
        (lambda whole: b"\0\0\x0d" + whole[3:], "begins with 00000d03"),
        (lambda whole: b"a text", "begins with 61207465"),
        (lambda whole: b"", "begins with nothing"),
        (lambda whole: whole[:4] + b"\xff" * 12, "GiB"),
        (lambda whole: idx(np.zeros((0, 28, 28), np.uint8)), "no picture"),
    ],
)
def test_damaged_files_are_refused_by_name(folder, spoil, message):
    path = training(folder)
    pack, unpack = (gzip.compress, gzip.decompress) if path.suffix == ".gz" else (bytes, bytes)
    path.write_bytes(pack(spoil(unpack(path.read_bytes()))))
    with pytest.raises(UserError, match=rf"{path.name}: .*{message}"):
        decode_idx(folder)


def test_a_damaged_gzip_file_is_refused_by_name(tmp_path):
    path = tmp_path / "a-idx3.gz"
    whole = gzip.compress(idx(np.random.default_rng(0).integers(0, 9, (5, 20, 20), np.uint8)))
    for content in (whole[:-9], whole[:60] + bytes([whole[60] ^ 1]) + whole[61:]):
        path.write_bytes(content)
        with pytest.raises(UserError, match=r"a-idx3\.gz: "):
            read_idx(path, 3)


def test_files_that_do_not_belong_together_are_refused(folder):
    labels = next(folder.glob("train-labels*"))
    labels.write_bytes(idx(LABELS))
    with pytest.raises(UserError, match=f"{labels.name}: holds 5 labels for 3 pictures"):
        decode_idx(folder)
    labels.unlink()
    with pytest.raises(UserError, match=r"t10k-images.* does not fit"):
        decode_idx(folder)
