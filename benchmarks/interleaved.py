"""Two ways to do the same work, measured in turn: A B A B, each in a process of its own.

Each side is a child that sleeps on a pipe, using no processor time, while the other one works; so neither
library's threads, allocator or settings reach the other. Ratios are taken within a round, so that what slows
the whole machine for a while slows both sides of a ratio.
"""

import dataclasses
import multiprocessing
import statistics
import time
import traceback
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from typing import Any

Block = Callable[[int], Any]
"""Does a given amount of work, waits for its end, and returns what is worth knowing about it."""

Side = Callable[[], Block]
"""Imports its library, prepares, and returns the block; must be picklable."""


@dataclasses.dataclass(frozen=True)
class Ratio:
    """The median of the rounds' ratios, and their quartiles."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.low:.2f}-{self.high:.2f})"


@dataclasses.dataclass(frozen=True)
class Comparison:
    """What the sides took and returned.

    Attributes:
        seconds: of each side's block, a round.
        first: what each side returned for its first unit of work, which is not timed.
        last: what each side returned in the last round.
    """

    seconds: Mapping[str, list[float]]
    first: Mapping[str, Any]
    last: Mapping[str, Any]

    def median(self, side: str) -> float:
        """Seconds of a block."""
        return statistics.median(self.seconds[side])

    def ratio(self, side: str, peer: str) -> Ratio:
        """Seconds of a side for each second of its peer; below one, the side is faster."""
        ratios = [a / b for a, b in zip(self.seconds[side], self.seconds[peer], strict=True)]
        if len(ratios) == 1:
            return Ratio(*ratios * 3)
        low, median, high = statistics.quantiles(ratios, n=4, method="inclusive")
        return Ratio(median, low, high)


def compare(sides: Mapping[str, Side], work: int, rounds: int, first: int = 1) -> Comparison:
    """Measures sides in turn.

    Args:
        sides: prepared one after the other, in this order.
        work: units of work in a block.
        rounds: blocks of each side that are timed, after one that is not.
        first: units of work done before all else, which compiles.
    """
    children = {}
    try:
        for name, side in sides.items():
            children[name] = _Child(name, side)
        first_results = {name: child.run(first)[1] for name, child in children.items()}
        for child in children.values():
            child.run(work)
        seconds: dict[str, list[float]] = {name: [] for name in children}
        last = {}
        for _ in range(rounds):
            for name, child in children.items():
                taken, last[name] = child.run(work)
                seconds[name].append(taken)
    finally:
        for child in children.values():
            child.stop()
    return Comparison(seconds, first_results, last)


class _Child:
    """A side in a process of its own."""

    def __init__(self, name: str, side: Side) -> None:
        context = multiprocessing.get_context("spawn")
        self._name = name
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, side), daemon=True)
        self._process.start()
        theirs.close()
        self._receive()

    def run(self, work: int) -> tuple[float, Any]:
        """Seconds that the work took in the child, and what it returned."""
        self._pipe.send(work)
        return self._receive()

    def stop(self) -> None:
        """Ends the process."""
        self._pipe.close()
        self._process.join(10)
        if self._process.is_alive():
            self._process.kill()

    def _receive(self) -> Any:
        try:
            answer, error = self._pipe.recv()
        except EOFError:
            raise RuntimeError(f"{self._name}: its process ended without an answer") from None
        if error:
            raise RuntimeError(f"{self._name}: {error}")
        return answer


def _serve(pipe: Connection, side: Side) -> None:
    try:
        block = side()
        pipe.send((None, None))
        while True:
            try:
                work = pipe.recv()
            except EOFError:
                return
            began = time.perf_counter()
            result = block(work)
            pipe.send(((time.perf_counter() - began, result), None))
    except Exception:
        pipe.send((None, traceback.format_exc()))
