"""Pictures in NumPy's files: .npy, and .npz with labels or factors beside them."""

import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rgnn_jax.datasets.image_cache import Decoded, check_memory, number_labels
from rgnn_jax.datasets.image_resize import fit_pictures
from rgnn_jax.errors import UserError

IMAGE_KEYS = ("images", "imgs", "x_train", "x", "data")
LABEL_KEYS = ("labels", "target", "y_train", "y")
TEST_KEYS = ("x_test", "y_test")
SPRITE_FACTORS = ("colour", "shape", "scale", "orientation", "x", "y")
SPRITE_SHAPES = ("square", "ellipse", "heart")
_BLOCK_BYTES = 2**23
_DAMAGE = (zipfile.BadZipFile, zlib.error, ValueError, EOFError, OSError, RuntimeError, NotImplementedError)


@dataclass(frozen=True)
class _Stored:
    """An array in a file: its type is known before any of it is read, and it is read in blocks of rows."""

    source: str
    shape: tuple[int, ...]
    dtype: np.dtype
    blocks: Callable[[], Iterator[np.ndarray]]

    def whole(self) -> np.ndarray:
        check_memory((*self.shape, self.dtype.itemsize), self.source)
        return np.concatenate([np.empty((0, *self.shape[1:]), self.dtype), *self.blocks()])


def decode_arrays(path: Path, size: int, channels: int) -> Decoded:
    """The pictures of a .npy or .npz file.

    Pictures are uint8, bool, whole numbers of 0 to 255, or floats of 0 to 1, in the shape [n, h, w],
    [n, h, w, c] or [n, c, h, w]; whole numbers of which none exceeds 1 are black and white. In a .npz they
    are called `images`, `imgs` or `x_train` (then `x_test` is the test split), labels `labels`, `target` or
    `y_train`, and factors `latents_values` or `latents_classes`, as in dSprites.

    Raises:
        UserError: the file is damaged, pickled or too large, or holds no such pictures.
    """
    stored = _open_npy(path) if path.suffix.lower() == ".npy" else _open_npz(path)
    name = next((key for key in IMAGE_KEYS if key in stored), None)
    if name is None:
        raise UserError(
            f"{path}: has the arrays {', '.join(sorted(stored)) or 'none'}, but none of "
            f"{', '.join(IMAGE_KEYS)}; save the pictures as `images`"
        )
    parts = [stored[name]]
    if name == "x_train" and "x_test" in stored:
        parts.append(stored["x_test"])
    images = [_pictures(part, size, channels) for part in parts]
    if len({array.shape[1:] for array in images}) > 1:
        raise UserError(
            f"{parts[1].source}: its pictures are not of the shape of those in {name}; save both alike"
        )
    test = len(images[1]) if len(images) > 1 else 0
    labels, classes = _labels(stored, [len(array) for array in images])
    factors, factor_names = _factors(stored, len(images[0]))
    if labels is None and factors is not None and "latents_classes" in stored:
        shapes = _rows(stored["latents_classes"], len(images[0]))
        if shapes.shape[1] == len(SPRITE_FACTORS) and shapes[:, 1].max() < len(SPRITE_SHAPES):
            labels, classes = shapes[:, 1].astype(np.int32), SPRITE_SHAPES
    together = images[0] if len(images) == 1 else np.concatenate(images)
    return Decoded(together, labels, factors, test, classes, factor_names)


def _open_npy(path: Path) -> dict[str, _Stored]:
    with _named(str(path)):
        # Mapped, so that a false header cannot ask for terabytes.
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    if not isinstance(array, np.ndarray):
        raise UserError(f"{path}: is an archive; call it .npz")

    def blocks() -> Iterator[np.ndarray]:
        rows = _rows_in_block(array.shape, array.dtype)
        return (array[start : start + rows] for start in range(0, len(array), rows))

    return {"images": _Stored(str(path), array.shape, array.dtype, blocks)}


def _open_npz(path: Path) -> dict[str, _Stored]:
    wanted = {*IMAGE_KEYS, *LABEL_KEYS, *TEST_KEYS, "latents_values", "latents_classes"}
    with _named(str(path)), zipfile.ZipFile(path) as archive:
        infos = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
    unread = {name: _Stored(f"{path}/{name}", (), np.dtype(bool), lambda: iter(())) for name in infos}
    return {**unread, **{name: _open_member(path, infos[name]) for name in infos.keys() & wanted}}


def _open_member(path: Path, info: zipfile.ZipInfo) -> _Stored:
    """An array of an archive, whose header is checked against the archive's own list of lengths."""
    source = f"{path}/{info.filename.removesuffix('.npy')}"
    with _named(source), zipfile.ZipFile(path) as archive, archive.open(info) as file:
        read = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }.get(np.lib.format.read_magic(file))
        if read is None:
            raise ValueError("of an unknown version")
        shape, by_columns, dtype = read(file)
        start = file.tell()
    if dtype.hasobject:
        raise UserError(
            f"{source}: holds pickled Python objects, which are never loaded; save an array of uint8"
        )
    promised = start + dtype.itemsize * int(np.prod(shape, dtype=object))
    if promised != info.file_size:
        raise UserError(
            f"{source}: its header promises {promised:,} bytes, the archive holds {info.file_size:,}; "
            "save it again"
        )
    if by_columns and len(shape) > 1:
        raise UserError(f"{source}: is stored by columns; save np.ascontiguousarray of it")

    def blocks() -> Iterator[np.ndarray]:
        rows = _rows_in_block(shape, dtype)
        row_bytes = dtype.itemsize * int(np.prod(shape[1:], dtype=np.int64))
        with _named(source), zipfile.ZipFile(path) as archive, archive.open(info) as file:
            file.read(start)
            for first in range(0, shape[0] if shape else 0, rows):
                count = min(rows, shape[0] - first)
                yield np.frombuffer(file.read(count * row_bytes), dtype).reshape(count, *shape[1:])

    return _Stored(source, shape, dtype, blocks)


