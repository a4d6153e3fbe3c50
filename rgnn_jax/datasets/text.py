"""Text as training data: normalised, encoded a character, and split in three."""

import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from rgnn_jax.datasets.one_hot import load_one_hot
from rgnn_jax.datasets.permutation import mix_bits
from rgnn_jax.datasets.text_file import (
    CHAPTER,
    CHUNK_BYTES,
    Update,
    paragraph_blocks,
    source_pieces,
    whole_words,
)
from rgnn_jax.datasets.vocabulary import Vocabulary, VocabularyBuilder
from rgnn_jax.errors import UserError
from rgnn_jax.fields import Count, Rate, Seed, Variant

Split = Literal["train", "validation", "test"]
GATHERED = 2**12
_Splits = tuple[np.ndarray, np.ndarray, np.ndarray]


class TextData(Variant, frozen=True, tag="text"):
    """A text to model character by character.

    Attributes:
        path: "chapter" for the chapter that comes with the package, else a text file in UTF-8 or a folder of
            one-hot samples as `rgnn data prepare` writes it.
        split: "paragraph" deals whole paragraphs (lines of more than one character) to the splits, repeated
            ones to the same split; "position" takes the text as it is and cuts it in train, validation, test.
        lower: whether to turn capitals into small letters.
        window: how many characters a training example predicts.
        validation_fraction: the share of the characters kept for validation, may be 0.
        test_fraction: the share kept for the test, may be 0.
        split_seed: which paragraphs are dealt to which split.
    """

    path: str = CHAPTER
    split: Literal["paragraph", "position"] = "paragraph"
    lower: bool = True
    window: Count = 128
    validation_fraction: Rate = 0.05
    test_fraction: Rate = 0.1
    split_seed: Seed = 0

    def __post_init__(self) -> None:
        if self.validation_fraction + self.test_fraction >= 1:
            raise UserError("data.validation_fraction and data.test_fraction must leave text to train on")

    def normalise(self, text: str) -> str:
        """`text`, such as a prompt, in the letters that the model reads."""
        return text.lower() if self.lower else text


@dataclass(frozen=True)
class Text:
    """An encoded text.

    Attributes:
        vocabulary: the characters of all splits.
        train: codes of the training split; paragraphs are joined by line feeds.
        validation: codes of the validation split, empty where its fraction is 0.
        test: codes of the test split, empty where its fraction is 0.
        digest: SHA-256 of the source's bytes, in hexadecimal (of a one-hot folder, of its text).
    """

    vocabulary: Vocabulary
    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray
    digest: str

    @property
    def train_characters(self) -> int:
        """Characters in the training split."""
        return len(self.train)

    def paragraphs(self, split: Split) -> list[str]:
        """The lines of a split that hold more than one character, stripped."""
        text = self.vocabulary.decode(getattr(self, split))
        return [stripped for line in text.split("\n") if len(stripped := line.strip()) > 1]


def load_text(
    config: TextData, vocabulary: Vocabulary | None = None, *, chunk_bytes: int = CHUNK_BYTES
) -> Text:
    """Reads, encodes and splits the text that `config` names, without ever holding it as a string.

    Args:
        config: which text, and how it is split.
        vocabulary: encodes with these symbols, those of a trained model, instead of with the text's own.
        chunk_bytes: how much of a file is read at a time.

    Raises:
        UserError: the source cannot be read as text, lacks what the splits and the window need, or holds
            characters that `vocabulary` lacks.
    """
    digest = hashlib.sha256()
    pieces = map(config.normalise, whole_words(_source(config.path, digest.update, chunk_bytes)))
    load = _load_paragraphs if config.split == "paragraph" else _load_positions
    vocabulary, splits = load(pieces, config, vocabulary)
    text = Text(vocabulary, *splits, digest.hexdigest())
    _check(text, config)
    return text


def _source(path: str, update: Update, chunk_bytes: int) -> Iterator[str]:
    if path == CHAPTER or not Path(path).is_dir():
        return source_pieces(path, update, chunk_bytes)
    text = "\n".join(load_one_hot(Path(path)))
    update(text.encode())
    return iter([text])


