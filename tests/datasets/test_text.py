import hashlib
import itertools

import msgspec
import numpy as np
import pytest

from rgnn_jax.datasets.one_hot import prepare_one_hot
from rgnn_jax.datasets.text import Text, TextData, deal, deal_ranks, gather, load_text
from rgnn_jax.datasets.vocabulary import Vocabulary
from rgnn_jax.errors import UserError

PARAGRAPHS = [f"paragraph {number} has {'many ' * (number % 5)}words" for number in range(60)]


@pytest.fixture
def novel(tmp_path):
    path = tmp_path / "novel.txt"
    path.write_bytes("\r\n\r\n".join(f"  {paragraph.title()} " for paragraph in PARAGRAPHS).encode())
    return str(path)


def config(path: str, **settings) -> TextData:
    return TextData(path=path, window=settings.pop("window", 4), **settings)


def texts(text: Text) -> list[str]:
    return [text.vocabulary.decode(codes) for codes in (text.train, text.validation, text.test)]


def test_positions_are_cut_in_order(tmp_path):
    path = tmp_path / "letters.txt"
    path.write_text("abcdefghijklmnopqrst" * 2)
    text = load_text(config(str(path), split="position", validation_fraction=0.05, test_fraction=0.1))
    assert texts(text) == ["abcdefghijklmnopqrst" + "abcdefghijklmn", "op", "qrst"]
    assert text.train_characters == 34
    assert text.digest == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("length", [99, 100, 1115])