def _rows_in_block(shape: tuple[int, ...], dtype: np.dtype) -> int:
    return max(1, _BLOCK_BYTES // max(1, dtype.itemsize * int(np.prod(shape[1:], dtype=object))))


def _pictures(stored: _Stored, size: int, channels: int) -> np.ndarray:
    """Pictures brought to uint8 [n, h, w, c] and to the wanted size, block by block."""
    shape = stored.shape
    swapped = len(shape) == 4 and shape[3] not in (1, 3) and shape[1] in (1, 3)
    height, width, deep = (shape[2], shape[3], shape[1]) if swapped else (*shape[1:], 1, 1, 1)[:3]
    if len(shape) not in (3, 4) or not all(shape) or deep not in (1, 3):
        raise UserError(f"{stored.source}: has shape {shape}, not [n, h, w] or [n, h, w, 1 or 3]")
    final = (shape[0], size or height, size or width, channels or deep)
    check_memory(final, stored.source)
    scale = _scale(stored)
    images = np.empty(final, np.uint8)
    start = 0
    for block in stored.blocks():
        picture = (
            np.rint(block * np.float32(scale)).astype(np.uint8) if scale != 1 else block.astype(np.uint8)
        )
        picture = (
            picture.transpose(0, 2, 3, 1) if swapped else picture.reshape(len(block), height, width, deep)
        )
        images[start : start + len(block)] = fit_pictures(picture, size, channels)
        start += len(block)
    return images


def _scale(stored: _Stored) -> float:
    """What brings the values to 0 to 255; a look at all of them refuses what are no pixels."""
    if stored.dtype.kind not in "buif":
        raise UserError(f"{stored.source}: holds {stored.dtype}, not numbers; save an array of uint8")
    least, most = np.inf, -np.inf
    for block in stored.blocks():
        least, most = min(least, float(block.min())), max(most, float(block.max()))
        # NaN compares false, so only a fulfilled comparison lets a block pass.
        if stored.dtype.kind == "f" and not np.isfinite(block).all():
            raise UserError(
                f"{stored.source}: holds NaN or infinity; pictures are floats of 0 to 1, or uint8"
            )
    limit = 1 if stored.dtype.kind in "fb" else 255
    if not 0 <= least <= most <= limit:
        kind = "floats of 0 to 1" if limit == 1 else "whole numbers of 0 to 255"
        raise UserError(f"{stored.source}: holds values from {least:g} to {most:g}, not {kind}; rescale them")
    return 255.0 if most <= 1 else 1.0


def _labels(stored: dict[str, _Stored], lengths: list[int]) -> tuple[np.ndarray | None, tuple[str, ...]]:
    name = next((key for key in LABEL_KEYS if key in stored), None)
    if name is None:
        return None, ()
    parts = [stored[name]]
    if len(lengths) == 2:
        if "y_test" not in stored:
            return None, ()
        parts.append(stored["y_test"])
    for part, length in zip(parts, lengths, strict=True):
        if part.shape not in ((length,), (length, 1)) or part.dtype.kind not in "buiUS":
            raise UserError(
                f"{part.source}: has shape {part.shape} of {part.dtype}, not one number or name for each of "
                f"{length} pictures"
            )
    values = np.concatenate([part.whole().ravel() for part in parts])
    if values.dtype.kind == "S":
        values = np.char.decode(values, "utf-8", "replace")
    if values.dtype.kind == "U":
        return number_labels(values.tolist())
    return _numbered(values)


def _numbered(values: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """Labels 0 to k - 1 as they are; other whole numbers become names, in their order."""
    present, labels = np.unique(values, return_inverse=True)
    if len(present) == int(present[-1]) + 1 and present[0] == 0:
        return values.astype(np.int32), tuple(map(str, present))
    return labels.astype(np.int32), tuple(map(str, present))


def _factors(stored: dict[str, _Stored], length: int) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """The known causes that vary at all."""
    name = next((key for key in ("latents_values", "latents_classes") if key in stored), None)
    if name is None:
        return None, ()
    values = _rows(stored[name], length)
    count = values.shape[1]
    names = SPRITE_FACTORS if count == len(SPRITE_FACTORS) else tuple(f"factor_{i}" for i in range(count))
    varies = [i for i in range(count) if values[:, i].min() < values[:, i].max()]
    return values[:, varies].astype(np.float32), tuple(names[i] for i in varies)


def _rows(stored: _Stored, length: int) -> np.ndarray:
    if len(stored.shape) != 2 or stored.shape[0] != length or stored.dtype.kind not in "buif":
        raise UserError(f"{stored.source}: has shape {stored.shape}, not one row of numbers for each picture")
    values = stored.whole()
    if not np.isfinite(values).all():
        raise UserError(f"{stored.source}: holds NaN or infinity; save it again")
    return values


@contextmanager
def _named(source: str) -> Iterator[None]:
    """Tells what is wrong with a file by its name."""
    try:
        yield
    except UserError:
        raise
    except _DAMAGE as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        if any(word in reason for word in ("allow_pickle", "pickled", "Python objects")):
            reason = "holds pickled Python objects, which are never loaded; save an array of uint8"
            raise UserError(f"{source}: {reason}") from None
        raise UserError(f"{source}: a damaged NumPy file ({reason}); save it again") from None
