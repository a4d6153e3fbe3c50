"""`rgnn reproduce`: a course document's protocol from beginning to end, and a page that shows it."""

import argparse
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
        help="smoke: seconds; cpu: about eight minutes on two cores; full: the document's 482 epochs",
    )
    parser.add_argument(
        "--data-path", default="chapter", help="another UTF-8 text (default: the embedded chapter)"
    )
    parser.add_argument("--out", type=Path, default=Path("ckpt/reproduce"), help="default: ckpt/reproduce")
    parser.add_argument("--seed", type=int, default=0)


def run(args: argparse.Namespace) -> int:
    """Trains, writes the page and says where it is."""
    from rgnn_jax.train.devices import cpu_devices_for, set_up

    set_up(cpu_devices_for(batch_size=32))
    from rgnn_jax.experiments.text import reproduce_text

    print(reproduce_text(args.scale, data_path=args.data_path, out=args.out, seed=args.seed))
    return 0
