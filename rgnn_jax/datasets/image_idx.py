"""idx files, the format MNIST was published in."""

import gzip
import io
import zlib
from pathlib import Path

import numpy as np

from rgnn_jax.datasets.image_cache import Decoded, check_memory
from rgnn_jax.errors import UserError

_UNSIGNED_BYTES = 8
_TRAIN, _TEST = "train", "t10k"
CLASS_NAMES_FILE = "labels.txt"
"""Beside idx files: the name of each class in a line of its own. Without it they are called 0, 1, ..."""


def idx_files(path: Path) -> list[Path]:
    """The files that belong together: pictures, labels, the test split's and names, of those that are there.

    Args:
        path: a file of pictures such as train-images-idx3-ubyte.gz, or a folder with MNIST's four.

    Returns:
        The training pictures first; nothing where `path` is something else.
    """
    if path.is_dir():
        found = [p for p in sorted(path.glob(f"{_TRAIN}-images*idx3*")) if p.suffix in (".gz", "")]
        return idx_files(found[0]) if found else []
    if not (path.is_file() and "idx" in path.name):
        return []
    related = [path, _labels_of(path)]
    if path.name.startswith(_TRAIN):
        test = path.with_name(_TEST + path.name.removeprefix(_TRAIN))
        related += [test, _labels_of(test)]
    related.append(path.with_name(CLASS_NAMES_FILE))
    return list(dict.fromkeys(p for p in related if p.is_file()))


def decode_idx(path: Path) -> Decoded:
    """The pictures [n, h, w, 1] of idx files, with the labels and the test split where they lie beside.

    Raises:
        UserError: a file is damaged, or is not what its place says.
    """
    files = idx_files(path)
    if not files:
        raise UserError(f"{path}: no idx file")
    pictures, labels = _pair(files[0], files)
    test = 0
    test_file = files[0].with_name(_TEST + files[0].name.removeprefix(_TRAIN))
    if test_file != files[0] and test_file in files:
        more, more_labels = _pair(test_file, files)
        if more.shape[1:] != pictures.shape[1:] or (labels is None) != (more_labels is None):
            raise UserError(f"{test_file}: does not fit {files[0].name} in shape or labels; get both again")
        test = len(more)
        pictures = np.concatenate([pictures, more])
        labels = None if labels is None or more_labels is None else np.concatenate([labels, more_labels])
    classes = () if labels is None else _class_names(files, 1 + int(labels.max(initial=0)))
    return Decoded(pictures[..., None], labels, test=test, classes=classes)


def _class_names(files: list[Path], count: int) -> tuple[str, ...]:
    file = next((path for path in files if path.name == CLASS_NAMES_FILE), None)
    if file is None:
        return tuple(map(str, range(count)))
    try:
        names = tuple(file.read_text(encoding="utf-8").splitlines())
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{file}: cannot be read ({error}); remove it to call classes by numbers") from None
    if len(names) < count or len(set(names)) < len(names):
        raise UserError(
            f"{file}: {len(names)} names, of which {len(set(names))} differ, for {count} classes; "
            "give one a line, or remove the file to call classes by numbers"
        )
    return names


def read_idx(path: Path, dimensions: int) -> np.ndarray:
    """The array of unsigned bytes in an idx file, which may be compressed by gzip.

    Raises:
        UserError: it is cut off, too long, of another type, or has other than so many dimensions.
    """
    try:
        with path.open("rb") as raw:
            compressed = raw.read(2) == b"\x1f\x8b"
        with gzip.open(path) if compressed else path.open("rb") as file:
            return _read(file, path, dimensions)
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path}: a damaged file ({error}); get it again") from None


def _read(file: io.BufferedIOBase, path: Path, dimensions: int) -> np.ndarray:
    magic = file.read(4)
    if magic != bytes((0, 0, _UNSIGNED_BYTES, dimensions)):
        raise UserError(
            f"{path}: begins with {magic.hex() or 'nothing'}, not with 000008{dimensions:02x} as an idx file "
            f"of {dimensions}-dimensional unsigned bytes"
        )
    header = file.read(4 * dimensions)
    shape = tuple(int.from_bytes(header[4 * i : 4 * i + 4], "big") for i in range(dimensions))
    check_memory(shape, str(path))
    size = int(np.prod(shape, dtype=np.int64))
    content = file.read(size) if size else b""
    if len(header) < 4 * dimensions or len(content) < size or file.read(1):
        raise UserError(f"{path}: holds fewer or more bytes than its header's {shape} says; get it again")
    return np.frombuffer(content, np.uint8).reshape(shape)


def _pair(path: Path, files: list[Path]) -> tuple[np.ndarray, np.ndarray | None]:
    pictures = read_idx(path, 3)
    if not pictures.size:
        raise UserError(f"{path}: holds no picture; its header says {pictures.shape}")
    beside = _labels_of(path)
    if beside == path or beside not in files:
        return pictures, None
    labels = read_idx(beside, 1).astype(np.int32)
    if len(labels) != len(pictures):
        raise UserError(f"{beside}: holds {len(labels)} labels for {len(pictures)} pictures; get both again")
    return pictures, labels


def _labels_of(path: Path) -> Path:
    return path.with_name(path.name.replace("images", "labels").replace("idx3", "idx1"))
