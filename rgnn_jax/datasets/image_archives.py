"""Pictures in zip and tar archives."""

import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path, PurePosixPath

from rgnn_jax.datasets.image_cache import Decoded
from rgnn_jax.datasets.image_files import EncodedPicture, check_length, decode_pictures, is_picture_name
from rgnn_jax.errors import UserError


def decode_archive(path: Path, size: int, channels: int) -> Decoded:
    """All pictures in a zip or tar archive, of which nothing is unpacked to disk.

    Raises:
        UserError: as `decode_folder`, or the archive is damaged.
    """
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                infos = sorted(archive.infolist(), key=lambda info: info.filename)
                members = {info.filename: partial(_read_member, archive, info, path) for info in infos}
                return _decode_members(members, path, size, channels)
        if tarfile.is_tarfile(path):
            return _decode_members(dict(sorted(_tar_members(path))), path, size, channels)
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise UserError(f"{path}: a damaged archive ({error}); copy it again") from None
    raise UserError(f"{path}: neither a zip nor a tar archive; name an archive or a folder of pictures")


def _decode_members(
    members: Mapping[str, Callable[[], bytes]], path: Path, size: int, channels: int
) -> Decoded:
    pictures = [
        EncodedPicture(f"{path}/{name}", PurePosixPath(name).parent.as_posix(), read)
        for name, read in members.items()
        if is_picture_name(name)
    ]
    return decode_pictures(pictures, str(path), size, channels)


def _read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> bytes:
    source = f"{path}/{info.filename}"
    check_length(info.file_size, source)
    try:
        return archive.read(info)
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError, zlib.error) as error:
        raise UserError(f"{source}: cannot be read from the archive ({error}); make it anew") from None


def _tar_members(path: Path) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """The pictures of a tar archive, whose bytes are kept because it can only be read from its start."""
    with tarfile.open(path) as archive:
        for info in archive:
            if info.isfile() and is_picture_name(info.name):
                check_length(info.size, f"{path}/{info.name}")
                file = archive.extractfile(info)
                content = file.read() if file else b""
                yield info.name, partial(bytes, content)
