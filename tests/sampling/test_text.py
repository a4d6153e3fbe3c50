import jax
import jax.numpy as jnp
import numpy as np
import pytest
from toy_models import Bigram

from rgnn_jax.errors import WorkFailed
from rgnn_jax.sampling.rules import GREEDY
from rgnn_jax.sampling.text import cut_at_stop, stream_text, until_stop


@pytest.mark.parametrize(
    ("text", "stops", "expected"),
    [
        ("one two", ["three"], "one two"),
        ("one two", [], "one two"),
        ("one two", ["two"], "one "),
        ("one two", ["two", "e t"], "on"),
        ("one", ["one"], ""),
    ],
)
def test_text_ends_before_the_first_stop_string(text, stops, expected):
    assert cut_at_stop(text, stops) == expected


@pytest.mark.parametrize("size", [1, 2, 3, 20])
@pytest.mark.parametrize("text", ["a\nb\n\nc\n\nd", "a\nb\n", "\n\n", "ab"])
def test_pieces_join_to_the_text_cut_as_a_whole(text, size):
    pieces = [text[i : i + size] for i in range(0, len(text), size)]
    assert "".join(until_stop(pieces, ["\n\n", "\nx"])) == cut_at_stop(text, ["\n\n", "\nx"])


def test_no_piece_is_taken_after_the_stop_string():
    pieces = iter(["to ", "be\n", "\nor", " not"])
    assert list(until_stop(pieces, ["\n\n"])) == ["to ", "be"]
    assert next(pieces) == " not"


def test_text_is_passed_on_at_once_where_nothing_can_begin_a_stop_string():
    received = until_stop(iter(["to", " b", "e."]), ["end"])
    assert next(received) == "to"
    assert next(received) == " b"


def test_streamed_text_ends_before_the_stop_string_and_decoding_with_it():
    # The table counts: a, b, c, ...; token 25 is followed by nothing that is defined.
    table = jnp.where(jnp.roll(jnp.eye(26, dtype=bool), 1, axis=1), 0.0, -jnp.inf).at[25].set(jnp.nan)

    def written(*stop_strings):
        return stream_text(
            Bigram(26), {"table": table}, np.array([[0]]), lambda codes: "".join(chr(97 + c) for c in codes),
            stop_strings, rule=GREEDY, max_new_tokens=500, key=jax.random.key(0),
        )  # fmt: skip

    with pytest.raises(WorkFailed):
        "".join(written("no such text"))
    assert "".join(written("z", "kl")) == "bcdefghij"
