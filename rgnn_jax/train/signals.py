"""Signals as requests: the first SIGINT, SIGTERM or SIGHUP asks to save and stop, a second acts as usual."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def stop_signals() -> Iterator[Callable[[], int | None]]:
    """Yields a function that returns the signal received so far, or None.

    It may be entered again inside, and then shares what was received; a command enters it before it imports
    anything that takes long, since an import or a callback of the collector may swallow a KeyboardInterrupt.
    """
    present = getattr(signal.getsignal(signal.SIGINT), "__self__", None)
    if threading.current_thread() is not threading.main_thread():
        yield lambda: None
    elif isinstance(present, _Request):
        yield present.received
    else:
        request = _Request()
        try:
            yield request.received
        finally:
            request.restore()


class _Request:
    """The handlers of the signals, and what they received."""

    def __init__(self) -> None:
        self._number: int | None = None
        # What was started with nohup is to outlive its terminal.
        outlives = signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
        numbers = [number for number in _NUMBERS if not (outlives and number == signal.SIGHUP)]
        self._previous = {number: signal.signal(number, self.handle) for number in numbers}

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Takes note of the first signal; hands the second on."""
        if self._number is None:
            self._number = number
        # A closed terminal sends it twice: the shell does, and the kernel when the shell ends.
        elif number != signal.SIGHUP:
            self.restore()
            signal.raise_signal(number)

    def received(self) -> int | None:
        """The first signal's number."""
        return self._number

    def restore(self) -> None:
        """Puts the handlers back that were there before."""
        for number, handler in self._previous.items():
            signal.signal(number, handler)
