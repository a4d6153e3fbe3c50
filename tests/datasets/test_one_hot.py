import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from rgnn_jax.datasets import one_hot
from rgnn_jax.datasets.one_hot import char_to_one_hot, load_one_hot, prepare_one_hot, txt_to_numpy
from rgnn_jax.errors import UserError, WorkFailed

ROOT = Path(__file__).parents[2]


@pytest.fixture
def book(tmp_path):
    path = tmp_path / "book.txt"
    path.write_text("Ab cab\n\nx\n  Back é€\U0001f600 \n")
    return str(path)


@pytest.fixture
def folder(book, tmp_path):
    prepare_one_hot(book, tmp_path / "samples")
    return tmp_path / "samples"


def test_rows_are_one_hot():
    rows = char_to_one_hot("cab", "abc")
    assert rows.dtype == np.uint8
    np.testing.assert_array_equal(rows, [[0, 0, 1], [1, 0, 0], [0, 1, 0]])


def test_the_alphabet_covers_all_paragraphs():
    alphabet, samples = txt_to_numpy(["ba", "c"])
    assert alphabet.tolist() == ["a", "b", "c"]
    np.testing.assert_array_equal(np.concatenate(list(samples)), [[0, 1, 0], [1, 0, 0], [0, 0, 1]])


def test_the_folder_gives_the_paragraphs_back(book, tmp_path):
    assert prepare_one_hot(book, tmp_path / "lower") == 2
    assert load_one_hot(tmp_path / "lower") == ["ab cab", "back é€\U0001f600"]
    assert sorted(p.name for p in (tmp_path / "lower").iterdir()) == [
        "alphabet.npy",
        "sample_0001.npy",
        "sample_0002.npy",
    ]
    prepare_one_hot(book, tmp_path / "deep" / "kept", lower=False)
    assert load_one_hot(tmp_path / "deep" / "kept") == ["Ab cab", "Back é€\U0001f600"]


@pytest.mark.parametrize("dtype", [bool, np.float32, np.float64, np.int64])
def test_other_writers_types_and_numbering_are_read(folder, dtype):
    for number in (1, 2):
        sample = np.load(folder / f"sample_{number:04d}.npy")
        (folder / f"sample_{number:04d}.npy").unlink()
        np.save(folder / f"sample_{number - 1:04d}.npy", sample.astype(dtype))
    assert load_one_hot(folder) == ["ab cab", "back é€\U0001f600"]


def test_numbers_beyond_four_digits_come_last(tmp_path):
    for number in range(1, 10002):
        (tmp_path / f"sample_{number:04d}.npy").touch()
    names = [path.name for path in one_hot._sample_paths(tmp_path)]
    assert names[-3:] == ["sample_9999.npy", "sample_10000.npy", "sample_10001.npy"]


def rows(folder: Path) -> np.ndarray:
    return np.load(folder / "sample_0002.npy")


@pytest.mark.parametrize(
    "spoil, message",
    [
        (lambda array: array * 2, "not one-hot"),
        (lambda array: array * 0, "not one-hot"),
        (lambda array: array * np.nan, "not one-hot"),
        (lambda array: np.maximum(array, np.eye(*array.shape)), "not one-hot"),
        (lambda array: array[:, 1:], "shape"),
        (lambda array: array[0], "shape"),
        (lambda array: array.astype(str), "not one-hot"),
    ],
)
def test_samples_that_are_not_one_hot_are_refused_by_name(folder, spoil, message):
    np.save(folder / "sample_0002.npy", spoil(rows(folder)))
    with pytest.raises(UserError, match=rf"sample_0002\.npy: .*{message}"):
        load_one_hot(folder)


def test_pickled_and_foreign_files_are_refused_by_name(folder):
    path = folder / "sample_0002.npy"
    whole = path.read_bytes()
    np.save(path, np.array([{}], dtype=object), allow_pickle=True)
    objects = path.read_bytes()
    huge = whole.replace(b"(8, 8), }" + b" " * 12, b"(8, 8" + b"0" * 12 + b"), }")
    np.savez(folder / "archive.npz", np.zeros(1))
    archive = (folder / "archive.npz").read_bytes()
    assert huge != whole and len(huge) == len(whole)
    for content in (objects, whole[:-1], whole[:20], b"", b"\x80\x04N.", huge, archive):
        path.write_bytes(content)
        with pytest.raises(UserError, match=r"sample_0002\.npy: is "):
            load_one_hot(folder)


