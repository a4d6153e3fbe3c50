"""Public files that a command fetches by name, verified against a known digest."""

import hashlib
import http.client
import itertools
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from rgnn_jax.errors import UserError, WorkFailed

_BLOCK = 2**20


@dataclass(frozen=True)
class Source:
    """A file on the web: where it is, what it must hash to, and what it is called here."""

    url: str
    sha256: str
    filename: str


TINYSHAKESPEARE = Source(
    "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
    "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
    "tinyshakespeare.txt",
)


def download(source: Source, directory: Path, *, timeout: float = 10.0) -> Path:
    """Fetches a file once; a file that is there already is only checked.

    Args:
        source: which file.
        directory: where it goes.
        timeout: seconds without an answer after which there is no network.

    Raises:
        UserError: where there is no network, or the content is not the expected one.
        WorkFailed: where the file cannot be written.
    """
    path = directory / source.filename
    if path.exists():
        _check(path, source, str(path))
        return path
    temporary = path.with_suffix(".part")
    try:
        with urllib.request.urlopen(source.url, timeout=timeout) as response:
            _save(response, temporary)
    except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
        reason = getattr(error, "reason", error)
        raise UserError(
            f"{source.filename}: {source.url} cannot be reached ({reason}); "
            f"fetch it elsewhere and put it at {path}"
        ) from None
    try:
        _check(temporary, source, source.url)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def _save(response: IO[bytes], path: Path) -> None:
    """Writes an answer block by block.

    Raises:
        WorkFailed: it cannot be written, for instance because the disk is full.
    """
    blocks = iter(lambda: response.read(_BLOCK), b"")
    first = next(blocks, b"")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("wb")
    except OSError as error:
        raise WorkFailed(f"{path}: cannot be written ({error.strerror}); give another folder") from None
    with file:
        for block in itertools.chain([first], blocks):
            try:
                file.write(block)
            except OSError as error:
                raise WorkFailed(f"{path}: cannot be written ({error.strerror}); make room") from None


def _check(path: Path, source: Source, where: str) -> None:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != source.sha256:
        raise UserError(
            f"{where}: not the expected {source.filename} (its SHA-256 begins {digest[:12]}, "
            f"not {source.sha256[:12]}); remove the file and fetch it again"
        )
