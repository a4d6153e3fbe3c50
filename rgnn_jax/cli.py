"""The `rgnn` command: parse, call one function, turn what went wrong into one line and an exit code."""

import argparse
import re
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from rgnn_jax import __version__
from rgnn_jax.commands import (
    data,
    evaluate,
    export,
    latent,
    list_runs,
    list_settings,
    reproduce,
    sample,
    solve,
    sweep,
    train,
)
from rgnn_jax.errors import UserError, WorkFailed
from rgnn_jax.train.log import silence

_COMMANDS = (train, list_settings, sample, solve, latent, evaluate, sweep, data, list_runs, export, reproduce)


class Parser(argparse.ArgumentParser):
    """argparse whose complaints are one line, and for which "-2,2" and "-5+3" are values and no options."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # It has no public setting for this; by itself it knows plain numbers only.
        self._negative_number_matcher = re.compile(r"-[\d.].*")

    def error(self, message: str) -> NoReturn:
        """Prints the line and exits with code 2."""
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit code: 0 done, 1 failed, 2 bad input, 129/130/143 stopped."""
    parser = Parser(
        prog="rgnn",
        description="Recurrent and generative neural networks in JAX and Flax.",
        epilog="example: rgnn train configs/lstm_chapter.toml",
    )
    parser.add_argument("--version", action="version", version=f"rgnn {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True, parser_class=Parser)
    for command in _COMMANDS:
        command.register(commands)
    settings, arguments = _split(sys.argv[1:] if argv is None else argv)
    args, unknown = parser.parse_known_args(arguments)
    try:
        args.settings = _settings(settings, unknown, args)
        code = args.run(args)
        sys.stdout.flush()
        return code
    except (UserError, WorkFailed) as error:
        return _fail(args, str(error), error.exit_code)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader went away, as in `rgnn list | head`.
        silence(sys.stdout)
        return 0
    except OSError as error:
        return _fail(args, str(error), WorkFailed.exit_code)
    except MemoryError as error:
        reason = f" ({error})" if str(error) else ""
        return _fail(args, f"out of memory{reason}: use smaller or fewer data", WorkFailed.exit_code)
    except RuntimeError as error:
        # The class of JAX's own errors lies in jaxlib, whose import takes longer than `rgnn list`.
        # Older versions of JAX report the same failure of allocation as an internal one.
        if not re.search("RESOURCE_EXHAUSTED|Out of memory", str(error)):
            raise
        message = "out of memory: use a smaller model, batch, window or picture"
        return _fail(args, message, WorkFailed.exit_code)


def _fail(args: argparse.Namespace, message: str, code: int) -> int:
    try:
        print(f"{args.prog}: {message}", file=sys.stderr)
    except OSError:
        # Nobody reads the message, but a script may still read the code.
        silence(sys.stderr)
    return code


def _split(arguments: Sequence[str]) -> tuple[list[tuple[str, str | None]], list[str]]:
    """Settings, which alone have a dot in their name, wherever they stand; the rest is argparse's."""
    settings, others, left = list[tuple[str, str | None]](), list[str](), list(arguments)
    while left:
        argument = left.pop(0)
        name, equals, after = argument.partition("=")
        if not name.startswith("--") or "." not in name:
            others.append(argument)
            continue
        value = after if equals else None
        if not equals and left and not left[0].startswith("--"):
            value = left.pop(0)
        settings.append((name[2:], value))
    return settings, others


def _settings(
    given: Sequence[tuple[str, str | None]], unknown: Sequence[str], args: argparse.Namespace
) -> list[tuple[str, str]]:
    """The settings, complete and for a command that takes some."""
    if unknown:
        how = "settings are written --section.field VALUE; " if args.takes_settings else ""
        raise UserError(f"unknown argument {unknown[0]}; {how}see {args.prog} --help")
    if given and not args.takes_settings:
        raise UserError(f"--{given[0][0]}: this command takes no settings; see {args.prog} --help")
    settings = []
    for name, value in given:
        if value is None:
            raise UserError(f"--{name}: a value is missing")
        settings.append((name, value))
    return settings
