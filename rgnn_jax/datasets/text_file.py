"""Reading a text file of any size in pieces."""

import codecs
import difflib
import io
from collections.abc import Callable, Iterable, Iterator
from importlib.resources import as_file, files
from pathlib import Path
from typing import BinaryIO

from rgnn_jax.errors import UserError

CHAPTER = "chapter"
CHUNK_BYTES = 2**20
LONGEST_LINE = 2**24


Update = Callable[[bytes], object]


def source_pieces(path: str, update: Update | None = None, chunk_bytes: int = CHUNK_BYTES) -> Iterator[str]:
    """Yields the text of a file, or of the package's chapter where `path` is "chapter"; see `read_pieces`."""
    if path == CHAPTER:
        with as_file(files("rgnn_jax.datasets") / "chapter.txt") as chapter:
            yield from read_pieces(chapter, update, chunk_bytes)
    else:
        yield from read_pieces(Path(path), update, chunk_bytes)


def read_pieces(path: Path, update: Update | None = None, chunk_bytes: int = CHUNK_BYTES) -> Iterator[str]:
    """Yields the text of a UTF-8 file, with or without a byte order mark, every line ended by a line feed.

    Args:
        path: the file.
        update: is called with the bytes of the file as they are, such as the `update` of a digest.
        chunk_bytes: how much is read at a time.

    Raises:
        UserError: the file is missing, unreadable, binary, or not UTF-8.
    """
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder("utf-8-sig")(), translate=True)
    offset = 0
    with _open(path) as file:
        more = True
        while more:
            chunk = file.read(chunk_bytes)
            more = bool(chunk)
            if update is not None:
                update(chunk)
            offset += len(chunk)
            if 0 in chunk:
                zero = offset - len(chunk) + chunk.index(0)
                raise UserError(f"{path}: byte {zero} is zero, so this is no text; give a text in UTF-8")
            try:
                yield decoder.decode(chunk, final=not more)
            except UnicodeDecodeError as error:
                bad, at = error.object[error.start], offset - len(error.object) + error.start
                raise UserError(
                    f"{path}: byte {at} (0x{bad:02x}) is not UTF-8; save the file as UTF-8"
                ) from error


def read_text(path: Path) -> str:
    """The whole of a short text file, such as a prompt, in its own letters.

    Raises:
        UserError: the file cannot be read as text.
    """
    return "".join(read_pieces(path))


def whole_words(pieces: Iterable[str]) -> Iterator[str]:
    """The same text cut after white space, so that a rule that looks at whole words sees them.

    Lower-casing is such a rule: a capital sigma ends a word in another letter than it stands for inside.
    A piece without white space stays as it is.
    """
    held = ""
    for piece in pieces:
        text = held + piece
        cut = 1 + max(text.rfind(" "), text.rfind("\n")) or len(text)
        held = text[cut:]
        yield text[:cut]
    yield held


def paragraph_blocks(pieces: Iterable[str], source: str) -> Iterator[list[str]]:
    """The paragraphs of a text, piece by piece: its lines, stripped, of more than one character.

    Raises:
        UserError: a line has more than `LONGEST_LINE` characters.
    """
    held = ""
    for piece in pieces:
        *lines, held = (held + piece).split("\n")
        if len(held) > LONGEST_LINE:
            raise UserError(
                f"{source}: a line has more than {LONGEST_LINE} characters, so paragraphs cannot be told "
                'apart; set data.split to "position"'
            )
        yield [stripped for line in lines if len(stripped := line.strip()) > 1]
    yield [stripped] if len(stripped := held.strip()) > 1 else []


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except FileNotFoundError as error:
        raise UserError(f"{path}: there is no such file{_suggestion(path)}") from error
    except PermissionError as error:
        raise UserError(f"{path}: you may not read it; change its permissions") from error
    except (OSError, ValueError) as error:
        raise UserError(f"{str(path)!r} cannot be opened ({error}); give the path of a text file") from error


def _suggestion(path: Path) -> str:
    if not path.parent.is_dir():
        return f", nor a folder {path.parent}; check the path"
    embedded = [CHAPTER] if path.parent == Path() else []
    names = [*embedded, *sorted(entry.name for entry in path.parent.iterdir())]
    close = difflib.get_close_matches(path.name, names, n=3)
    return (
        f"; did you mean {' or '.join(close)}?" if close else f" in the folder {path.parent}; check the name"
    )
