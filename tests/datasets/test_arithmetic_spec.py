import jax.numpy as jnp
import numpy as np
import pytest

from rgnn_jax.datasets.arithmetic_spec import SYMBOLS, ArithmeticSpec, number_of
from rgnn_jax.errors import UserError

SPEC = ArithmeticSpec(digits=2, operators=("+", "-"))
QUERIES = (np.array([5, 99, 0, 12]), np.array([0, 0, 1, 1]), np.array([34, 99, 7, 12]))


def written(symbols):
    return ["".join(SYMBOLS[code] for code in row) for row in np.asarray(symbols)]


@pytest.mark.parametrize(
    ("layout", "order", "queries"),
    [
        ("packed", "forward", ["5+34 ", "99+99", "0-7  ", "12-12"]),
        ("packed", "reversed", ["5+43 ", "99+99", "0-7  ", "21-21"]),
        ("aligned", "forward", [" 5+34", "99+99", " 0- 7", "12-12"]),
        ("aligned", "reversed", ["5 +43", "99+99", "0 -7 ", "21-21"]),
    ],
)
def test_queries_are_written(layout, order, queries):
    spec = ArithmeticSpec(digits=2, operators=("+", "-"), layout=layout, operand_order=order)
    symbols = spec.encode_queries(*QUERIES)
    assert symbols.shape == (4, spec.query_length)
    assert written(symbols) == queries
    assert spec.decode_queries(symbols) == ["5+34", "99+99", "0-7", "12-12"]
    np.testing.assert_array_equal(spec.encode_queries(*map(jnp.asarray, QUERIES)), symbols)


@pytest.mark.parametrize(
    ("order", "answers"),
    [("forward", ["39 ", "198", "-7 ", "0  ", "-99"]), ("reversed", ["93 ", "891", "7- ", "0  ", "99-"])],
)
def test_answers_are_written(order, answers):
    spec = ArithmeticSpec(digits=2, operators=("+", "-"), answer_order=order)
    values = np.array([39, 198, -7, 0, -99])
    symbols = spec.encode_answers(values)
    assert written(symbols) == answers
    assert [number_of(text) for text in spec.decode_answers(symbols)] == values.tolist()
    np.testing.assert_array_equal(spec.encode_answers(jnp.asarray(values)), symbols)


def test_five_digits_fit():
    spec = ArithmeticSpec(digits=5, operators=("+", "-"))
    first, operator, second = np.array([99_999, 0]), np.array([0, 1]), np.array([99_999, 99_999])
    values = spec.answers(first, operator, second)
    assert written(spec.encode_answers(values)) == ["199998", "-99999"]


@pytest.mark.parametrize("answer", ["", "-", "1-", "0 1", "01", "-0", "+1"])
def test_what_is_no_number_has_no_value(answer):
    assert number_of(answer) is None


def test_a_query_is_parsed():
    assert SPEC.parse("56+34") == (56, 0, 34)
    assert SPEC.parse(" 5 - 34 ") == (5, 1, 34)
    assert SPEC.parse("005+000") == (5, 0, 0)


def test_a_reading_with_a_blank_within_is_no_query():
    symbols = np.array([[12, 5, 10, 3, 4], [5, 10, 3, 4, 12], [5, 12, 10, 3, 4]])
    readings = SPEC.decode_queries(symbols)
    assert readings == [" 5+34", "5+34", "5 +34"]
    assert [SPEC.understands(reading) for reading in readings] == [False, True, False]
    assert not any(SPEC.understands(reading) for reading in ("5----", "", "05+34"))


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ("", "not two whole numbers"),
        ("56++3", "not two whole numbers"),
        ("a+b", "not two whole numbers"),
        ("-5+3", "not two whole numbers"),
        ("1+2+3", "not two whole numbers"),
        ("\u0665+\u0663", "not two whole numbers"),
        ("56*3", "knows [+] and -"),
        ("7" * 200, "not two whole numbers"),
        ("7" * 200 + "+1", "operand of 200 digits"),
    ],
)
def test_other_queries_are_refused_in_one_line(query, complaint):
    with pytest.raises(UserError, match=complaint) as refusal:
        SPEC.parse(query)
    assert len(str(refusal.value)) < 200
    assert "\n" not in str(refusal.value)


def test_the_spec_survives_json():
    assert ArithmeticSpec.from_json(SPEC.to_json(), "file") == SPEC
    with pytest.raises(UserError, match="file: not a description"):
        ArithmeticSpec.from_json(b"{}", "file")
