"""`rgnn train`: a configuration in, a trained run out."""

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
        "train",
        run,
        "Train the model that a configuration describes; any field can be set as --section.field VALUE.",
        "rgnn train configs/lstm_chapter.toml --data.path novel.txt --name novel --training.max-seconds 300",
        takes_settings=True,
    )
    parser.add_argument("config", metavar="CONFIG", type=Path, help="a TOML file, see configs/")
    parser.add_argument("--name", help="the run's name (default: the configuration's)")
    add_ckpt_dir(parser)
    parser.add_argument("--resume", action="store_true", help="continue the run exactly where it stopped")
    parser.add_argument("--parallel", choices=("auto", "jit", "pmap"), help="how several devices are used")
    parser.add_argument(
        "--distributed", action="store_true", help="join the run's other processes (jax.distributed)"
    )
    parser.add_argument("--quiet", action="store_true", help="no progress on standard error")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Trains; 128 and the signal's number where one stopped it with the last step saved."""
    started = time.monotonic()
    with stop_signals():
        return _run(args, started)


def _run(args: argparse.Namespace, started: float) -> int:
    import jax

    from rgnn_jax.config import load_experiment
    from rgnn_jax.train.devices import cpu_devices_for, set_up
    from rgnn_jax.train.resolve import resumed
    from rgnn_jax.train.session import run_training

    parallel = [("training.parallel", args.parallel)] if args.parallel else []
    experiment = load_experiment(args.config, [*args.settings, *parallel])
    name = args.config.stem if args.name is None else args.name
    if args.resume:
        experiment = resumed(experiment, name, args.ckpt_dir)
    training = experiment.training
    # Several processes of several virtual CPU devices each can deadlock.
    cpu_devices = 1 if args.distributed else training.devices or cpu_devices_for(training.batch_size)
    set_up(cpu_devices, distributed=args.distributed)
    outcome = run_training(
        experiment, name, args.ckpt_dir, resume=args.resume, quiet=args.quiet, started=started
    )
    if args.json and jax.process_index() == 0:
        print_json(
            {
                "run": str(args.ckpt_dir / name),
                "step": outcome.step,
                "seconds": outcome.seconds,
                **outcome.metrics,
            }
        )
    return 128 + outcome.signal if outcome.signal else 0
