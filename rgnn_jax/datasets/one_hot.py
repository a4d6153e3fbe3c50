"""Text as one-hot samples: the folder of .npy files that the exercise trains on."""

import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from rgnn_jax.datasets.text_file import CHAPTER, paragraph_blocks, source_pieces, whole_words
from rgnn_jax.datasets.vocabulary import Vocabulary
from rgnn_jax.errors import UserError, WorkFailed

ALPHABET = "alphabet.npy"
SAMPLE = re.compile(r"sample_(\d{4,})\.npy")
_CURE = "write the folder anew with `rgnn data prepare`"


def char_to_one_hot(characters: str, alphabet: str) -> np.ndarray:
    """One-hot rows [time, alphabet] of one or more characters.

    They are uint8, a quarter of float32's size and as exact; turn them into floats when they are used.
    """
    return np.eye(len(alphabet), dtype=np.uint8)[Vocabulary(alphabet).encode(characters)]


def txt_to_numpy(paragraphs: Sequence[str]) -> tuple[np.ndarray, Iterator[np.ndarray]]:
    """The alphabet of some paragraphs, an array of single characters, and their one-hot samples in order."""
    alphabet = Vocabulary.of("".join(paragraphs)).symbols
    return np.array(list(alphabet)), (char_to_one_hot(paragraph, alphabet) for paragraph in paragraphs)


def prepare_one_hot(
    text_path: str = CHAPTER,
    out_dir: Path = Path("data/text"),
    *,
    lower: bool = True,
    overwrite: bool = False,
) -> int:
    """Writes `alphabet.npy` and one `sample_0001.npy`, ... a paragraph; all of them or nothing.

    Args:
        text_path: "chapter" for the package's own, or a text file in UTF-8; its paragraphs are its lines
            of more than one character.
        out_dir: the folder to create.
        lower: whether to turn capitals into small letters.
        overwrite: whether a folder of this format may be replaced.

    Returns:
        The number of samples.

    Raises:
        UserError: the text cannot be read or has no paragraph, or `out_dir` may not be written.
        WorkFailed: writing failed, for instance because the disk is full.
    """
    pieces = whole_words(source_pieces(text_path))
    blocks = paragraph_blocks((piece.lower() if lower else piece for piece in pieces), text_path)
    paragraphs = [paragraph for block in blocks for paragraph in block]
    if not paragraphs:
        raise UserError(f"{text_path}: there is no line of more than one character; give a text")
    alphabet, samples = txt_to_numpy(paragraphs)
    with _published(out_dir, overwrite) as folder:
        np.save(folder / ALPHABET, alphabet)
        for number, sample in enumerate(samples, start=1):
            np.save(folder / f"sample_{number:04d}.npy", sample)
    return len(paragraphs)


def load_one_hot(folder: Path) -> list[str]:
    """The paragraphs of a folder that `prepare_one_hot` or the exercise's own script wrote.

    Raises:
        UserError: the folder or one of its files is not in the format; the message names it.
    """
    if not (folder / ALPHABET).is_file():
        raise UserError(
            f"{folder}: a folder without {ALPHABET} holds no one-hot samples; name a text file, or write the "
            "folder with `rgnn data prepare`"
        )
    alphabet = _load_alphabet(folder / ALPHABET)
    return ["".join(alphabet[_load_codes(path, alphabet.size)]) for path in _sample_paths(folder)]


def _load_alphabet(path: Path) -> np.ndarray:
    alphabet = _load_array(path)
    single = alphabet.ndim == 1 and alphabet.size > 0 and alphabet.dtype.kind == "U"
    if not single or (np.char.str_len(alphabet) != 1).any() or np.unique(alphabet).size < alphabet.size:
        raise UserError(f"{path}: must be a list of single characters, each once; {_CURE}")
    return alphabet


def _load_codes(path: Path, symbols: int) -> np.ndarray:
    sample = _load_array(path)
    if sample.ndim != 2 or sample.shape[1] != symbols:
        raise UserError(
            f"{path}: has shape {sample.shape}, not [time, {symbols}] as {ALPHABET} asks; {_CURE}"
        )
    if (
        sample.dtype.kind not in "buif"
        or not (((sample == 0) | (sample == 1)).all(1) & (sample.sum(1) == 1)).all()
    ):
        raise UserError(f"{path}: a row is not one-hot, a single 1 among zeros; {_CURE}")
    return sample.argmax(1)


def _sample_paths(folder: Path) -> list[Path]:
    """Samples in the order of their numbers, which start at 0 or 1."""
    numbered = {int(m[1]): path for path in folder.iterdir() if (m := SAMPLE.fullmatch(path.name))}
    if not numbered:
        raise UserError(f"{folder}: has {ALPHABET} but no sample_0001.npy; {_CURE}")
    first = 0 if 0 in numbered else 1
    for number in range(first, first + len(numbered)):
        if number not in numbered:
            raise UserError(
                f"{folder / f'sample_{number:04d}.npy'}: is missing among its neighbours; {_CURE}"
            )
    return [numbered[number] for number in sorted(numbered)]


def _load_array(path: Path) -> np.ndarray:
    """The array in a .npy file; mapped first, so that a false header cannot ask for terabytes."""
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"{path}: is cut off, pickled or no .npy file ({reason}); {_CURE}") from error
    if not isinstance(array, np.ndarray):
        raise UserError(f"{path}: is an archive, not a .npy file; {_CURE}")
    return np.array(array)


@contextmanager
def _published(out_dir: Path, overwrite: bool) -> Iterator[Path]:
    """A folder beside `out_dir` that takes its place when the block ends well, and is removed when not."""
    _check_replaceable(out_dir, overwrite)
    partial = out_dir.with_name(f".{out_dir.name}.{os.getpid()}.partial")
    replaced = out_dir.with_name(f".{out_dir.name}.{os.getpid()}.replaced")
    try:
        partial.mkdir(parents=True)
        yield partial
        if out_dir.exists():
            out_dir.rename(replaced)
        partial.rename(out_dir)
    except OSError as error:
        raise WorkFailed(f"{out_dir}: could not be written ({error}); nothing was changed") from error
    finally:
        if replaced.exists() and not out_dir.exists():
            replaced.rename(out_dir)
        shutil.rmtree(partial, ignore_errors=True)
        shutil.rmtree(replaced, ignore_errors=True)


def _check_replaceable(out_dir: Path, overwrite: bool) -> None:
    if not out_dir.exists():
        return
    if not out_dir.is_dir():
        raise UserError(f"{out_dir}: is a file; name a folder that does not exist")
    names = {entry.name for entry in out_dir.iterdir()}
    foreign = sorted(name for name in names if name != ALPHABET and not SAMPLE.fullmatch(name))
    if foreign:
        raise UserError(f"{out_dir}: holds other files ({foreign[0]}); name a folder that does not exist")
    if names and not overwrite:
        raise UserError(f"{out_dir}: is not empty; name another folder, or overwrite it with --overwrite")
