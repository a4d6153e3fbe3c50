"""Public texts that a command fetches by name, verified against a known digest."""

import hashlib
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from rgnn_jax.errors import UserError


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
    """
    path = directory / source.filename
    if path.exists():
        _check(path.read_bytes(), source, str(path))
        return path
    try:
        with urllib.request.urlopen(source.url, timeout=timeout) as response:
            content = response.read()
    except (urllib.error.URLError, OSError) as error:
        reason = getattr(error, "reason", error)
        raise UserError(
            f"{source.filename}: {source.url} cannot be reached ({reason}); "
            f"fetch it elsewhere and put it at {path}"
        ) from None
    _check(content, source, source.url)
    directory.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".part")
    temporary.write_bytes(content)
    temporary.replace(path)
    return path


def _check(content: bytes, source: Source, where: str) -> None:
    digest = hashlib.sha256(content).hexdigest()
    if digest != source.sha256:
        raise UserError(
            f"{where}: not the expected {source.filename} (its SHA-256 begins {digest[:12]}, "
            f"not {source.sha256[:12]}); remove the file and fetch it again"
        )
