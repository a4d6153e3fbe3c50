import math

import pytest

from rgnn_jax.experiments.writing import (
    Measures,
    TrainingText,
    agreement,
    ending_loop,
    instability,
    longest_copy,
    longest_run,
    repeated_ngrams,
    share,
    words,
    written_words,
)


def test_a_word_keeps_its_apostrophe_and_hyphen_and_loses_quotes_and_digits():
    assert words("\"It's a rope-walk,\" 'said' 3 Ibbet-\n") == ["it's", "a", "rope-walk", "said", "ibbet"]


def test_a_word_begun_by_the_prompt_counts_whole_and_one_cut_off_by_the_end_does_not():
    assert written_words("the sto", "re and the st") == ["store", "and", "the"]
    assert written_words("the store", " and") == []
    assert written_words("the store", " and ") == ["and"]


def test_share_of_nothing_is_zero():
    assert share([], {"a"}) == 0
    assert share(["a", "b", "a", "c"], {"a", "c"}) == 0.75


def test_repeated_ngrams():
    assert repeated_ngrams("abcdefgh") == 0
    assert repeated_ngrams("ababab", n=2) == pytest.approx(3 / 5)  # ab ba (ab) (ba) (ab)
    assert repeated_ngrams("\n" * 100) == pytest.approx(96 / 97)
    assert repeated_ngrams("abc") == 0


@pytest.mark.parametrize(
    ("text", "period"),
    [
        ("he was the the the the ", 4),
        ("ibbet " + "\n" * 20, 1),
        ("and the store of the store of the store of", 13),
        ("the store and the store of the store", None),
        ("he waited ...", None),
        ("", None),
    ],
)
def test_a_loop_is_an_end_that_repeats_without_change(text, period):
    assert ending_loop(text) == period


def test_a_short_repetition_at_the_end_is_a_loop_only_if_asked_for():
    assert ending_loop("abcxyxy", least=4) == 2
    assert ending_loop("abcxyxy") is None


def test_longest_run():
    assert longest_run("aabbbbca") == 4
    assert longest_run("") == 0


def test_agreement_ends_with_the_shorter_text():
    assert agreement("abcd", "abxdef") == 0.75
    assert agreement("abcd", "") == 0


def test_longest_copy():
    assert longest_copy("xxhe store yy", "and the store of") == "he store "
    assert longest_copy("abc", "xyz") == ""
    assert longest_copy("abab", "abab") == "abab"


def test_instability_is_the_largest_rise_after_the_first_fifth():
    falling = [10.0, 2.0, 1.9, 1.8, 1.7, 1.6, 1.5, 1.4, 1.3, 1.2]
    assert instability(falling) == 0
    assert instability([1.0, 9.0, *falling[2:]]) == 0  # the rise lies in the first fifth
    # The highest mean of three begins at 1.7; the lowest before it at 1.8.
    spike = [10.0, 2.0, 1.9, 1.8, 1.7, 1.6, 4.6, 1.4, 1.3, 1.2]
    assert instability(spike) == pytest.approx((1.7 + 1.6 + 4.6) / 3 - (1.8 + 1.7 + 1.6) / 3)
    assert instability(spike, smoothing=1) == pytest.approx(3.0)
    assert instability([3.0, 2.0]) == 0


def test_the_measures_of_one_continuation():
    source = TrainingText("the store and the gate")
    assert source.common == {"t", "e", " ", "h", "a"}  # t 4, e 4, space 4, a 2, h 2; then s
    measured = source.measure(prompt="at the ", continuation="store the store the zzz ", truth="gate")
    assert measured.known_words == 0.8  # zzz
    assert measured.known_pairs == 0.25  # (store, the) (the, store) (store, the) (the, zzz)
    assert measured.top_word == 0.4
    assert measured.longest_copy == len("the store ")
    assert measured.longest_run == 3
    assert measured.agreement == 0
    assert measured.loops == 0


def test_writing_no_word_is_knowing_none():
    measured = TrainingText("the store").measure("the", "\n" * 30, "\n" * 30)
    assert (measured.known_words, measured.known_pairs, measured.top_word) == (0, 0, 0)
    assert (measured.loops, measured.longest_run, measured.agreement) == (1, 30, 1)


def test_the_mean_is_taken_of_each_number():
    source = TrainingText("the store")
    one, other = source.measure("", "the the the the ", "the"), source.measure("", "xyz ", "the")
    mean = Measures.mean([one, other])
    assert mean.known_words == pytest.approx(0.5)
    assert mean.loops == pytest.approx(0.5)
    assert all(math.isfinite(getattr(mean, name)) for name in Measures.__struct_fields__)
