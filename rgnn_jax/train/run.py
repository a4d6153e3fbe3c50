"""The directory of one run: where its files lie, and how they are written to survive a kill."""

import contextlib
import dataclasses
import difflib
import errno
import fcntl
import os
import re
import secrets
import shutil
import socket
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import msgspec

from rgnn_jax.errors import UserError

_NAME = re.compile(r"\w[\w.,=+@-]*")
_LONGEST_NAME = 100
_NO_LOCKS_HERE = (errno.ENOSYS, errno.ENOLCK, errno.ENOTSUP)


@dataclasses.dataclass(frozen=True)
class RunDirectory:
    """Paths of a run; `create` makes one, `open` finds one.

    Attributes:
        path: the directory itself, `<ckpt_dir>/<name>`.
    """

    path: Path

    @property
    def name(self) -> str:
        """The run's name: the last part of its path."""
        return self.path.name

    @property
    def config(self) -> Path:
        """The resolved experiment; a directory is a run exactly when it holds this file."""
        return self.path / "config.json"

    @property
    def metrics(self) -> Path:
        """One JSON object a line, each with its `step`."""
        return self.path / "metrics.jsonl"

    @property
    def log(self) -> Path:
        """What the trainings told."""
        return self.path / "log.txt"

    @property
    def checkpoints(self) -> Path:
        """One directory a saved step."""
        return self.path / "checkpoints"

    @property
    def figures(self) -> Path:
        """Pictures of the run."""
        return self.path / "figures"

    @property
    def samples(self) -> Path:
        """What the model generated."""
        return self.path / "samples"

    @classmethod
    def create(cls, ckpt_dir: Path, name: str, files: Mapping[str, bytes | str]) -> "RunDirectory":
        """Publishes a new run with these files: whole, or not at all.

        Args:
            ckpt_dir: where runs live; made if missing.
            name: letters, digits and `_ . , = + @ -`, the first a letter, digit or `_`.
            files: file names in the run, and what they hold.

        Raises:
            UserError: for a name that cannot be used or is taken, or a `ckpt_dir` that cannot be written.
        """
        check_name(name)
        run = cls(ckpt_dir / name)
        temporary = ckpt_dir / f".{name}.{secrets.token_hex(4)}"
        try:
            for folder in (run.checkpoints, run.figures, run.samples):
                (temporary / folder.name).mkdir(parents=True)
            for file, data in files.items():
                write_atomically(temporary / file, data)
            temporary.rename(run.path)
        except OSError as error:
            if run.exists():
                raise UserError(
                    f"run {name} exists in {ckpt_dir}: continue it with --resume, or choose another --name"
                ) from None
            if os.path.lexists(run.path):
                raise UserError(f"{run.path} exists and is not a run: choose another --name") from None
            raise UserError(
                f"no run can be made in {ckpt_dir} ({error.strerror}): choose another --ckpt-dir"
            ) from error
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        flush(ckpt_dir)
        return run

    @classmethod
    def open(cls, run_or_path: str | Path, ckpt_dir: Path) -> "RunDirectory":
        """Finds a run by its name under `ckpt_dir`, or by its path.

        Raises:
            UserError: where there is none; runs of a similar name are suggested.
        """
        for run in (cls(ckpt_dir / run_or_path), cls(Path(run_or_path))):
            if str(run_or_path) and run.exists():
                return cls(run.path.resolve())
        raise UserError(_not_found(str(run_or_path), ckpt_dir))

    def exists(self) -> bool:
        """Whether the directory is a run."""
        return _holds(Path.is_file, self.config)

    def steps(self) -> list[int]:
        """The steps on disk, ascending, sound or damaged; empty or foreign directories are none."""
        if not self.checkpoints.is_dir():
            return []
        return sorted(int(path.name) for path in self.checkpoints.iterdir() if _is_step(path))

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Holds the run for one writer; the kernel frees it when the process dies, however it dies.

        Only the first process of a run on several hosts takes it. Where the file system has no locks, as
        on some mounted drives, the run is not protected.

        Raises:
            UserError: where another process holds it; names that process.
        """
        import jax

        if jax.process_index() != 0:
            yield
            return
        with (self.path / "lock").open("a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.seek(0)
                owner = file.read() or "another process"
                raise UserError(
                    f"run {self.name} is being written by {owner}: wait for it, or stop it"
                ) from None
            except OSError as error:
                if error.errno not in _NO_LOCKS_HERE:
                    raise
            file.truncate(0)
            file.write(f"process {os.getpid()} on {socket.gethostname()}")
            file.flush()
            yield

    def truncate_metrics(self, step: int | None) -> None:
        """Cuts `metrics.jsonl` back to a step: its later rows, and a last line torn by a kill.

        Args:
            step: the step that training continues from; None keeps no row.

        Raises:
            UserError: for a line that is no row, other than the last.
        """
        if not self.metrics.exists():
            return
        *lines, _torn = self.metrics.read_bytes().split(b"\n")
        steps = [_row_step(line, f"{self.metrics} line {number}") for number, line in enumerate(lines, 1)]
        kept = [
            line + b"\n" for line, row in zip(lines, steps, strict=True) if step is not None and row <= step
        ]
        write_atomically(self.metrics, b"".join(kept))


def list_runs(ckpt_dir: Path) -> list[RunDirectory]:
    """All runs under a directory, by path, those of sweeps and reproductions and linked ones among them."""
    runs: list[RunDirectory] = []
    seen = {os.path.realpath(ckpt_dir)}
    for folder, subfolders, files in os.walk(ckpt_dir, followlinks=True):
        run = RunDirectory(Path(folder))
        if run.config.name in files and run.path != ckpt_dir:
            runs.append(run)
            subfolders.clear()
        places = {name: os.path.realpath(run.path / name) for name in sorted(subfolders)}
        # Links may lead in a circle.
        subfolders[:] = [
            name for name, place in places.items() if not name.startswith(".") and place not in seen
        ]
        seen.update(places[name] for name in subfolders)
    return runs


def check_name(name: str) -> None:
    """Refuses names that are no single, plain directory name.

    Raises:
        UserError: says what a name may hold.
    """
    if not _NAME.fullmatch(name) or len(os.fsencode(name)) > _LONGEST_NAME:
        raise UserError(
            f"--name {name!r} cannot be a run's name: use up to {_LONGEST_NAME} letters, digits and "
            "_ . , = + @ -, and begin with a letter or digit"
        )


def write_atomically(path: Path, data: bytes | str) -> None:
    """Writes a file so that a reader, and a kill at any instant, finds the old content or the new."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        temporary.write_bytes(data.encode() if isinstance(data, str) else data)
        flush(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    flush(path.parent)


def flush(path: Path) -> None:
    """Waits until a file's content, or a directory's list of names, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some mounted drives cannot flush a directory.
        if error.errno not in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


def _is_step(path: Path) -> bool:
    """Whether a directory is named as a step and holds any trace of one, however damaged."""
    numbered = path.name.isascii() and path.name.isdecimal() and path.name == str(int(path.name))
    return numbered and any((path / part).exists() for part in ("meta", "state", "_CHECKPOINT_METADATA"))


class _Row(msgspec.Struct):
    step: int


def _row_step(line: bytes, where: str) -> int:
    try:
        return msgspec.json.decode(line, type=_Row).step
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise UserError(f"{where} is not a JSON object with a step: delete that line") from None


def _holds(test: Callable[[Path], bool], path: Path) -> bool:
    """The test's answer; False for what the system does not take as a path, such as 5,000 letters."""
    try:
        return test(path)
    except (OSError, ValueError):
        return False


def _not_found(wanted: str, ckpt_dir: Path) -> str:
    for parent in Path(wanted).parents:
        if RunDirectory(parent).exists():
            return f"{wanted} is a part of a run, not a run: did you mean {parent}?"
    for path in (ckpt_dir / wanted, Path(wanted)):
        if wanted and _holds(Path.is_dir, path):
            return f"{path} is not a run: it holds no config.json"
    names = [str(run.path.relative_to(ckpt_dir)) for run in list_runs(ckpt_dir)]
    close = difflib.get_close_matches(wanted, names, cutoff=0.75)
    if close:
        return f"no run {wanted!r} in {ckpt_dir}: did you mean {' or '.join(close)}?"
    known = (
        f"it holds {', '.join(names[:10])}{', ...' if len(names) > 10 else ''}"
        if names
        else "it holds no runs"
    )
    return f"no run {wanted!r} in {ckpt_dir}: {known}; train one with rgnn train, or set --ckpt-dir"
