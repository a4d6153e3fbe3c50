"""`rgnn data`: what data there are, and the exercise's one-hot format."""

import argparse
from pathlib import Path
from typing import Any

from rgnn_jax.commands.arguments import add_command, add_json, print_json


def register(commands: Any) -> None:
    """Adds the command with its two verbs."""
    parser = add_command(
        commands,
        "data",
        run_list,
        "List data sets, or prepare one.",
        "rgnn data prepare novel.txt --out data/novel",
    )
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    listing = add_command(verbs, "list", run_list, "List the embedded data sets.", "rgnn data list")
    listing.set_defaults(prog="rgnn data list")
    add_json(listing)
    prepare = add_command(
        verbs,
        "prepare",
        run_prepare,
        "Turn a text into alphabet.npy and one sample_0001.npy a paragraph, each [time, alphabet] one-hot.",
        "rgnn data prepare novel.txt --out data/novel",
    )
    prepare.set_defaults(prog="rgnn data prepare")
    prepare.add_argument(
        "text",
        metavar="TEXT",
        nargs="?",
        default="chapter",
        help="a UTF-8 file, or tinyshakespeare to download it (default: chapter)",
    )
    prepare.add_argument(
        "--out", type=Path, default=Path("data/text"), help="the folder (default: data/text)"
    )
    prepare.add_argument("--keep-case", action="store_true", help="do not lower-case the text")
    prepare.add_argument("--overwrite", action="store_true", help="replace a folder of the same format")


def run_list(args: argparse.Namespace) -> int:
    """Prints the embedded data sets."""
    from rgnn_jax.datasets.text import TextData, load_text

    text = load_text(TextData())
    sizes = {split: len(getattr(text, split)) for split in ("train", "validation", "test")}
    if args.json:
        print_json({"chapter": {"symbols": len(text.vocabulary), **sizes}})
        return 0
    split = ", ".join(f"{size:,} {name}" for name, size in sizes.items())
    print(f"chapter   an original chapter of prose, {len(text.vocabulary)} symbols ({split} characters)")
    print("any other data.path is a UTF-8 text file, or a folder that `rgnn data prepare` wrote")
    return 0


def run_prepare(args: argparse.Namespace) -> int:
    """Writes the exercise's format, or downloads the text that is known by this name."""
    from rgnn_jax.datasets.download import TINYSHAKESPEARE, download
    from rgnn_jax.datasets.one_hot import prepare_one_hot

    if args.text == "tinyshakespeare":
        print(download(TINYSHAKESPEARE, Path("data")))
        return 0

    count = prepare_one_hot(args.text, args.out, lower=not args.keep_case, overwrite=args.overwrite)
    print(f"{args.out}: alphabet.npy and {count} samples")
    return 0
