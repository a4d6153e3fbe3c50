"""`rgnn reproduce`: a course document's protocol from beginning to end, and a page that shows it."""

import argparse
import shlex
import signal
import sys
import time
from pathlib import Path
from typing import Any

from rgnn_jax.commands.arguments import add_command


def register(commands: Any) -> None:
    """Adds the command."""
    parser = add_command(
        commands,
        "reproduce",
        run,
        "Run a course document's experiment and write one self-contained HTML page about it.",
        "rgnn reproduce text --scale cpu",
    )
    parser.add_argument("document", choices=("text",), help="text: three networks learn to write")
    parser.add_argument(
        "--scale",
        choices=("smoke", "cpu", "full"),
        default="cpu",
        help="smoke: a minute; cpu: about eight minutes on two cores; full: the document's 482 epochs",
    )
    parser.add_argument(
        "--data-path", default="chapter", help="another UTF-8 text (default: the embedded chapter)"
    )
    parser.add_argument("--out", type=Path, default=Path("ckpt/reproduce"), help="default: ckpt/reproduce")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--overwrite", action="store_true", help="replace an earlier reproduction there")
    parser.add_argument("--quiet", action="store_true", help="no progress on standard error")


def run(args: argparse.Namespace) -> int:
    """Trains, writes the page, and prints what the models write, their losses and the page's path."""
    started = time.monotonic()
    from rgnn_jax.train.devices import cpu_devices_for, set_up

    set_up(cpu_devices_for(batch_size=16))
    from rgnn_jax.experiments.text import reproduce_text
    from rgnn_jax.experiments.text_page import to_terminal

    # Python would die of it at once and leave the unfinished directory behind.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    page, results = reproduce_text(
        args.scale,
        data_path=args.data_path,
        out=args.out,
        seed=args.seed,
        command=_command(args),
        overwrite=args.overwrite,
        quiet=args.quiet,
        started=started,
    )
    print(to_terminal(results))
    print(f"\npage  {page}")
    return 0


def _command(args: argparse.Namespace) -> str:
    """The command without what makes no difference to the numbers."""
    words = ["rgnn", "reproduce", args.document, "--scale", args.scale, "--seed", str(args.seed)]
    if args.data_path != "chapter":
        words += ["--data-path", args.data_path]
    return shlex.join(words)
