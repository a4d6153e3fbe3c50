"""Signals as requests: the first SIGINT or SIGTERM asks to save and stop, the second acts as usual."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_NUMBERS = (signal.SIGINT, signal.SIGTERM)


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
    """The handlers of both signals, and what they received."""

    def __init__(self) -> None:
        self._number: int | None = None
        self._previous = {number: signal.signal(number, self.handle) for number in _NUMBERS}

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Takes note of the first signal; hands the second on."""
        if self._number is None:
            self._number = number
            return
        self.restore()
        signal.raise_signal(number)

    def received(self) -> int | None:
        """The first signal's number."""
        return self._number

    def restore(self) -> None:
        """Puts the handlers back that were there before."""
        for number, handler in self._previous.items():
            signal.signal(number, handler)
