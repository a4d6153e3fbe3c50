"""`rgnn reproduce`: a course document's protocol from beginning to end, and a page that shows it."""

import argparse
import importlib
import shlex
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from rgnn_jax.commands.arguments import add_command, seed
from rgnn_jax.errors import UserError


class _About(NamedTuple):
    """What is said of a document before anything is imported.

    Attributes:
        summary: the experiment in a few words.
        data: what it reads unless told otherwise.
        batch_size: of its runs, which virtual devices share, one a core; None where one device is as fast.
    """

    summary: str
    data: str
    batch_size: int | None


_DOCUMENTS: dict[str, _About] = {
    "text": _About("three networks learn to write", "chapter", 16),
    "faces": _About("beta-VAEs, what their dimensions mean, a head that turns, and a GAN", "faces", 64),
    "digits": _About("an autoencoder beside VAEs", "digits", 64),
    "fashion": _About("a VAE of clothes, and its latent space", "fashion_mnist", 64),
    "flowers": _About("a VAE and a GAN of flowers, and why they are worse than of faces", "tf_flowers", 64),
    "arithmetic": _About("encoder-decoders that add and subtract, handwriting too", "digits", None),
}


def register(commands: Any) -> None:
    """Adds the command."""
    parser = add_command(
        commands,
        "reproduce",
        run,
        "Run a course document's experiment and write one self-contained HTML page about it.",
        "rgnn reproduce faces --scale cpu",
    )
    summaries = "; ".join(f"{name}: {about.summary}" for name, about in _DOCUMENTS.items())
    data = ", ".join(f"{about.data} for {name}" for name, about in _DOCUMENTS.items())
    parser.add_argument("document", choices=_DOCUMENTS, help=summaries)
    parser.add_argument(
        "--scale",
        choices=("smoke", "cpu", "full"),
        default="cpu",
        help="smoke: a minute; cpu: five to seventy minutes on two cores; full: as long as is useful",
    )
    parser.add_argument(
        "--data-path", help=f"another text, set, folder or archive of pictures (default: {data})"
    )
    parser.add_argument(
        "--data-dir", type=Path,
        help="where prepared sets of TensorFlow Datasets lie (default: data)",
    )  # fmt: skip
    parser.add_argument(
        "--poses", type=Path, metavar="CSV",
        help="faces: the known turn of photographs, columns name and yaw_deg_rough",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, default=Path("ckpt/reproduce"), help="default: ckpt/reproduce")
    parser.add_argument("--seed", type=seed, default=0)
    parser.add_argument("--overwrite", action="store_true", help="replace an earlier reproduction there")
    parser.add_argument("--quiet", action="store_true", help="no progress on standard error")


def run(args: argparse.Namespace) -> int:
    """Trains, writes the page, and prints the results in short and the page's path."""
    started = time.monotonic()
    if args.poses is not None and args.document != "faces":
        raise UserError(f"--poses: {args.document} shows no faces; leave it out")
    if args.data_dir is not None and args.document == "text":
        raise UserError("--data-dir: a text is read from --data-path; leave it out")
    from rgnn_jax.train.devices import cpu_devices_for, set_up

    batch_size = _DOCUMENTS[args.document].batch_size
    set_up(1 if batch_size is None else cpu_devices_for(batch_size))
    for number in (signal.SIGTERM, signal.SIGHUP):
        # Python would die of it at once and leave the unfinished directory behind; `nohup` ignores SIGHUP.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda number, _frame: sys.exit(128 + number))
    page, shown = _reproduce(args, started)
    print(shown)
    print(f"\npage  {page}")
    return 0


def _reproduce(args: argparse.Namespace, started: float) -> tuple[Path, str]:
    """The page's path, and the results for a terminal."""
    from rgnn_jax.experiments.request import Request

    request = Request(
        scale=args.scale,
        data_path=args.data_path or _DOCUMENTS[args.document].data,
        out=args.out,
        seed=args.seed,
        command=_command(args),
        data_dir=str(args.data_dir or "data"),
        poses=args.poses,
        overwrite=args.overwrite,
        quiet=args.quiet,
        started=started,
    )
    protocol = importlib.import_module(f"rgnn_jax.experiments.{args.document}")
    reproduce: Callable[[Request], tuple[Path, Any, str]] = getattr(protocol, f"reproduce_{args.document}")
    page, _, shown = reproduce(request)
    return page, shown


def _command(args: argparse.Namespace) -> str:
    """The command without what makes no difference to the numbers."""
    words = ["rgnn", "reproduce", args.document, "--scale", args.scale, "--seed", str(args.seed)]
    if args.data_path not in (None, _DOCUMENTS[args.document].data):
        words += ["--data-path", args.data_path]
    if args.data_dir is not None:
        words += ["--data-dir", str(args.data_dir)]
    if args.poses is not None:
        words += ["--poses", str(args.poses)]
    return shlex.join(words)
