import io
import tarfile
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest

from rgnn_jax.datasets import image_files
from rgnn_jax.datasets.image_archives import decode_archive
from rgnn_jax.datasets.image_files import decode_folder, read_image
from rgnn_jax.datasets.image_spec import ImageSpec
from rgnn_jax.errors import UserError

Image = pytest.importorskip("PIL.Image")
COLOUR = np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8)


def save(path: Path, pixels: np.ndarray = COLOUR, **options) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)
    return path


def png(pixels: np.ndarray = COLOUR) -> bytes:
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "png")
    return content.getvalue()


@pytest.fixture
def folder(tmp_path):
    """Two classes, of two and one pictures, among things that are none."""
    save(tmp_path / "flowers" / "tulip" / "1.png", COLOUR)
    save(tmp_path / "flowers" / "aster" / "2.PNG", COLOUR + 1)
    save(tmp_path / "flowers" / "aster" / "1.png", COLOUR + 2)
    (tmp_path / "flowers" / "notes.txt").write_text("not a picture")
    (tmp_path / "flowers" / "aster" / "._1.png").write_bytes(b"of a Mac")
    return tmp_path / "flowers"


def archive(folder: Path, path: Path) -> Path:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as file:
            for member in folder.rglob("*.*"):
                file.write(member, member.relative_to(folder.parent))
    else:
        with tarfile.open(path, "w:gz") as file:
            file.add(folder, folder.name)
    return path


@pytest.mark.parametrize("kind", ["folder", "zip", "tgz"])
def test_sub_folders_are_classes(folder, tmp_path, kind):
    if kind == "folder":
        decoded = decode_folder(folder, 0, 0)
    else:
        decoded = decode_archive(archive(folder, tmp_path / f"flowers.{kind}"), 0, 0)
    np.testing.assert_array_equal(decoded.images, [COLOUR + 2, COLOUR + 1, COLOUR])
    assert decoded.labels.tolist() == [0, 0, 1] and decoded.classes == ("aster", "tulip")


def test_one_folder_is_no_class(tmp_path):
    save(tmp_path / "a.png")
    assert decode_folder(tmp_path, 0, 0).labels is None


def test_pictures_are_cropped_about_the_centre_and_resized(folder):
    decoded = decode_folder(folder, 6, 0)
    np.testing.assert_array_equal(decoded.images[2], COLOUR[:, 1:7])
    assert decode_folder(folder, 3, 1).images.shape == (3, 3, 3, 1)


def test_grey_stays_grey_unless_there_is_colour(tmp_path):
    save(tmp_path / "a.png", COLOUR[..., 0])
    np.testing.assert_array_equal(decode_folder(tmp_path, 0, 0).images[0, ..., 0], COLOUR[..., 0])
    save(tmp_path / "b.png")
    images = decode_folder(tmp_path, 0, 0).images
    np.testing.assert_array_equal(images[0], np.repeat(COLOUR[..., :1], 3, 2))
    assert decode_folder(tmp_path, 0, 1).images.shape == (2, 6, 8, 1)


def test_mixed_sizes_need_one(tmp_path):
    save(tmp_path / "a.png")
    save(tmp_path / "b.png", COLOUR[:5])
    with pytest.raises(UserError, match=r"b\.png: is 8x5 pixels, but .*a\.png is 8x6; .*--data\.size"):
        decode_folder(tmp_path, 0, 0)
    assert decode_folder(tmp_path, 4, 0).images.shape == (2, 4, 4, 3)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photograph_is_turned_upright(tmp_path, orientation):
    # How the sensor's rows lie where the photograph is COLOUR, by the EXIF standard's definition.
    lying = {
        1: COLOUR, 2: COLOUR[:, ::-1], 3: COLOUR[::-1, ::-1], 4: COLOUR[::-1],
        5: COLOUR.swapaxes(0, 1), 6: np.rot90(COLOUR, 1), 7: np.rot90(COLOUR.swapaxes(0, 1), 2),
        8: np.rot90(COLOUR, -1),
    }[orientation]  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = save(tmp_path / "a.png", np.ascontiguousarray(lying), exif=exif)
    np.testing.assert_array_equal(decode_folder(tmp_path, 0, 0).images[0], COLOUR)
    np.testing.assert_array_equal(read_image(path, ImageSpec(height=6, width=8, channels=3)), COLOUR)


def test_transparent_pixels_are_white(tmp_path):
    clear = np.concatenate([COLOUR, np.zeros((6, 8, 1), np.uint8)], 2)
    path = save(tmp_path / "a.png", clear)
    assert (read_image(path, ImageSpec(height=6, width=8, channels=3)) == 255).all()


