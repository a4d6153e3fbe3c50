import hashlib
from pathlib import Path

import pytest

from rgnn_jax.datasets import text_file
from rgnn_jax.datasets.text_file import paragraph_blocks, read_pieces, read_text, whole_words
from rgnn_jax.errors import UserError

MIXED = "Aé\r\n\r\n€uro \U0001f600 ΟΔΟΣ ΣΑΣ İx\rend\r\n"


def write(folder: Path, content: bytes, name: str = "text.txt") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def read(path: Path, chunk_bytes: int = 4096) -> str:
    return "".join(read_pieces(path, chunk_bytes=chunk_bytes))


@pytest.mark.parametrize("chunk_bytes", [1, 2, 3, 5, 7, 1000])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_chunk_borders_do_not_show(tmp_path, chunk_bytes, encoding):
    path = write(tmp_path, MIXED.encode(encoding))
    assert read(path, chunk_bytes) == MIXED.replace("\r\n", "\n").replace("\r", "\n")


def test_a_short_file_is_read_whole(tmp_path):
    assert read_text(write(tmp_path, b"\xef\xbb\xbfThe\r\nEnd")) == "The\nEnd"


def test_the_digest_is_that_of_the_bytes(tmp_path):
    path = write(tmp_path, MIXED.encode("utf-8-sig"))
    digest = hashlib.sha256()
    list(read_pieces(path, digest.update, 5))
    assert digest.hexdigest() == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("chunk_bytes", [1, 2, 3, 4, 5, 100])
@pytest.mark.parametrize(
    "content, place",
    [
        (b"abc\xe9 d", r"byte 3 \(0xe9\)"),
        ("é€".encode() + b"\xff", r"byte 5 \(0xff\)"),
        (b"\xef\xbb\xbfab\x80", r"byte 5 \(0x80\)"),
        ("abc€".encode()[:-1], r"byte 3 \(0xe2\)"),
    ],
)
def test_bytes_that_are_not_utf8_are_placed(tmp_path, content, place, chunk_bytes):
    with pytest.raises(UserError, match=rf"text\.txt: {place} is not UTF-8"):
        read(write(tmp_path, content), chunk_bytes)


@pytest.mark.parametrize("chunk_bytes", [1, 4, 100])
def test_binary_files_are_refused(tmp_path, chunk_bytes):
    with pytest.raises(UserError, match=r"text\.txt: byte 6 is zero"):
        read(write(tmp_path, b"PNG\r\n\x1a\x00\x00"), chunk_bytes)


def test_a_missing_file_suggests_its_neighbours(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path, b"x", "my_novel.txt")
    with pytest.raises(UserError, match=r"my_novl\.txt: .*did you mean my_novel\.txt\?"):
        read(tmp_path / "my_novl.txt")
    with pytest.raises(UserError, match=r"did you mean chapter\?"):
        read(Path("chaptre"))
    with pytest.raises(UserError, match="in the folder"):
        read(tmp_path / "zzz")
    with pytest.raises(UserError, match="nor a folder"):
        read(tmp_path / "nowhere" / "zzz")


@pytest.mark.parametrize(
    "error, message", [(PermissionError(13, "denied"), "may not read"), (OSError(5, "bad disk"), "bad disk")]
)
def test_a_file_that_cannot_be_opened_is_refused(tmp_path, monkeypatch, error, message):
    def refuse(self, mode):
        raise error

    path = write(tmp_path, b"text")
    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(UserError, match=message):
        read(path)


@pytest.mark.parametrize("size", [5, 6, 7, 50])
def test_words_stay_whole(size):
    text = "one  two\nthree \n four"
    pieces = list(whole_words(text[i : i + size] for i in range(0, len(text), size)))
    assert "".join(pieces) == text
    assert all(piece[-1:] in ("", " ", "\n") for piece in pieces[:-2])


def test_words_are_lower_cased_as_in_the_whole_text():
    text = "ΟΔΟΣ ΣΑΣ ΣΣ. İ ΑΣ"
    pieces = whole_words(text[i : i + 5] for i in range(0, len(text), 5))
    assert "".join(map(str.lower, pieces)) == text.lower()


@pytest.mark.parametrize("size", [1, 2, 5, 100])
def test_paragraphs_are_stripped_lines_of_more_than_one_character(size):
    text = "  first line \n\n x \nab\n\t\nlast"
    blocks = paragraph_blocks((text[i : i + size] for i in range(0, len(text), size)), "source")
    assert [paragraph for block in blocks for paragraph in block] == ["first line", "ab", "last"]


def test_a_line_too_long_for_a_paragraph_is_refused(monkeypatch):
    monkeypatch.setattr(text_file, "LONGEST_LINE", 10)
    assert list(paragraph_blocks(["a" * 10], "source")) == [[], ["a" * 10]]
    with pytest.raises(UserError, match=r"source: .*data\.split"):
        list(paragraph_blocks(["a" * 6, "a" * 5], "source"))
