"""Sides work in turn, in processes of their own, and ratios are taken within a round."""

import os
from functools import partial
from pathlib import Path

import pytest
from interleaved import Block, Comparison, Ratio, compare


def writer(name: str, journal: Path) -> Block:
    def block(work: int) -> int:
        with journal.open("a") as file:
            file.write(f"{name}{work} ")
        return os.getpid()

    return block


def broken() -> Block:
    raise OSError("no such library")


def test_sides_work_in_turn_in_processes_of_their_own(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    sides = {name: partial(writer, name, journal) for name in "ab"}
    comparison = compare(sides, work=3, rounds=2, first=1)
    # One unit that compiles, one block that is not timed, then the rounds.
    assert journal.read_text().split() == ["a1", "b1", "a3", "b3", "a3", "b3", "a3", "b3"]
    assert comparison.first == comparison.last
    assert len({os.getpid(), *comparison.last.values()}) == 3
    assert [len(seconds) for seconds in comparison.seconds.values()] == [2, 2]


def test_the_error_of_a_side_is_told() -> None:
    with pytest.raises(RuntimeError, match=r"(?s)^torch: .*no such library"):
        compare({"torch": broken}, work=1, rounds=1)


def test_ratio_is_the_median_of_the_rounds() -> None:
    # The third round was slow for both; a ratio of the sides' totals would be 12 / 17.
    comparison = Comparison({"a": [1.0, 1.0, 10.0], "b": [2.0, 1.0, 14.0]}, {}, {})
    ratio = comparison.ratio("a", "b")
    assert ratio.median == pytest.approx(10 / 14)
    assert ratio.low == pytest.approx((1 / 2 + 10 / 14) / 2)
    assert ratio.high == pytest.approx((10 / 14 + 1) / 2)
    assert comparison.median("b") == 2.0


def test_a_single_round_has_no_spread() -> None:
    assert Comparison({"a": [1.0], "b": [4.0]}, {}, {}).ratio("a", "b") == Ratio(0.25, 0.25, 0.25)
