"""Failures of Orbax said once and in a line: its threads print tracebacks of what its exceptions say."""

import contextlib
import errno
import logging
import os
import sys
import threading
from collections.abc import Iterator

_LONGEST = 160


@contextlib.contextmanager
def silenced() -> Iterator[None]:
    """Keeps what threads print of their exceptions, and what absl logs, from standard error."""
    logger = logging.getLogger("absl")
    before = logger.disabled, threading.excepthook, sys.unraisablehook
    logger.disabled = True
    threading.excepthook = lambda _: None
    sys.unraisablehook = lambda _: None
    try:
        yield
    except BaseException:
        # Tasks that failed as well are collected at any later time, and asyncio would tell of each then.
        logging.getLogger("asyncio").addFilter(_is_news)
        raise
    finally:
        logger.disabled, threading.excepthook, sys.unraisablehook = before


def _is_news(record: logging.LogRecord) -> bool:
    return "was never retrieved" not in record.getMessage()


def one_line(error: Exception) -> str:
    """The operating system's reason where there is one, else the beginning of what the error says."""
    causes = [os.strerror(number) for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)]
    first = str(error).partition("\n")[0]
    first = first if len(first) <= _LONGEST else f"{first[:_LONGEST]} ..."
    return next((cause for cause in causes if cause in str(error)), f"{type(error).__name__}: {first}")
