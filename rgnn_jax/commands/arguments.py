"""What several commands have in common: how they are registered, what they refuse, and how they print."""

import argparse
from collections.abc import Callable
from operator import methodcaller
from pathlib import Path
from typing import Any

import msgspec

from rgnn_jax.errors import UserError


def add_command(
    commands: Any,
    name: str,
    run: Callable[[argparse.Namespace], int],
    summary: str,
    example: str,
    *,
    takes_settings: bool = False,
) -> argparse.ArgumentParser:
    """A sub-command with a one-sentence summary and an example in its help."""
    parser = commands.add_parser(
        name,
        help=summary,
        description=summary,
        epilog="example: " + example,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(run=run, takes_settings=takes_settings, prog=f"rgnn {name}")
    return parser


def add_run(parser: argparse.ArgumentParser) -> None:
    """The arguments that name a run and one of its checkpoints."""
    parser.add_argument("name", metavar="RUN", help="a run's name under --ckpt-dir, or its path")
    add_ckpt_dir(parser)
    parser.add_argument("--step", default="latest", help="checkpoint to use: latest, best or a step")


def add_ckpt_dir(parser: argparse.ArgumentParser) -> None:
    """Where runs live."""
    parser.add_argument("--ckpt-dir", type=Path, default=Path("ckpt"), help="where runs live (default: ckpt)")


def add_temperature(parser: Any) -> None:
    """How far from the mean random codes are drawn."""
    parser.add_argument(
        "--temperature",
        type=positive,
        metavar="T",
        help="factor of the random codes' distances from their mean: below 1 what is drawn is more typical "
        "and varies less (default: 1)",
    )


def add_json(parser: argparse.ArgumentParser) -> None:
    """Machine-readable output."""
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")


def count(text: str) -> int:
    """A whole number from 1 on, for argparse."""
    return _whole(text, 1, 2**31)


def positive(text: str) -> float:
    """A number above 0, for argparse."""
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
    if not 0 < value < 1e6:
        raise argparse.ArgumentTypeError(f"{text!r} is not above 0 and below a million")
    return value


def seed(text: str) -> int:
    """What starts a random stream, for argparse."""
    return _whole(text, 0, 2**32)


def index(text: str) -> int:
    """A whole number from 0 on, for argparse."""
    return _whole(text, 0, 2**31)


def indices(text: str) -> tuple[int, ...]:
    """Whole numbers from 0 on with commas between them, for argparse."""
    return tuple(index(part) for part in text.split(","))


def several(text: str) -> int:
    """A whole number from 2 on, for argparse."""
    if count(text) < 2:
        raise argparse.ArgumentTypeError("at least 2 are needed, the two ends")
    return count(text)


def numbers(text: str) -> tuple[float, ...]:
    """Numbers with commas between them, for argparse."""
    try:
        values = tuple(float(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no number, or no numbers with commas") from None
    if not all(abs(value) < 1e6 for value in values):
        raise argparse.ArgumentTypeError(f"{text!r}: a number is too large")
    return values


def _whole(text: str, least: int, end: int) -> int:
    if not text.isascii() or not text.isdecimal() or not least <= int(text) < end:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least} to {end - 1}")
    return int(text)


def refuse(args: argparse.Namespace, why: str, *options: str, cure: str = "leave this option out") -> None:
    """Raises UserError where one of these options is given, which would say nothing.

    Args:
        args: what the command was given; what was not is None.
        why: they say nothing.
        options: as `args` calls them.
        cure: what to do about it.
    """
    for option in options:
        if getattr(args, option) is not None:
            raise UserError(f"--{option.replace('_', '-')}: {why}; {cure}")


def empty_split(split: str, cure: str) -> UserError:
    """What is said where there is nothing to score."""
    return UserError(f"the {split} split is empty: choose another --split, or {cure}")


def origin(loaded: Any, split: str) -> dict[str, Any]:
    """Which run, step and split a score is of, for `print_json`."""
    return {"step": loaded.step, "split": split, "run": str(loaded.directory.path)}


def print_json(value: Any) -> None:
    """One JSON object on standard output, in which a number that is not finite is null."""
    # NumPy's float64 is a float to everyone but msgspec.
    document = msgspec.json.encode(value, enc_hook=methodcaller("item"))
    print(msgspec.json.format(document, indent=0).decode())
