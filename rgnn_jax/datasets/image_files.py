"""Picture files: folders of them, and a single one of the user's own."""

import io
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from types import ModuleType
from typing import Any

import numpy as np
from jaxtyping import UInt8

from rgnn_jax.datasets.image_cache import Decoded, check_memory
from rgnn_jax.datasets.image_folders import read_folders
from rgnn_jax.datasets.image_spec import ImageSpec
from rgnn_jax.errors import UserError

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
MOST_PIXELS = 80_000_000
MOST_FILE_BYTES = 2**28
_TASK = 64
_GREY_MODES = ("1", "L", "LA", "La", "I", "F")
_SIDEWAYS = (5, 6, 7, 8)
_ORIENTATION = 0x0112


@dataclass(frozen=True)
class EncodedPicture:
    """A picture as a file holds it.

    Attributes:
        source: the file's name, for messages.
        folder: where it lies below what was named.
        read: gives its bytes.
    """

    source: str
    folder: str
    read: Callable[[], bytes]


def read_image(path: str | Path, spec: ImageSpec) -> UInt8[np.ndarray, "h w c"]:
    """A picture of the user's own, as a model with this `spec` reads it.

    It is turned upright by its EXIF orientation, cropped about the centre to the proportions of `spec`, and
    resized.

    Raises:
        UserError: the file is missing or no picture.
    """
    content = _read_picture(Path(path))
    with _strict_pillow() as pillow:
        return _decode(pillow, content, str(path), (spec.height, spec.width), spec.channels)


def image_sides(path: str | Path) -> tuple[int, int]:
    """Height and width of a picture of the user's own, once it is turned upright.

    Raises:
        UserError: the file is missing or no picture.
    """
    content = _read_picture(Path(path))
    with _strict_pillow() as pillow, _opened(pillow, content, str(path)) as image:
        return _upright_sides(image)


def _read_picture(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MOST_FILE_BYTES + 1)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); name a picture file") from None
    if len(content) > MOST_FILE_BYTES:
        raise UserError(f"{path}: more than {MOST_FILE_BYTES:,} bytes are no picture; name a picture file")
    return content


def _upright_sides(image: Any) -> tuple[int, int]:
    width, height = image.size
    return (width, height) if image.getexif().get(_ORIENTATION) in _SIDEWAYS else (height, width)


def picture_paths(folder: Path) -> list[Path]:
    """The picture files below a folder in alphabetical order; hidden and other files are passed over."""
    return [
        path for path in sorted(folder.rglob("*")) if is_picture_name(path.relative_to(folder).as_posix())
    ]


def decode_folder(folder: Path, size: int, channels: int) -> Decoded:
    """All pictures below a folder; what sub-folders say is `image_folders.read_folders`.

    Raises:
        UserError: there is no picture, one is damaged or beside the classes, or they differ in size and
            `size` is 0.
    """
    pictures = [
        EncodedPicture(str(path), path.relative_to(folder).parent.as_posix(), partial(_read_file, path))
        for path in picture_paths(folder)
    ]
    return decode_pictures(pictures, str(folder), size, channels)


def decode_pictures(
    pictures: Sequence[EncodedPicture],
    source: str,
    size: int,
    channels: int,
    kept: tuple[int, int, int] | None = None,
) -> Decoded:
    """Decodes pictures into one array, on all cores.

    Args:
        pictures: what to decode.
        source: where they come from, for messages.
        size: pixels of a side; 0 keeps the pictures' own.
        channels: 1, 3, or 0 for colour where any picture is in colour.
        kept: the pictures' own (height, width, channels), where it is known beforehand.

    Raises:
        UserError: there is none, one is damaged or beside the classes, they differ in size and `size` is 0,
            or they need too much memory.
    """
    if not pictures:
        raise UserError(f"{source}: holds no picture ({', '.join(SUFFIXES)}); name another folder or archive")
    filed = read_folders([picture.folder for picture in pictures], [picture.source for picture in pictures])
    pictures = [pictures[place] for place in filed.order]
    with _strict_pillow() as pillow, ThreadPoolExecutor(os.cpu_count()) as pool:
        shape = (size, size)
        if not (size and channels):
            *own, most_channels = kept or _survey(pillow, pictures, size)
            shape, channels = (shape if size else (own[0], own[1])), channels or most_channels
        check_memory((len(pictures), *shape, channels), source)
        images = np.empty((len(pictures), *shape, channels), np.uint8)

        def fill(start: int) -> None:
            for index, picture in enumerate(pictures[start : start + _TASK], start):
                images[index] = _decode(pillow, picture.read(), picture.source, shape, channels)

        for _ in pool.map(fill, range(0, len(pictures), _TASK)):
            pass
    return Decoded(images, filed.labels, test=filed.test, classes=filed.classes)


