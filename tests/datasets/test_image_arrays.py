import zipfile
from pathlib import Path

import numpy as np
import pytest

from rgnn_jax.datasets import image_arrays
from rgnn_jax.datasets.image_arrays import decode_arrays
from rgnn_jax.errors import UserError

IMAGES = np.random.default_rng(0).integers(0, 256, (5, 4, 6, 3), np.uint8)
IMAGES[0, 0, 0] = 0, 1, 255


def npz(path: Path, **arrays: np.ndarray) -> Path:
    np.savez_compressed(path, **arrays)
    return path


@pytest.fixture(params=["npy", "npz"])
def write(request, tmp_path):
    def save(images: np.ndarray) -> Path:
        path = tmp_path / f"images.{request.param}"
        np.save(path, images) if request.param == "npy" else np.savez(path, images=images)
        return path

    return save


@pytest.mark.parametrize(
    "given",
    [
        IMAGES,
        IMAGES.astype(np.int64),
        IMAGES / 255,
        (IMAGES / 255).astype(np.float32),
        IMAGES.transpose(0, 3, 1, 2).copy(),
    ],
)
def test_pictures_are_read_in_every_usual_form(write, given):
    np.testing.assert_array_equal(decode_arrays(write(given), 0, 0).images, IMAGES)


def test_grey_pictures_may_lack_the_last_dimension(write):
    images = decode_arrays(write(IMAGES[..., 0]), 0, 0).images
    np.testing.assert_array_equal(images, IMAGES[..., :1])


@pytest.mark.parametrize("dtype", [np.uint8, bool, np.float32])
def test_black_and_white_pictures_take_the_whole_range(write, dtype):
    images = decode_arrays(write((IMAGES > 127).astype(dtype)), 0, 0).images
    np.testing.assert_array_equal(images, np.where(IMAGES > 127, 255, 0))


def test_blocks_make_no_difference(write, monkeypatch):
    path = write(IMAGES)
    whole = decode_arrays(path, 3, 1).images
    assert whole.shape == (5, 3, 3, 1)
    monkeypatch.setattr(image_arrays, "_BLOCK_BYTES", 2 * IMAGES[0].nbytes)
    np.testing.assert_array_equal(decode_arrays(path, 3, 1).images, whole)


@pytest.mark.parametrize("name", ["imgs", "x_train", "images"])
@pytest.mark.parametrize("label", ["labels", "target", "y_train"])
def test_pictures_and_labels_are_found_by_their_names(tmp_path, name, label):
    labels = np.array([0, 2, 1, 1, 0], np.uint8)
    decoded = decode_arrays(npz(tmp_path / "a.npz", **{name: IMAGES, label: labels}), 0, 0)
    np.testing.assert_array_equal(decoded.labels, labels)
    assert decoded.labels.dtype == np.int32 and decoded.classes == ("0", "1", "2")


def test_labels_may_be_names_or_any_numbers(tmp_path):
    for labels in (np.array(["b", "a", "b", "a", "a"]), np.array([b"b", b"a", b"b", b"a", b"a"])):
        decoded = decode_arrays(npz(tmp_path / "a.npz", images=IMAGES, labels=labels), 0, 0)
        assert decoded.labels.tolist() == [1, 0, 1, 0, 0] and decoded.classes == ("a", "b")
    decoded = decode_arrays(npz(tmp_path / "a.npz", images=IMAGES, labels=np.array([7, 3, 7, 3, 3])), 0, 0)
    assert decoded.labels.tolist() == [1, 0, 1, 0, 0] and decoded.classes == ("3", "7")


def test_a_test_split_comes_last(tmp_path):
    path = npz(
        tmp_path / "a.npz",
        x_train=IMAGES[:3],
        y_train=np.arange(3),
        x_test=IMAGES[3:],
        y_test=np.array([2, 1]),
    )
    decoded = decode_arrays(path, 0, 0)
    assert decoded.test == 2 and decoded.labels.tolist() == [0, 1, 2, 2, 1]
    np.testing.assert_array_equal(decoded.images, IMAGES)


