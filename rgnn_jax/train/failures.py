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
    logger, of_thread, of_callback = logging.getLogger("absl"), threading.excepthook, sys.unraisablehook
    disabled, logger.disabled = logger.disabled, True
    threading.excepthook = lambda _: None
    sys.unraisablehook = lambda _: None
    try:
        yield
        sys.unraisablehook = of_callback
    except BaseException:
        # Other writes and tasks fail along with the first and are told of at any later time.
        logging.getLogger("asyncio").addFilter(_is_news)
        sys.unraisablehook = functools.partial(_unless_closed, of_callback)
        raise
    finally:
        logger.disabled, threading.excepthook = disabled, of_thread


def _is_news(record: logging.LogRecord) -> bool:
    return "was never retrieved" not in record.getMessage()


def _unless_closed(hook: Callable[[Any], Any], unraisable: Any) -> None:
    if str(unraisable.exc_value) != "Event loop is closed":
        hook(unraisable)


def one_line(error: Exception) -> str:
    """The operating system's reason where there is one, else the beginning of what the error says."""
    causes = [os.strerror(number) for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)]
    first = str(error).partition("\n")[0]
    first = first if len(first) <= _LONGEST else f"{first[:_LONGEST]} ..."
    return next((cause for cause in causes if cause in str(error)), f"{type(error).__name__}: {first}")
