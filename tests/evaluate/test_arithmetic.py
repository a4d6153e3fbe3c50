import numpy as np
import pytest

from rgnn_jax.datasets.arithmetic import make_examples
from rgnn_jax.datasets.arithmetic_spec import ArithmeticSpec
from rgnn_jax.datasets.arithmetic_split import Queries
from rgnn_jax.evaluate.arithmetic import Share, count_carries, report_answers, report_reading

SPEC = ArithmeticSpec(digits=2, operators=("+", "-"))
QUERIES = Queries(
    np.array([12, 58, 99, 30, 7, 41]), np.array([0, 0, 0, 1, 1, 1]), np.array([34, 34, 1, 12, 9, 41])
)
EXAMPLES = make_examples(SPEC, QUERIES)


def test_right_answers_are_right():
    report = report_answers(SPEC, EXAMPLES, EXAMPLES.target)
    assert report.whole == Share(6, 6)
    assert report.whole.accuracy == report.accuracy == 1.0
    assert sum(report.by_error.values()) == 0
    assert report.mistakes == []
    assert np.trace(report.confusion) == np.sum(report.confusion) == 18


def test_wrong_answers_are_counted_by_kind():
    said = SPEC.encode_answers(np.array([46, 82, 100, 19, 2, 0]))
    report = report_answers(SPEC, EXAMPLES, said)
    assert report.whole == Share(6, 3)
    assert report.by_operator == {"+": Share(3, 2), "-": Share(3, 1)}
    assert report.by_carries["+ 0 carry"] == Share(1, 1)
    assert report.by_length == {"1 digit": Share(1, 0), "2 digits": Share(5, 3)}
    assert report.by_carries["+ 1 carry"] == Share(1, 0)
    assert report.by_carries["- 1 borrow"] == Share(1, 0)
    assert {kind: count for kind, count in report.by_error.items() if count} == {
        "off by 1": 1,
        "off by 10": 1,
        "only the sign": 1,
    }
    # 92 and 82 differ in a symbol, 18 and 19 in one, "-2" and "2" in two.
    assert report.accuracy == pytest.approx(1 - 4 / 18)
    assert report.confusion[9][8] == 1
    assert [(m.query, m.answer, m.said) for m in report.mistakes] == [
        ("58+34", "92", "82"),
        ("30-12", "18", "19"),
        ("7-9", "-2", "2"),
    ]


def test_an_answer_that_is_no_number_is_called_so():
    said = EXAMPLES.target.copy()
    said[0] = [11, 11, 12]
    assert report_answers(SPEC, EXAMPLES, said).by_error["no number"] == 1


def test_carries_and_borrows_are_those_done_by_hand():
    signs = np.array(["+", "+", "+", "-", "-", "-"])
    counts = count_carries(QUERIES.first, signs, QUERIES.second, 2)
    np.testing.assert_array_equal(counts, [0, 1, 2, 1, 0, 0])


def test_a_reading_counts_pictures_and_whole_queries_without_blanks():
    symbols = np.array([[1, 10, 2, 12], [3, 11, 4, 5], [6, 10, 7, 12]])
    read = np.array([[1, 10, 2, 0], [3, 11, 4, 9], [0, 0, 7, 12]])
    reading = report_reading(symbols, read)
    assert reading.pictures == Share(10, 7)
    assert reading.queries == Share(3, 1)