def test_sixteen_bits_keep_their_brightness(tmp_path):
    path = save(tmp_path / "a.png", np.array([[0, 257 * 100, 65535]], np.uint16))
    assert read_image(path, ImageSpec(height=1, width=3, channels=1)).ravel().tolist() == [0, 100, 255]


def test_a_users_picture_takes_the_shape_of_the_model(tmp_path):
    wide = np.zeros((10, 40, 3), np.uint8)
    wide[:, 15:25] = 200
    path = save(tmp_path / "wide.jpg", wide, quality=95)
    image = read_image(path, ImageSpec(height=8, width=8, channels=1))
    assert image.shape == (8, 8, 1) and image.dtype == np.uint8 and image.min() > 150


def test_a_small_jpeg_of_a_large_photograph_is_close_to_the_exact_one(tmp_path):
    smooth = np.linspace(0, 255, 256)[None, :, None] * np.ones((256, 1, 3))
    path = save(tmp_path / "a.jpg", smooth.astype(np.uint8), quality=95)
    image = read_image(path, ImageSpec(height=8, width=8, channels=3)).astype(float)
    assert abs(image.mean((0, 2)) - np.linspace(15.5, 239.5, 8)).max() < 4


@pytest.mark.parametrize(
    "content, message",
    [
        (b"plain text", "not a picture"),
        (b"", "not a picture"),
        (png()[:80], "damaged"),
        (png()[:60] + b"\0\0\0\0" + png()[64:], "damaged"),
    ],
)
def test_a_damaged_picture_is_refused_by_name(folder, tmp_path, content, message):
    (folder / "aster" / "1.png").write_bytes(content)
    with pytest.raises(UserError, match=rf"aster/1\.png: .*{message}"):
        decode_folder(folder, 4, 3)
    with pytest.raises(UserError, match=rf"flowers\.zip/flowers/aster/1\.png: .*{message}"):
        decode_archive(archive(folder, tmp_path / "flowers.zip"), 4, 3)
    with pytest.raises(UserError, match=message):
        read_image(folder / "aster" / "1.png", ImageSpec(height=4, width=4, channels=3))


def test_a_decompression_bomb_is_refused_by_name(tmp_path):
    for side in (12_000, 20_000):
        Image.new("1", (side, side)).save(tmp_path / "bomb.png")
        with pytest.raises(UserError, match=r"bomb\.png: .*80,000,000"):
            decode_folder(tmp_path, 8, 1)


def test_a_file_too_long_for_a_picture_is_refused(tmp_path, monkeypatch):
    save(tmp_path / "a.png")
    monkeypatch.setattr(image_files, "MOST_FILE_BYTES", 10)
    with pytest.raises(UserError, match=r"a\.png: .* bytes are no picture"):
        decode_folder(tmp_path, 0, 0)
    with pytest.raises(UserError, match=r"a\.png: more than 10 bytes are no picture"):
        read_image(tmp_path / "a.png", ImageSpec(height=4, width=4, channels=3))


def test_places_without_pictures_are_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("no")
    with pytest.raises(UserError, match="holds no picture"):
        decode_folder(tmp_path, 0, 0)
    with zipfile.ZipFile(tmp_path / "empty.zip", "w"):
        pass
    with pytest.raises(UserError, match=r"empty\.zip: holds no picture"):
        decode_archive(tmp_path / "empty.zip", 0, 0)
    with pytest.raises(UserError, match="cannot be read"):
        read_image(tmp_path / "gone.png", ImageSpec(height=4, width=4, channels=3))


def test_damaged_archives_are_refused_by_name(folder, tmp_path):
    whole = archive(folder, tmp_path / "whole.zip").read_bytes()
    start = whole.index(png(COLOUR + 2)[:20])
    flipped = whole[: start + 60] + bytes([whole[start + 60] ^ 1]) + whole[start + 61 :]
    tar = archive(folder, tmp_path / "whole.tgz").read_bytes()
    for name, content in (
        ("a.zip", whole[:-40]),
        ("b.zip", flipped),
        ("c.tgz", tar[:200]),
        ("d.zip", b"text"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UserError, match=rf"{name}"):
            decode_archive(tmp_path / name, 0, 0)


def test_decoding_leaves_the_warnings_as_they_were(folder):
    before = list(warnings.filters)
    decode_folder(folder, 0, 0)
    assert warnings.filters == before
