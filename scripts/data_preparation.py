"""Writes a text as one-hot samples: python scripts/data_preparation.py [TEXT] [--out data/text]."""

import argparse
import sys
from pathlib import Path

from rgnn_jax.datasets.one_hot import prepare_one_hot
from rgnn_jax.errors import UserError, WorkFailed


def main() -> int:
    """Parses the command line and writes the folder."""
    parser = argparse.ArgumentParser(
        description="Write alphabet.npy and one sample_0001.npy, ... a paragraph."
    )
    parser.add_argument(
        "text", nargs="?", default="chapter", help="a text in UTF-8 (default: the package's chapter)"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("data/text"), help="the folder to create (%(default)s)"
    )
    parser.add_argument("--keep-case", action="store_true", help="do not turn capitals into small letters")
    parser.add_argument("--overwrite", action="store_true", help="replace a folder of the same format")
    arguments = parser.parse_args()
    try:
        samples = prepare_one_hot(
            arguments.text, arguments.out, lower=not arguments.keep_case, overwrite=arguments.overwrite
        )
    except (UserError, WorkFailed) as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    print(f"{samples} samples in {arguments.out}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
