import pytest

from rgnn_jax.typography import counted, format_table, number, signed, unbroken


@pytest.mark.parametrize(("count", "words"), [(0, "0 runs"), (1, "1 run"), (1200, "1,200 runs")])
def test_one_is_not_many(count, words):
    assert counted(count, "run") == words


def test_numbers_have_a_true_minus_and_stay_on_one_line():
    assert number(-1234.5, 1) == "\u22121,234.5"
    assert [signed(value, 1) for value in (1.5, 0.0, -2.0)] == ["+1.5", "0.0", "\u22122.0"]
    assert [signed(value, 1) for value in (0.03, -0.03, 0.06)] == ["0.0", "0.0", "+0.1"]
    assert unbroken("4 min 31 s") == "4\u00a0min\u00a031\u00a0s"


def test_a_table_has_a_dash_where_there_is_no_score():
    rows = [{"seed": "0", "loss": 1.25, "run": "a"}, {"seed": "10", "loss": None, "run": "b"}]
    assert format_table(rows).splitlines() == ["seed    loss  run", "   0  1.2500    a", "  10       -    b"]