def _survey(pillow: ModuleType, pictures: Sequence[EncodedPicture], size: int) -> tuple[int, int, int]:
    """The height and width of the first picture, and 3 channels where any is in colour, from the headers.

    Raises:
        UserError: the pictures differ in height or width, and `size` is 0.
    """

    def measure(picture: EncodedPicture) -> tuple[int, int, int]:
        with _opened(pillow, picture.read(), picture.source) as image:
            return *_upright_sides(image), 1 if image.mode in _GREY_MODES or image.mode.startswith(
                "I;"
            ) else 3

    measured = [measure(picture) for picture in pictures]
    first = measured[0]
    for picture, (height, width, _) in zip(pictures, measured, strict=True):
        if not size and (height, width) != first[:2]:
            raise UserError(
                f"{picture.source}: is {width}x{height} pixels, but {pictures[0].source} is "
                f"{first[1]}x{first[0]}; give them one size, as by --data.size 64"
            )
    return first[0], first[1], max(channels for _, _, channels in measured)


def _decode(
    pillow: ModuleType, content: bytes, source: str, shape: tuple[int, int], channels: int
) -> np.ndarray:
    """One picture: upright, on white where it is transparent, cropped, resized; uint8 [h, w, c]."""
    height, width = shape
    with _opened(pillow, content, source) as image:
        # A JPEG is decoded at an eighth, a quarter or half of its size where that is still ample.
        image.draft(None, (2 * max(shape), 2 * max(shape)))
        upright = _eight_bits(pillow, image, source)
        if image.getexif().get(_ORIENTATION, 1) != 1:
            upright = pillow.ImageOps.exif_transpose(upright)
        if upright.has_transparency_data:
            upright = upright.convert("RGBA")
            paper = pillow.Image.new("RGBA", upright.size, "white")
            upright = pillow.Image.alpha_composite(paper, upright)
        upright = upright.convert("L" if channels == 1 else "RGB")
        if upright.size != (width, height):
            box = _centre(upright.width, upright.height, width / height)
            upright = upright.resize((width, height), pillow.Image.Resampling.BILINEAR, box)
        return np.asarray(upright, np.uint8).reshape(height, width, channels)


def _centre(width: int, height: int, proportion: float) -> tuple[int, int, int, int]:
    """The largest box about the centre whose width is `proportion` of its height."""
    w, h = min(width, round(height * proportion)) or 1, min(height, round(width / proportion)) or 1
    left, top = (width - w) // 2, (height - h) // 2
    return left, top, left + w, top + h


def _eight_bits(pillow: ModuleType, image: Any, source: str) -> Any:
    """Grey values of 16 bits brought to 8; other pictures as they are."""
    if image.mode == "F":
        raise UserError(f"{source}: holds grey values of 32 bits; save it with 8 bits a channel")
    if not image.mode.startswith("I"):
        return image
    values = np.asarray(image).astype(np.int64)
    if np.min(values) < 0 or np.max(values) > 65535:
        raise UserError(f"{source}: holds grey values beyond 16 bits; save it with 8 bits a channel")
    return pillow.Image.fromarray((values // 257).astype(np.uint8))


@contextmanager
def _opened(pillow: ModuleType, content: bytes, source: str) -> Iterator[Any]:
    """The picture in some bytes; whatever goes wrong with it is told by its file's name."""
    try:
        with pillow.Image.open(io.BytesIO(content)) as image:
            if image.width * image.height > MOST_PIXELS:
                raise UserError(
                    f"{source}: {image.width}x{image.height} pixels are more than {MOST_PIXELS:,}; shrink it"
                )
            yield image
    except UserError:
        raise
    except pillow.UnidentifiedImageError:
        raise UserError(f"{source}: not a picture; remove it or give a picture") from None
    except (pillow.Image.DecompressionBombWarning, pillow.Image.DecompressionBombError):
        raise UserError(f"{source}: has more than {MOST_PIXELS:,} pixels; shrink it") from None
    except Exception as error:
        # Pillow's decoders let a damaged file end in anything from SyntaxError to IndexError.
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(f"{source}: a damaged picture ({reason}); remove or replace it") from None


@contextmanager
def _strict_pillow() -> Iterator[ModuleType]:
    """Pillow, whose warning of a decompression bomb is an error and whose others are silent."""
    try:
        import PIL
        import PIL.Image
        import PIL.ImageOps
    except ImportError:
        raise UserError('picture files need Pillow; install it by `pip install "rgnn-jax[images]"`') from None
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="PIL")
        warnings.simplefilter("error", PIL.Image.DecompressionBombWarning)
        yield PIL


def is_picture_name(name: str) -> bool:
    """Whether a file of this name, as it lies in a folder or an archive, is one of the pictures."""
    parts = PurePosixPath(name).parts
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in parts)
    return bool(parts) and not hidden and PurePosixPath(name).suffix.lower() in SUFFIXES


def _read_file(path: Path) -> bytes:
    try:
        check_length(path.stat().st_size, str(path))
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None


def check_length(length: int, source: str) -> None:
    """Raises UserError where a file is longer than any picture."""
    if length > MOST_FILE_BYTES:
        raise UserError(f"{source}: {length:,} bytes are no picture; remove it")
