"""The characters of a text, and the integers that stand for them."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import msgspec
import numpy as np

from rgnn_jax.errors import UserError
from rgnn_jax.fields import Section

CODE_POINTS = 0x110000
SHOWN = 8
RENUMBERED = 2**20


@dataclass(frozen=True)
class Vocabulary:
    """A sorted set of characters; a character's code is its place among them.

    Args:
        symbols: the characters, each once, in the order of their code points.

    Raises:
        UserError: no symbols, symbols out of order, or symbols that repeat.
    """

    FILE: ClassVar[str] = "vocabulary.json"

    symbols: str

    def __post_init__(self) -> None:
        if not self.symbols or list(self.symbols) != sorted(set(self.symbols)):
            raise UserError("the symbols of a vocabulary must be sorted, each once, and at least one")

    @classmethod
    def of(cls, text: str) -> "Vocabulary":
        """The vocabulary of every character in `text`."""
        return cls("".join(sorted(set(text))))

    def __len__(self) -> int:
        return len(self.symbols)

    @property
    def dtype(self) -> np.dtype:
        """The smallest type that holds every code: uint8, uint16, or int32."""
        return code_dtype(len(self))

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the symbols in UTF-8, in hexadecimal."""
        return hashlib.sha256(self.symbols.encode()).hexdigest()

    @cached_property
    def _points(self) -> np.ndarray:
        return code_points(self.symbols)

    @cached_property
    def _table(self) -> np.ndarray:
        """The code of each code point; the last entry stands for all code points above the last symbol."""
        table = np.full(int(self._points[-1]) + 2, -1, np.int32)
        table[self._points] = np.arange(len(self), dtype=np.int32)
        return table

    def encode(self, text: str) -> np.ndarray:
        """The codes of `text`, one a character.

        Raises:
            UserError: `text` holds characters that the vocabulary lacks.
        """
        points = code_points(text)
        codes = self._table.take(points, mode="clip")
        absent = codes < 0
        if absent.any():
            raise absent_characters(_characters(np.unique(points[absent])), int(np.argmax(absent)))
        return codes.astype(self.dtype)

    def decode(self, codes: np.ndarray | Sequence[int]) -> str:
        """The text that `codes` stand for.

        Raises:
            ValueError: a code lies outside the vocabulary.
        """
        codes = np.asarray(codes, dtype=np.int64)
        if codes.size and not 0 <= codes.min() <= codes.max() < len(self):
            raise ValueError(f"codes must lie in [0, {len(self)}), not [{codes.min()}, {codes.max()}]")
        return _characters(self._points[codes])

    def to_json(self) -> str:
        """The symbols and their digest as one JSON object."""
        return msgspec.json.encode(_VocabularyFile(symbols=self.symbols, digest=self.digest)).decode()

    @classmethod
    def from_json(cls, document: str | bytes, source: str | Path) -> "Vocabulary":
        """The vocabulary that `to_json` wrote.

        Args:
            document: the content of the file.
            source: the file's name, for messages.

        Raises:
            UserError: the document is no vocabulary, or its digest does not match its symbols.
        """
        cure = "restore the file from a copy, or train the model again"
        try:
            saved = msgspec.json.decode(document, type=_VocabularyFile)
            vocabulary = cls(saved.symbols)
        except (ValueError, msgspec.MsgspecError) as error:
            raise UserError(f"{source}: not a vocabulary ({error}); {cure}") from error
        if vocabulary.digest != saved.digest:
            raise UserError(f"{source}: the digest does not match the symbols, the file was damaged; {cure}")
        return vocabulary


class VocabularyBuilder:
    """Encodes a text that comes in pieces and whose vocabulary is known only after the last of them.

    Codes are handed out in the order of appearance and renumbered at the end, so the text is read once and
    never held as a string.
    """

    def __init__(self) -> None:
        self._table = np.full(CODE_POINTS, -1, np.int32)
        self._first_positions: dict[str, int] = {}
        self._codes = np.empty(0, np.uint8)
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def append(self, text: str) -> None:
        """Adds the next piece of the text."""
        points = code_points(text)
        codes = self._table[points]
        unseen = np.flatnonzero(codes < 0)
        if unseen.size:
            new, first = np.unique(points[unseen], return_index=True)
            known = len(self._first_positions)
            self._table[new] = np.arange(known, known + new.size, dtype=np.int32)
            positions = (self._length + unseen[first]).tolist()
            self._first_positions.update(zip(_characters(new), positions, strict=True))
            codes = self._table[points]
        self._codes = self._codes.astype(code_dtype(len(self._first_positions)), copy=False)
        end = self._length + codes.size
        if end > self._codes.size:
            self._codes.resize(end + end // 8, refcheck=False)
        self._codes[self._length : end] = codes
        self._length = end

    def finish(self, vocabulary: Vocabulary | None = None) -> tuple[Vocabulary, np.ndarray]:
        """The vocabulary and the codes of all pieces; the builder must not be used afterwards.

        Args:
            vocabulary: encodes the text with these symbols instead of with its own.

        Raises:
            UserError: nothing was appended, or the text holds characters that `vocabulary` lacks.
        """
        vocabulary = vocabulary or Vocabulary.of("".join(self._first_positions))
        absent = {c: at for c, at in self._first_positions.items() if c not in vocabulary.symbols}
        if absent:
            raise absent_characters("".join(sorted(absent)), min(absent.values()))
        final = vocabulary.encode("".join(self._first_positions))
        self._codes.resize(self._length, refcheck=False)
        codes = self._codes.astype(vocabulary.dtype, copy=False)
        for start in range(0, codes.size, RENUMBERED):
            block = codes[start : start + RENUMBERED]
            block[:] = final[block]
        return vocabulary, codes


class _VocabularyFile(Section, frozen=True):
    symbols: str
    digest: str


def code_dtype(symbols: int) -> np.dtype:
    """The smallest type that holds the codes of so many symbols: uint8, uint16, or int32."""
    return np.dtype(np.uint8 if symbols <= 2**8 else np.uint16 if symbols <= 2**16 else np.int32)


def code_points(text: str) -> np.ndarray:
    """The Unicode code point of each character, as uint8 where the text is ASCII and as uint32 elsewhere."""
    if text.isascii():
        return np.frombuffer(text.encode("ascii"), np.uint8)
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")


def absent_characters(characters: str, position: int) -> UserError:
    """The error for characters that a vocabulary lacks, the first of them at `position`."""
    shown = ", ".join(map(repr, characters[:SHOWN])) + (", ..." if len(characters) > SHOWN else "")
    return UserError(
        f"the vocabulary lacks {shown} (first at character {position + 1}); "
        "replace them or leave them out, or train a model on text that has them"
    )


def _characters(points: np.ndarray) -> str:
    return points.astype("<u4").tobytes().decode("utf-32-le", "surrogatepass")
