"""Failures of Orbax said once and in a line: its threads print tracebacks of what its exceptions say."""

import contextlib
import errno
import functools
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

_LONGEST = 160


@contextlib.contextmanager
def silenced() -> Iterator[None]:
    """Keeps what threads print of their exceptions, and what absl logs, from standard error."""
    logger, tasks, hook = logging.getLogger("absl"), logging.getLogger("asyncio"), sys.excepthook
    before = logger.disabled, threading.excepthook, sys.unraisablehook
    logger.disabled = True
    tasks.addFilter(_is_news)
    threading.excepthook = lambda _: None
    sys.unraisablehook = lambda _: None
    sys.excepthook = functools.partial(_unless_closed, hook)
    try:
        yield
        # After a failure these stay: what failed along with it is told of at any later time.
        tasks.removeFilter(_is_news)
        sys.excepthook = hook
    finally:
        logger.disabled, threading.excepthook, sys.unraisablehook = before


def _unless_closed(hook: Callable[..., Any], kind: type, error: BaseException, *rest: Any) -> None:
    if str(error) != "Event loop is closed":
        hook(kind, error, *rest)


def _is_news(record: logging.LogRecord) -> bool:
    return "was never retrieved" not in record.getMessage()


def one_line(error: Exception) -> str:
    """The operating system's reason where there is one, else the beginning of what the error says."""
    causes = [os.strerror(number) for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)]
    first = str(error).partition("\n")[0]
    first = first if len(first) <= _LONGEST else f"{first[:_LONGEST]} ..."
    return next((cause for cause in causes if cause in str(error)), f"{type(error).__name__}: {first}")
