"""Decoded pictures, and the cache that keeps them as an array mapped from a file."""

import hashlib
import os
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from rgnn_jax.errors import UserError

MOST_BYTES = 2**34
_BLOCK = 2**22
_FORMAT = 2
_IMAGES, _LABELS, _FACTORS, _MANIFEST = "images.npy", "labels.npy", "factors.npy", "manifest.json"


@dataclass(frozen=True)
class Decoded:
    """All pictures of a source, of one size, with what is known of each.

    Attributes:
        images: uint8 [n, h, w, c].
        labels: int32 [n], or None where there are none.
        factors: float32 [n, f], the known causes of each picture, or None.
        test: how many of the last pictures are the source's own test split; 0 where it has none.
        classes: names of the labels.
        factor_names: names of the factors.
    """

    images: np.ndarray
    labels: np.ndarray | None = None
    factors: np.ndarray | None = None
    test: int = 0
    classes: tuple[str, ...] = ()
    factor_names: tuple[str, ...] = ()


class _Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    checksum: int
    test: int
    classes: tuple[str, ...]
    factor_names: tuple[str, ...]


def cache_directory() -> Path:
    """Where decoded pictures are kept, in the user's cache; it may be removed at any time."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "rgnn_jax" / "images"


def cached(parts: Sequence[object], decode: Callable[[], Decoded], directory: Path) -> Decoded:
    """What `decode` gives, from the cache where it was decoded before.

    An entry is published whole by one rename, carries a CRC-32, and is made anew where that does not match. A
    directory that cannot be written is done without.

    Args:
        parts: what the pictures depend on: the source's digest and how they are decoded.
        decode: makes the pictures.
        directory: where entries lie.

    Returns:
        The pictures, mapped read-only from the entry's file.
    """
    key = hashlib.sha256(repr((_FORMAT, *parts)).encode()).hexdigest()[:32]
    entry = directory / key
    found = _read(entry)
    if found is not None:
        return found
    decoded = decode()
    try:
        _publish(decoded, entry)
    except OSError:
        return decoded
    return _read(entry) or decoded


def _publish(decoded: Decoded, entry: Path) -> None:
    entry.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=".partial-", dir=entry.parent))
    try:
        np.save(partial / _IMAGES, decoded.images)
        for name, array in ((_LABELS, decoded.labels), (_FACTORS, decoded.factors)):
            if array is not None:
                np.save(partial / name, array)
        checksum = _checksum(partial)
        manifest = _Manifest(checksum, decoded.test, decoded.classes, decoded.factor_names)
        (partial / _MANIFEST).write_bytes(msgspec.json.encode(manifest))
        shutil.rmtree(entry, ignore_errors=True)
        partial.rename(entry)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _read(entry: Path) -> Decoded | None:
    """The entry, or None where it is missing or damaged."""
    try:
        manifest = msgspec.json.decode((entry / _MANIFEST).read_bytes(), type=_Manifest)
        if _checksum(entry) != manifest.checksum:
            return None
        images, labels, factors = (
            np.load(entry / name, mmap_mode="r", allow_pickle=False) if (entry / name).exists() else None
            for name in (_IMAGES, _LABELS, _FACTORS)
        )
    except (OSError, ValueError, msgspec.DecodeError):
        return None
    if images is None:
        return None
    return Decoded(images, labels, factors, manifest.test, manifest.classes, manifest.factor_names)


def _checksum(entry: Path) -> int:
    """CRC-32 of the entry's arrays, one after the other."""
    total = 0
    for path in sorted(entry.glob("*.npy")):
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                total = zlib.crc32(block, total)
    return total


def hash_files(paths: Iterable[Path], root: Path | None = None) -> str:
    """SHA-256 of some files' contents and, below `root`, of their names.

    Raises:
        UserError: a file cannot be read.
    """
    total = hashlib.sha256()
    for path in paths:
        try:
            with path.open("rb") as file:
                content = hashlib.file_digest(file, "sha256").digest()
        except OSError as error:
            raise UserError(f"{path}: cannot be read ({error.strerror})") from None
        total.update((path.relative_to(root).as_posix().encode() + b"\0" if root else b"") + content)
    return total.hexdigest()


def check_memory(shape: tuple[int, ...], source: str) -> None:
    """Refuses pictures that are more than is held in memory.

    Raises:
        UserError: they have more than 2**34 bytes.
    """
    needed = int(np.prod([int(n) for n in shape], dtype=object))
    if needed > MOST_BYTES:
        raise UserError(
            f"{source}: pictures of shape {shape} need {needed / 2**30:.0f} GiB, more than the "
            f"{MOST_BYTES >> 30} GiB that are read; set a smaller data.size, or give a part of them"
        )


def number_labels(names: Sequence[str]) -> tuple[np.ndarray, tuple[str, ...]]:
    """The labels' numbers, and their names in alphabetical order."""
    classes, labels = np.unique(np.asarray(names), return_inverse=True)
    return labels.astype(np.int32), tuple(str(name) for name in classes)