def test_the_test_split_is_the_usual_last_tenth(tmp_path, length):
    path = tmp_path / "text.txt"
    path.write_text("abcdefg" * (length // 7) + "x" * (length % 7))
    text = load_text(config(str(path), split="position", validation_fraction=0.0))
    assert text.train_characters == int(0.9 * length)
    assert text.test.size == length - int(0.9 * length)
    assert text.validation.size == 0


def test_positions_keep_the_text_as_it_is(tmp_path):
    path = tmp_path / "text.txt"
    path.write_bytes("\ufeff  Ab\r\n\r\n\tc \r\nThe End ".encode())
    kept = load_text(config(str(path), split="position", lower=False, validation_fraction=0.0))
    assert "".join(texts(kept)) == "  Ab\n\n\tc \nThe End "
    assert (
        "".join(texts(load_text(config(str(path), split="position", validation_fraction=0.0))))
        == "  ab\n\n\tc \nthe end "
    )


@pytest.mark.parametrize("chunk_bytes", [1, 3, 64, 2**20])
def test_paragraphs_are_dealt_whole_once_and_in_reading_order(novel, chunk_bytes):
    text = load_text(config(novel, validation_fraction=0.1, test_fraction=0.2), chunk_bytes=chunk_bytes)
    dealt = [text.paragraphs(split) for split in ("train", "validation", "test")]
    assert sorted(itertools.chain(*dealt)) == sorted(PARAGRAPHS)
    for split, part in zip(texts(text), dealt, strict=True):
        assert part == [paragraph for paragraph in PARAGRAPHS if paragraph in part]
        assert split == "\n".join(part)
    total, longest = sum(map(len, PARAGRAPHS)) + len(PARAGRAPHS), max(map(len, PARAGRAPHS)) + 1
    assert 0.2 * total <= text.test.size + 1 < 0.2 * total + longest
    assert 0.1 * total <= text.validation.size + 1 < 0.1 * total + longest


def test_the_deal_depends_on_the_split_seed_alone(novel):
    first, again, other = (load_text(config(novel, split_seed=seed)) for seed in (1, 1, 2))
    assert texts(first) == texts(again)
    assert first.paragraphs("test") != other.paragraphs("test")


def test_repeated_paragraphs_are_on_one_side(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("\n".join(f"line {number % 12}" for number in range(120)))
    text = load_text(config(str(path), validation_fraction=0.2, test_fraction=0.2))
    dealt = [set(text.paragraphs(split)) for split in ("train", "validation", "test")]
    assert sum(map(len, dealt)) == 12


def test_deal_by_hand():
    lengths, ranks = np.array([10, 20, 30, 40]), np.array([3, 1, 2, 1])
    first, second, none, rest = deal(lengths, ranks, (0.2, 0.3, 0.0, 0.9))
    np.testing.assert_array_equal(first, [False, True, False, True])
    np.testing.assert_array_equal(second, [False, False, True, False])
    assert not none.any()
    np.testing.assert_array_equal(rest, [True, False, False, False])


def test_ranks_are_spread_evenly():
    ranks = deal_ranks([f"paragraph {number}" for number in range(4000)], seed=3) / 2**32
    assert abs(ranks.mean() - 0.5) < 0.03
    assert abs((ranks < 0.1).mean() - 0.1) < 0.02


def test_gather_takes_the_characters_of_the_hand(monkeypatch):
    monkeypatch.setattr("rgnn_jax.datasets.text.GATHERED", 2)
    lengths, hand = np.array([1, 2, 3, 1, 2]), np.array([True, False, True, False, True])
    np.testing.assert_array_equal(gather(np.arange(9), lengths, hand), [0, 3, 4, 5, 7, 8])


def test_a_saved_vocabulary_encodes_the_text(novel):
    own = load_text(config(novel))
    vocabulary = Vocabulary.of(own.vocabulary.symbols + "é")
    text = load_text(config(novel), vocabulary)
    assert text.vocabulary is vocabulary
    assert texts(text) == texts(own)
    with pytest.raises(UserError, match="lacks 'p'"):
        load_text(config(novel), Vocabulary(own.vocabulary.symbols.replace("p", "")))


def test_the_chapter_comes_with_the_package():
    text = load_text(TextData())
    assert len(text.paragraphs("test")) > 1
    assert text.train_characters > 10 * text.validation.size


@pytest.mark.parametrize("split", ["paragraph", "position"])
def test_a_one_hot_folder_reads_as_its_text(novel, tmp_path, split):
    prepare_one_hot(novel, tmp_path / "samples")
    text = load_text(config(str(tmp_path / "samples"), split=split))
    plain = tmp_path / "plain.txt"
    plain.write_text("\n".join(PARAGRAPHS))
    expected = load_text(config(str(plain), split=split))
    assert texts(text) == texts(expected)
    assert text.digest == expected.digest


@pytest.mark.parametrize("split", ["paragraph", "position"])
@pytest.mark.parametrize(
    "content, settings, message",
    [
        ("", {}, "give a text"),
        ("aaaaaaaaaaaaaaa", {"split": "position"}, "alike"),
        ("\n\n  \n", {"split": "paragraph"}, "no line of more than one"),
        ("ab", {"split": "position"}, "validation split is empty"),
        ("one paragraph only", {"split": "paragraph"}, "split is empty"),
        ("abcdefghij" * 10, {"split": "position", "window": 85}, "has 85 .*85 needs 86; .*to 84 or less"),
    ],
)
def test_texts_too_poor_to_train_on_are_refused(tmp_path, split, content, settings, message):
    path = tmp_path / "poor.txt"
    path.write_text(content)
    with pytest.raises(UserError, match=rf"poor\.txt: .*{message}"):
        load_text(config(str(path), **{"split": split, **settings}))


def test_the_largest_window_named_by_the_refusal_fits(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("abcdefghij" * 10)
    assert load_text(config(str(path), split="position", window=84)).train_characters == 85


def test_a_folder_in_another_format_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"without alphabet\.npy"):
        load_text(config(str(tmp_path)))


def test_fractions_must_leave_text_to_train_on():
    with pytest.raises(UserError, match="leave text"):
        TextData(validation_fraction=0.5, test_fraction=0.5)
    with pytest.raises(msgspec.ValidationError, match="leave text"):
        msgspec.convert({"kind": "text", "validation_fraction": 0.5, "test_fraction": 0.5}, TextData)


def test_a_prompt_is_normalised_as_the_text_is():
    assert TextData().normalise("The") == "the"
    assert TextData(lower=False).normalise("The") == "The"