def test_sprites_come_with_the_factors_that_vary(tmp_path):
    classes = np.array([[0, i % 3, 0, i, 0, 1] for i in range(5)])
    values = classes * np.array([1, 1, 0.1, 0.5, 1, 1])
    path = npz(tmp_path / "a.npz", imgs=IMAGES[..., 0] // 128, latents_classes=classes, latents_values=values)
    decoded = decode_arrays(path, 0, 0)
    assert decoded.factor_names == ("shape", "orientation")
    np.testing.assert_allclose(decoded.factors, values[:, [1, 3]])
    assert decoded.factors.dtype == np.float32
    assert decoded.labels.tolist() == [0, 1, 2, 0, 1] and decoded.classes == ("square", "ellipse", "heart")


@pytest.mark.parametrize(
    "images, message",
    [
        (IMAGES[0, 0], "shape"),
        (IMAGES[..., :2], "shape"),
        (IMAGES[:0], "shape"),
        (IMAGES.reshape(5, -1), "shape"),
        (IMAGES * 2.0, "from 0 to 510, not floats"),
        (IMAGES.astype(int) - 300, "from -300"),
        (np.where(IMAGES == 0, np.nan, 0.5), "NaN"),
        (IMAGES.astype(str), "not numbers"),
        (IMAGES.astype(object), "pickled Python objects"),
    ],
)
def test_what_is_no_picture_is_refused_by_name(write, images, message):
    path = write(images)
    with pytest.raises(UserError, match=rf"{path.name}.*{message}"):
        decode_arrays(path, 0, 0)


@pytest.mark.parametrize(
    "labels, message",
    [(np.zeros(4, int), "shape"), (np.zeros((5, 2), int), "shape"), (np.zeros(5), "float64")],
)
def test_labels_that_do_not_fit_are_refused(tmp_path, labels, message):
    with pytest.raises(UserError, match=rf"a\.npz/labels: .*{message}"):
        decode_arrays(npz(tmp_path / "a.npz", images=IMAGES, labels=labels), 0, 0)


def test_archives_without_pictures_are_refused(tmp_path):
    with pytest.raises(UserError, match="has the arrays faces, but none of images, imgs"):
        decode_arrays(npz(tmp_path / "a.npz", faces=IMAGES), 0, 0)


def test_an_unread_array_may_be_anything(tmp_path):
    path = npz(tmp_path / "a.npz", imgs=IMAGES, metadata=np.array([{"pickled": 1}], object))
    np.testing.assert_array_equal(decode_arrays(path, 0, 0).images, IMAGES)


def test_false_headers_ask_for_no_memory(write, tmp_path):
    header = b"(5, 4, 6, 3), }" + b" " * 15
    path = write(IMAGES)
    content = path.read_bytes()
    assert header in content
    terabytes = content.replace(header, b"(5" + b"0" * 12 + b", 4, 6, 3), }" + b" " * 3)
    if path.suffix == ".npz":
        member = (tmp_path / "images.npy", tmp_path / "packed.npz")
        np.save(member[0], IMAGES)
        terabytes = member[0].read_bytes().replace(header, b"(5" + b"0" * 12 + b", 4, 6, 3), }" + b" " * 3)
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("images.npy", terabytes)
    else:
        path.write_bytes(terabytes)
    with pytest.raises(UserError, match=path.name):
        decode_arrays(path, 0, 0)


def test_zeros_that_fit_a_small_archive_are_measured_first(write, monkeypatch):
    monkeypatch.setattr("rgnn_jax.datasets.image_cache.MOST_BYTES", 10**6)
    with pytest.raises(UserError, match="GiB"):
        decode_arrays(write(np.zeros((400, 60, 60), np.uint8)), 0, 0)


def test_damaged_files_are_refused_by_name(write):
    path = write(IMAGES)
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 16
    for content in (whole[:-60], whole[:20], b"", b"a text", b"\x80\x04N."):
        path.write_bytes(content)
        with pytest.raises(UserError, match=path.name):
            decode_arrays(path, 0, 0)
    if path.suffix == ".npz":
        path.write_bytes(flipped)
        with pytest.raises(UserError, match=r"images\.npz/images: a damaged"):
            decode_arrays(path, 0, 0)