@pytest.mark.parametrize("alphabet", [["ab", "c"], ["a", "a"], [], [["a"]], [1, 2]])
def test_a_bad_alphabet_is_refused(folder, alphabet):
    np.save(folder / "alphabet.npy", np.array(alphabet))
    with pytest.raises(UserError, match=r"alphabet\.npy: "):
        load_one_hot(folder)


def test_gaps_in_the_numbering_are_refused(folder):
    (folder / "sample_0002.npy").rename(folder / "sample_0003.npy")
    with pytest.raises(UserError, match=r"sample_0002\.npy: is missing"):
        load_one_hot(folder)
    (folder / "sample_0003.npy").unlink()
    (folder / "sample_0001.npy").unlink()
    with pytest.raises(UserError, match=r"no sample_0001\.npy"):
        load_one_hot(folder)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_folder_is_replaced_only_when_asked(folder, tmp_path):
    other = tmp_path / "other.txt"
    other.write_text("quite another text")
    before = contents(folder)
    with pytest.raises(UserError, match="overwrite"):
        prepare_one_hot(str(other), folder)
    assert contents(folder) == before
    assert prepare_one_hot(str(other), folder, overwrite=True) == 1
    assert load_one_hot(folder) == ["quite another text"]


def test_a_folder_with_other_files_is_never_replaced(folder, book):
    (folder / "thesis.tex").write_text("years of work")
    with pytest.raises(UserError, match=r"thesis\.tex"):
        prepare_one_hot(book, folder, overwrite=True)
    with pytest.raises(UserError, match="is a file"):
        prepare_one_hot(book, Path(book))
    assert (folder / "thesis.tex").read_text() == "years of work"


@pytest.mark.parametrize(
    "error, raised", [(OSError(28, "disk full"), WorkFailed), (KeyboardInterrupt(), KeyboardInterrupt)]
)
def test_nothing_is_left_of_a_write_that_fails(book, folder, monkeypatch, error, raised):
    save, before, beside = np.save, contents(folder), sorted(folder.parent.iterdir())

    def fail(path, array):
        if path.name == "sample_0002.npy":
            raise error
        save(path, array)

    monkeypatch.setattr(one_hot.np, "save", fail)
    for out_dir in (folder, folder.parent / "new"):
        with pytest.raises(raised):
            prepare_one_hot(book, out_dir, overwrite=True)
    assert contents(folder) == before
    assert sorted(folder.parent.iterdir()) == beside


@pytest.mark.parametrize("error", [OSError(5, "bad disk"), KeyboardInterrupt()])
def test_the_old_folder_comes_back_where_publishing_fails(book, folder, monkeypatch, error):
    rename, before, beside = Path.rename, contents(folder), sorted(folder.parent.iterdir())

    def fail(self, target):
        if self.name.endswith(".partial"):
            raise error
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises((WorkFailed, KeyboardInterrupt)):
        prepare_one_hot(book, folder, overwrite=True)
    assert contents(folder) == before
    assert sorted(folder.parent.iterdir()) == beside


def test_a_text_without_paragraphs_is_refused(tmp_path):
    path = tmp_path / "empty.txt"
    path.write_text("\n\nx\n")
    with pytest.raises(UserError, match=r"empty\.txt: there is no line"):
        prepare_one_hot(str(path), tmp_path / "samples")
    assert not (tmp_path / "samples").exists()


def test_the_script_writes_the_chapter_and_reports_mistakes(tmp_path):
    command = [sys.executable, str(ROOT / "scripts" / "data_preparation.py")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len(load_one_hot(tmp_path / "data" / "text")) > 100
    wrong = subprocess.run(
        [*command, "nothing.txt"], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert wrong.returncode == 2
    assert wrong.stderr.startswith("rgnn data prepare: nothing.txt: there is no such file")
    assert wrong.stderr.count("\n") == 1
