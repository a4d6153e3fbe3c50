"""`rgnn list`: the runs there are."""

import argparse
import contextlib
import time
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from rgnn_jax.commands.arguments import add_ckpt_dir, add_command, add_json, print_json
from rgnn_jax.errors import UserError
from rgnn_jax.train.run import RunDirectory, list_runs


class _Model(msgspec.Struct):
    kind: str


class _Config(msgspec.Struct):
    model: _Model = msgspec.field(default_factory=lambda: _Model("damaged"))


class _Row(msgspec.Struct):
    validation_loss: float | None = None


_Part = TypeVar("_Part", _Config, _Row)


def register(commands: Any) -> None:
    """Adds the command."""
    parser = add_command(
        commands, "list", run, "List the runs under --ckpt-dir with step, score and date.", "rgnn list"
    )
    add_ckpt_dir(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Prints a line a run."""
    if args.ckpt_dir.exists() and not args.ckpt_dir.is_dir():
        raise UserError(f"--ckpt-dir {args.ckpt_dir}: is no folder; name the one that holds the runs")
    rows = [_summary(directory, args.ckpt_dir) for directory in list_runs(args.ckpt_dir)]
    if args.json:
        print_json({"runs": rows})
        return 0
    if not rows:
        print(f"no runs under {args.ckpt_dir}; make one with: rgnn train configs/lstm_chapter.toml")
        return 0
    names = [
        "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in row["name"])
        for row in rows
    ]
    width = max(map(len, names))
    for name, row in zip(names, rows, strict=True):
        loss = "-" if row["loss"] is None else f"{row['loss']:.4f}"
        print(
            f"{name:<{width}}  {row['kind']:<11}  step {row['step'] or 0:>7}  "
            f"held-out {loss:>7}  {row['date'] or '-'}"
        )
    return 0


def _summary(directory: RunDirectory, ckpt_dir: Path) -> dict[str, Any]:
    """What can be said of a run without loading it, as far as it can be read."""
    kind, step, loss, date = _Config().model.kind, None, None, None
    # One run that may not be read, or is just being removed, must not hide the others.
    with contextlib.suppress(OSError):
        source = directory.metrics if directory.metrics.exists() else directory.config
        date = time.strftime("%Y-%m-%d %H:%M", time.localtime(source.stat().st_mtime))
        step = max(directory.steps(), default=None)
        kind = _read(directory.config.read_bytes(), _Config).model.kind
        if source == directory.metrics:
            losses = [_read(line, _Row).validation_loss for line in source.read_bytes().splitlines()]
            loss = next((value for value in reversed(losses) if value is not None), None)
    return {
        "name": str(directory.path.relative_to(ckpt_dir)),
        "kind": kind,
        "step": step,
        "loss": loss,
        "date": date,
    }


def _read(document: bytes, part: type[_Part]) -> _Part:
    """What matters of a JSON object; its defaults where the document is damaged or torn by a kill."""
    try:
        return msgspec.json.decode(document, type=part)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return part()
