"""`rgnn export`: a run's weights and its model's programs in open formats."""

import argparse
from pathlib import Path
from typing import Any

from rgnn_jax.commands.arguments import add_command, add_run


def register(commands: Any) -> None:
    """Adds the command."""
    parser = add_command(
        commands,
        "export",
        run,
        "Write weights as safetensors, settings as JSON, and the model as serialised JAX programs.",
        "rgnn export lstm_chapter --out exported/lstm_chapter",
    )
    add_run(parser)
    parser.add_argument("--out", type=Path, required=True, help="a new folder")


def run(args: argparse.Namespace) -> int:
    """Exports and says where."""
    from rgnn_jax.train.devices import set_up

    set_up(1)
    from rgnn_jax.train.export import export_run
    from rgnn_jax.train.session import load_run

    for path in export_run(load_run(args.name, args.ckpt_dir, step=args.step), args.out):
        print(path)
    return 0
