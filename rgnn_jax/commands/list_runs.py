"""`rgnn list`: the runs there are."""

import argparse
import json
import time
from pathlib import Path
from typing import Any

from rgnn_jax.commands.arguments import add_ckpt_dir, add_command, add_json, print_json
from rgnn_jax.train.run import RunDirectory, list_runs


def register(commands: Any) -> None:
    """Adds the command."""
    parser = add_command(
        commands, "list", run, "List the runs under --ckpt-dir with step, score and date.", "rgnn list"
    )
    add_ckpt_dir(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Prints a line a run."""
    rows = [_summary(directory, args.ckpt_dir) for directory in list_runs(args.ckpt_dir)]
    if args.json:
        print_json({"runs": rows})
        return 0
    if not rows:
        print(f"no runs under {args.ckpt_dir}; make one with: rgnn train configs/lstm_chapter.toml")
        return 0
    width = max(len(row["name"]) for row in rows)
    for row in rows:
        loss = "-" if row["loss"] is None else f"{row['loss']:.4f}"
        print(
            f"{row['name']:<{width}}  {row['kind']:<11}  step {row['step'] or 0:>7}  "
            f"held-out {loss:>7}  {row['date']}"
        )
    return 0


def _summary(directory: RunDirectory, ckpt_dir: Path) -> dict[str, Any]:
    """What can be said of a run without loading it."""
    kind = _read(directory.config.read_bytes()).get("model", {}).get("kind", "damaged")
    found = directory.checkpoints.iterdir() if directory.checkpoints.is_dir() else ()
    steps = [int(path.name) for path in found if path.name.isdecimal()]
    loss = None
    source = directory.metrics if directory.metrics.exists() else directory.config
    if source == directory.metrics:
        rows = [_read(line) for line in source.read_bytes().splitlines()]
        loss = next((row["validation_loss"] for row in reversed(rows) if "validation_loss" in row), None)
    date = time.strftime("%Y-%m-%d %H:%M", time.localtime(source.stat().st_mtime))
    return {
        "name": str(directory.path.relative_to(ckpt_dir)),
        "kind": kind,
        "step": max(steps, default=None),
        "loss": loss,
        "date": date,
    }


def _read(document: bytes) -> dict[str, Any]:
    """A JSON object; an empty one where the document is damaged or torn by a kill."""
    try:
        value = json.loads(document)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
