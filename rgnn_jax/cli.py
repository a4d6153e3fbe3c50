"""The `rgnn` command: parse, call one function, turn what went wrong into one line and an exit code."""

import argparse
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from rgnn_jax import __version__
from rgnn_jax.commands import data, evaluate, export, list_runs, reproduce, sample, sweep, train
from rgnn_jax.errors import UserError, WorkFailed

_COMMANDS = (train, sample, evaluate, sweep, data, list_runs, export, reproduce)


class _Parser(argparse.ArgumentParser):
    """argparse whose complaints are one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit code: 0 done, 1 failed, 2 bad input, 130/143 stopped."""
    parser = _Parser(
        prog="rgnn",
        description="Recurrent and generative neural networks in JAX and Flax.",
        epilog="example: rgnn train configs/lstm_chapter.toml",
    )
    parser.add_argument("--version", action="version", version=f"rgnn {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True, parser_class=_Parser)
    for command in _COMMANDS:
        command.register(commands)
    args, rest = parser.parse_known_args(argv)
    try:
        if rest and not args.takes_settings:
            raise UserError(f"unknown argument {rest[0]}; see {args.prog} --help")
        args.settings = _settings(rest)
        return args.run(args)
    except (UserError, WorkFailed) as error:
        print(f"{args.prog}: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader went away (`rgnn list | head`); Python would complain once more while shutting down.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _settings(arguments: Sequence[str]) -> list[tuple[str, str]]:
    """`--section.field VALUE` and `--section.field=VALUE` as pairs."""
    pairs, rest = [], list(arguments)
    while rest:
        name, equals, value = rest.pop(0).partition("=")
        if not name.startswith("--") or "." not in name:
            raise UserError(f"unknown argument {name}; settings are written --section.field VALUE")
        if not equals:
            if not rest:
                raise UserError(f"{name}: a value is missing")
            value = rest.pop(0)
        pairs.append((name[2:], value))
    return pairs
