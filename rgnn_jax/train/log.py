"""What a run tells: a progress bar or plain lines, `log.txt`, `metrics.jsonl`, TensorBoard files."""

import importlib.util
import io
import math
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO, cast

import msgspec

from rgnn_jax.errors import UserError
from rgnn_jax.train.run import RunDirectory


def format_duration(seconds: float) -> str:
    """Seconds as a person says them: `8 s`, `3 min 05 s`, `2 h 10 min`."""
    if not math.isfinite(seconds):
        return "-"
    minutes, rest = divmod(round(seconds), 60)
    if minutes == 0:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"


def silence(stream: TextIO) -> None:
    """Leads a stream that nobody reads any more to nowhere, what it still holds included.

    Python would complain of it once more while shutting down, and change the exit code.

    Args:
        stream: standard output or standard error, of which the other end was closed.
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


class RunLog:
    """Writes one run's progress; a context manager, closed even when training fails.

    Where nobody reads standard error any more, the files are written on.

    Args:
        run: whose files are written, or None where none are wanted.
        tensorboard: also write event files for TensorBoard.
        quiet: nothing on standard error.
    """

    def __init__(self, run: RunDirectory | None, *, tensorboard: bool = False, quiet: bool = False) -> None:
        self._run = run
        self._text = run.log.open("a", encoding="utf-8") if run else None
        self._metrics = run.metrics.open("ab") if run else None
        self._tensorboard = tensorboard
        self._events: Any = None
        self._purge_step: int | None = None
        self._last_row = b""
        self._stderr = None if quiet or sys.stderr is None else _Stderr()
        self._bar = _ProgressBar(self._stderr) if self._stderr and self._stderr.isatty() else None
        self._last_line = -math.inf

    def __enter__(self) -> "RunLog":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for file in (self._bar, self._text, self._metrics, self._events):
            if file is not None:
                file.close()

    def rewind(self, step: int | None) -> None:
        """Cuts `metrics.jsonl` back to the step that training continues from; None keeps no row.

        TensorBoard is told, before the next row, to hide what it has of later steps.

        Raises:
            UserError: for a line that is no row, other than the last.
        """
        if self._run and self._metrics:
            self._metrics.close()
            self._run.truncate_metrics(step)
            *_, self._last_row = [b"", *self._run.metrics.read_bytes().splitlines(keepends=True)]
            self._metrics = self._run.metrics.open("ab")
            self._purge_step = 0 if step is None else step + 1

    def message(self, text: str) -> None:
        """One line for the person and for `log.txt`."""
        if self._bar:
            self._bar.print(text)
        elif self._stderr:
            self._stderr.write(text + "\n")
        if self._text:
            self._text.write(text + "\n")
            self._text.flush()

    def metrics(self, step: int, values: Mapping[str, float | list[float]]) -> None:
        """One row of `metrics.jsonl`, and its single numbers for TensorBoard.

        A row that equals the last one is that one, measured again by a finished run that was resumed.
        """
        row = msgspec.json.encode({"step": step, **values}) + b"\n"
        if not self._run or not self._metrics or row == self._last_row:
            return
        self._last_row = row
        self._metrics.write(row)
        self._metrics.flush()
        if self._tensorboard:
            if self._events is None:
                self._events = _event_writer(self._run.path, self._purge_step)
            for name, value in values.items():
                if not isinstance(value, list):
                    self._events.add_scalar(name, value, step)

    def progress(self, fraction: float, seconds_left: float, text: str) -> None:
        """How far the run is; plain lines come at most every ten seconds."""
        text += f"  {format_duration(seconds_left)} left"
        if self._bar:
            self._bar.update(fraction, text)
        elif self._stderr and time.monotonic() - self._last_line > 10:
            self._last_line = time.monotonic()
            self._stderr.write(f"{fraction:4.0%}  {text}\n")


class _Stderr(io.TextIOBase):
    """Standard error until its pipe or terminal is closed, then nothing: a run does not end of that."""

    def __init__(self) -> None:
        self._stream = sys.stderr

    def isatty(self) -> bool:
        return self._stream.isatty()

    def write(self, text: str, /) -> int:
        try:
            self._stream.write(text)
            self._stream.flush()
        except OSError:
            silence(self._stream)
        return len(text)


class _ProgressBar:
    """rich's bar on standard error, imported only where a person watches."""

    def __init__(self, stderr: _Stderr) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

        self._progress = Progress(
            BarColumn(bar_width=24),
            TaskProgressColumn(),
            TextColumn("{task.description}"),
            console=Console(file=cast(TextIO, stderr)),
            transient=True,
        )
        self._task = self._progress.add_task("compiling", total=1.0)
        self._progress.start()

    def update(self, fraction: float, text: str) -> None:
        self._progress.update(self._task, completed=fraction, description=text)

    def print(self, text: str) -> None:
        self._progress.console.print(text, markup=False, highlight=False)

    def close(self) -> None:
        self._progress.stop()


def require_tensorboard() -> None:
    """Raises UserError, which names the cure, where tensorboardX is not installed."""
    if importlib.util.find_spec("tensorboardX") is None:
        raise UserError(
            'training.tensorboard needs tensorboardX; install it with: pip install "rgnn-jax[tensorboard]"'
        )


def _event_writer(directory: Path, purge_step: int | None) -> Any:
    require_tensorboard()
    from tensorboardX import SummaryWriter

    return SummaryWriter(str(directory / "tensorboard"), purge_step=purge_step)
