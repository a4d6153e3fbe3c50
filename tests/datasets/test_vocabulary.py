import random

import numpy as np
import pytest

from rgnn_jax.datasets.vocabulary import Vocabulary, VocabularyBuilder
from rgnn_jax.errors import UserError


def random_text(seed: int, length: int, highest: int) -> str:
    """Characters from the whole of Unicode up to `highest`, without surrogates."""
    draw = random.Random(seed)
    points = (draw.randint(1, highest) for _ in range(length))
    return "".join(chr(point) for point in points if not 0xD800 <= point <= 0xDFFF)


def test_a_code_is_the_place_among_the_sorted_symbols():
    vocabulary = Vocabulary.of("banana\n")
    assert vocabulary.symbols == "\nabn"
    np.testing.assert_array_equal(vocabulary.encode("ban\n"), [2, 1, 3, 0])
    assert vocabulary.decode([2, 1, 3, 0]) == "ban\n"


@pytest.mark.parametrize("highest", [0x7F, 0xFF, 0x2FFF, 0x10FFFF])
@pytest.mark.parametrize("seed", range(3))
def test_any_text_survives_the_round_trip(seed, highest):
    text = random_text(seed, 700, highest)
    vocabulary = Vocabulary.of(text)
    assert vocabulary.decode(vocabulary.encode(text)) == text
    assert vocabulary.decode(vocabulary.encode("")) == ""


@pytest.mark.parametrize("symbols, dtype", [(256, np.uint8), (257, np.uint16), (65537, np.int32)])
def test_codes_take_the_smallest_type(symbols, dtype):
    vocabulary = Vocabulary("".join(map(chr, range(0x10000, 0x10000 + symbols))))
    codes = vocabulary.encode(vocabulary.symbols)
    assert codes.dtype == dtype
    np.testing.assert_array_equal(codes, np.arange(symbols))


@pytest.mark.parametrize("text", ["abéz", "ab\U0001f600z", "abcz", "ab\udc80z", "ab\x00z"])
def test_an_absent_character_is_named_with_its_place(text):
    with pytest.raises(UserError) as caught:
        Vocabulary("abz").encode(text)
    assert repr(text[2]) in str(caught.value)
    assert "first at character 3" in str(caught.value)
    assert "'z'" not in str(caught.value)


@pytest.mark.parametrize("symbols", ["", "ba", "aa"])
def test_symbols_out_of_order_are_refused(symbols):
    with pytest.raises(UserError, match="sorted"):
        Vocabulary(symbols)


@pytest.mark.parametrize("codes", [[-1], [0, 2]])
def test_codes_outside_the_vocabulary_are_refused(codes):
    with pytest.raises(ValueError, match=r"\[0, 2\)"):
        Vocabulary("ab").decode(codes)


def test_json_gives_the_vocabulary_back():
    vocabulary = Vocabulary('\n"\\aé\U0001f600')
    assert Vocabulary.from_json(vocabulary.to_json(), "v.json") == vocabulary
    assert Vocabulary.from_json(vocabulary.to_json().encode(), "v.json").digest == vocabulary.digest


@pytest.mark.parametrize(
    "document",
    [
        "",
        "[]",
        '{"symbols": "ab"}',
        '{"symbols": "ba", "digest": "0"}',
        Vocabulary("ab").to_json().replace('"ab"', '"ac"'),
        Vocabulary("ab").to_json()[:-3],
        b"\xff\xfe",
    ],
)
def test_a_damaged_file_is_refused_by_name(document):
    with pytest.raises(UserError, match=r"^runs/one/vocabulary\.json: "):
        Vocabulary.from_json(document, "runs/one/vocabulary.json")


@pytest.mark.parametrize("highest", [0x7F, 0x10FFFF])
def test_pieces_give_the_codes_of_the_whole(highest):
    text = random_text(5, 3000, highest)
    builder = VocabularyBuilder()
    for start in range(0, len(text), 37):
        builder.append(text[start : start + 37])
    assert len(builder) == len(text)
    vocabulary, codes = builder.finish()
    assert vocabulary == Vocabulary.of(text)
    assert codes.dtype == vocabulary.dtype
    np.testing.assert_array_equal(codes, vocabulary.encode(text))


def test_pieces_are_encoded_with_a_given_vocabulary():
    builder = VocabularyBuilder()
    builder.append("ca")
    builder.append("b")
    vocabulary, codes = builder.finish(Vocabulary("abcd"))
    assert vocabulary.symbols == "abcd"
    np.testing.assert_array_equal(codes, [2, 0, 1])


def test_pieces_with_absent_characters_are_refused_at_the_first():
    builder = VocabularyBuilder()
    for piece in ("abc", "xby", "ax"):
        builder.append(piece)
    with pytest.raises(UserError, match=r"lacks 'x', 'y' \(first at character 4\)"):
        builder.finish(Vocabulary("abc"))
