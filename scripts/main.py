"""The exercise on faces, in its own spelling: trains a beta-VAE, or looks into a trained one.

    python scripts/main.py --beta 0 --ckpt_name vae_beta_0
    python scripts/main.py --task random_generation --ckpt_name vae_beta_0
    python scripts/main.py --task latent_analysis --ckpt_name vae_beta_0
    python scripts/main.py --task rotate --ckpt_name vae_beta_0

Each is one `rgnn` command, which is printed first; further arguments are passed on to it. Pictures go to the
run's `figures/`.
"""

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from rgnn_jax.cli import Parser, main

CONFIG = Path(__file__).resolve().parents[1] / "configs" / "beta_vae_faces.toml"
TOOLS = {"random_generation": "random", "latent_analysis": "traverse", "rotate": "rotate"}
SETTINGS = {
    "beta": "model.beta",
    "z_dim": "model.z_dim",
    "max_iter": "training.steps",
    "batch_size": "training.batch_size",
    "lr": "optimizer.learning_rate",
    "dset_dir": "data.path",
}


def translate(arguments: Sequence[str]) -> list[str]:
    """The `rgnn` command that the exercise's arguments mean."""
    parser = Parser(
        prog="main.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--task", choices=("train", *TOOLS), default="train")
    parser.add_argument("--ckpt_name", required=True, help="the run's name")
    for name, setting in SETTINGS.items():
        parser.add_argument(f"--{name}", help=f"sets {setting}")
    args, others = parser.parse_known_args(arguments)
    given = {name: getattr(args, name) for name in SETTINGS if getattr(args, name) is not None}
    if args.task != "train":
        if given:
            parser.error(f"--{next(iter(given))} is for training; leave it out with --task {args.task}")
        return ["latent", args.ckpt_name, TOOLS[args.task], *others]
    settings = [word for name, value in given.items() for word in (f"--{SETTINGS[name]}", value)]
    if "max_iter" in given:
        # The exercise's number is the only end of its training.
        settings += ["--training.epochs", "1e9"]
    if "lr" in given:
        # The exercise's rate is Adam's; Muon, which the configuration uses, has one of its own.
        settings += ["--optimizer.kind", "adamw"]
    return ["train", str(CONFIG), "--name", args.ckpt_name, *settings, *others]


if __name__ == "__main__":
    command = translate(sys.argv[1:])
    print("rgnn " + shlex.join(command), file=sys.stderr, flush=True)
    sys.exit(main(command))