def _load_positions(
    pieces: Iterator[str], config: TextData, vocabulary: Vocabulary | None
) -> tuple[Vocabulary, _Splits]:
    builder = VocabularyBuilder()
    for piece in pieces:
        builder.append(piece)
    if not len(builder):
        raise UserError(f"{config.path}: the file is empty; give a text")
    vocabulary, codes = builder.finish(vocabulary)
    seen = int((1 - config.test_fraction) * codes.size)
    train = seen - int(config.validation_fraction * codes.size)
    return vocabulary, (codes[:train], codes[train:seen], codes[seen:])


def _load_paragraphs(
    pieces: Iterator[str], config: TextData, vocabulary: Vocabulary | None
) -> tuple[Vocabulary, _Splits]:
    builder = VocabularyBuilder()
    lengths, ranks = [], []
    for paragraphs in paragraph_blocks(pieces, config.path):
        lines = [paragraph + "\n" for paragraph in paragraphs]
        builder.append("".join(lines))
        lengths.append(np.fromiter(map(len, lines), np.int32, len(lines)))
        ranks.append(deal_ranks(paragraphs, config.split_seed))
    if not len(builder):
        raise UserError(f"{config.path}: there is no line of more than one character; give a text")
    vocabulary, codes = builder.finish(vocabulary)
    length = np.concatenate(lengths)
    test, validation = deal(length, np.concatenate(ranks), (config.test_fraction, config.validation_fraction))
    train, validation, test = (
        gather(codes, length, hand) for hand in (~(test | validation), validation, test)
    )
    return vocabulary, (train[:-1], validation[:-1], test[:-1])


def deal_ranks(paragraphs: list[str], seed: int) -> np.ndarray:
    """A pseudo-random uint32 a paragraph, made of nothing but its text and the seed.

    It is the text's CRC-32, offset by the seed and mixed by the last steps of MurmurHash3.
    """
    sums = np.fromiter((zlib.crc32(p.encode()) for p in paragraphs), np.uint32, len(paragraphs))
    return np.asarray(mix_bits(sums + np.uint32(seed)))


def deal(lengths: np.ndarray, ranks: np.ndarray, fractions: tuple[float, ...]) -> list[np.ndarray]:
    """Deals paragraphs in the order of their ranks, to each hand until it holds its fraction of the total.

    Args:
        lengths: characters in each paragraph.
        ranks: where each paragraph lies in the deck; those of equal rank go to the same hand.
        fractions: the share of the characters that each hand is to reach.

    Returns:
        A mask over the paragraphs for each hand.
    """
    order = np.argsort(ranks, kind="stable")
    dealt = np.cumsum(lengths[order])
    hands: list[np.ndarray] = []
    taken = np.zeros(ranks.shape, bool)
    for fraction in fractions:
        hand = np.zeros(ranks.shape, bool)
        if fraction > 0 and not taken.all():
            goal = lengths[taken].sum() + fraction * dealt[-1]
            last = order[min(np.searchsorted(dealt, goal), dealt.size - 1)]
            hand = (ranks <= ranks[last]) & ~taken
        taken |= hand
        hands.append(hand)
    return hands


def gather(codes: np.ndarray, lengths: np.ndarray, hand: np.ndarray) -> np.ndarray:
    """The codes of the paragraphs in `hand`, block by block, since a mask is as large as the text."""
    gathered = np.empty(lengths[hand].sum(), codes.dtype)
    read = written = 0
    for start in range(0, lengths.size, GATHERED):
        length = lengths[start : start + GATHERED]
        mask = np.repeat(hand[start : start + GATHERED], length)
        block = codes[read : read + mask.size][mask]
        gathered[written : written + block.size] = block
        read, written = read + mask.size, written + block.size
    return gathered


def _check(text: Text, config: TextData) -> None:
    if len(text.vocabulary) < 2:
        raise UserError(f"{config.path}: all characters are alike; give a text of two or more")
    fractions = {"validation": config.validation_fraction, "test": config.test_fraction, "train": 1}
    for split, fraction in fractions.items():
        if fraction and not len(getattr(text, split)):
            raise UserError(
                f"{config.path}: the {split} split is empty; give a text of more different paragraphs, or "
                'change data.validation_fraction, data.test_fraction or data.split ("position" cuts anywhere)'
            )
    if text.train_characters <= config.window:
        raise UserError(
            f"{config.path}: the training split has {text.train_characters} characters, and a window of "
            f"{config.window} needs {config.window + 1}; give a longer text or set data.window to "
            f"{max(text.train_characters - 1, 1)} or less"
        )
