"""`rgnn sweep`: one experiment with several values of some settings, trained at once."""

import argparse
import time
from pathlib import Path
from typing import Any

from rgnn_jax.commands.arguments import add_ckpt_dir, add_command, add_json, print_json
from rgnn_jax.train.signals import stop_signals


def register(commands: Any) -> None:
    """Adds the command."""
    parser = add_command(
        commands,
        "sweep",
        run,
        "Train every combination of --section.field V1,V2,...; those of one shape run in one compiled step.",
        "rgnn sweep configs/lstm_chapter.toml --optimizer.learning-rate 1e-4,1e-3 --training.seed 0,1,2",
        takes_settings=True,
    )
    parser.add_argument("config", metavar="CONFIG", type=Path, help="a TOML file, see configs/")
    parser.add_argument("--name", help="the sweep's name (default: the configuration's, with _sweep)")
    add_ckpt_dir(parser)
    parser.add_argument("--quiet", action="store_true", help="no progress on standard error")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Trains the sweep and prints its table, best first."""
    started = time.monotonic()
    with stop_signals():
        return _run(args, started)


def _run(args: argparse.Namespace, started: float) -> int:
    from rgnn_jax.train.devices import cpu_devices_for, set_up
    from rgnn_jax.train.sweep import expand, run_sweep
    from rgnn_jax.typography import format_table

    members = expand(args.config, args.settings)
    set_up(cpu_devices_for(len(members), least=1))
    name = f"{args.config.stem}_sweep" if args.name is None else args.name
    rows = run_sweep(members, name, args.ckpt_dir, quiet=args.quiet, started=started)
    if args.json:
        print_json({"sweep": name, "rows": rows})
    else:
        # A learning rate is not rounded as a loss is.
        print(format_table([{key: str(row[key]) if "." in key else row[key] for key in row} for row in rows]))
    return 0
