"""`rgnn data`: what data there are, the exercise's one-hot format, and sets of pictures by name."""

import argparse
import difflib
import importlib.util
import re
from pathlib import Path
from typing import Any

from rgnn_jax.commands.arguments import add_command, add_json, print_json, refuse
from rgnn_jax.errors import UserError

_CHAPTER, _SHAKESPEARE = "chapter", "tinyshakespeare"
_EMBEDDED = {
    "faces": "rendered faces, 64x64 in colour, with the factors they are drawn from",
    "digits": "scikit-learn's handwritten digits, 1,797 of 8x8 in grey",
}


def register(commands: Any) -> None:
    """Adds the command with its two verbs."""
    parser = add_command(
        commands,
        "data",
        run_list,
        "List data sets, or prepare one.",
        "rgnn data prepare mnist",
    )
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    listing = add_command(verbs, "list", run_list, "List the embedded data sets.", "rgnn data list")
    listing.set_defaults(prog="rgnn data list")
    add_json(listing)
    prepare = add_command(
        verbs,
        "prepare",
        run_prepare,
        "Turn a text into alphabet.npy and one sample_0001.npy a paragraph, each [time, alphabet] one-hot; "
        "or download a set of pictures by its name.",
        "rgnn data prepare novel.txt --out data/novel",
    )
    prepare.set_defaults(prog="rgnn data prepare")
    prepare.add_argument(
        "text",
        metavar="NAME",
        nargs="?",
        default=_CHAPTER,
        help="a UTF-8 file (default: chapter); or tinyshakespeare, mnist, fashion_mnist, tf_flowers, lfw or "
        "another set of TensorFlow Datasets to download it",
    )
    prepare.add_argument(
        "--out", type=Path, help="the folder (default: data/text; data for what is downloaded)"
    )
    of_texts = prepare.add_argument_group("texts that are not downloaded")
    of_texts.add_argument("--keep-case", action="store_true", default=None, help="do not lower-case the text")
    of_texts.add_argument(
        "--overwrite", action="store_true", default=None, help="replace a folder of the same format"
    )


def run_list(args: argparse.Namespace) -> int:
    """Prints the embedded data sets, and the sets of pictures that are known by name."""
    from rgnn_jax.datasets.image_download import DOWNLOADS
    from rgnn_jax.datasets.text import TextData, load_text

    text = load_text(TextData())
    sizes = {split: len(getattr(text, split)) for split in ("train", "validation", "test")}
    if args.json:
        pictures = {name: {"pictures": True, "download": name in DOWNLOADS} for name in _pictures()}
        print_json({"chapter": {"symbols": len(text.vocabulary), **sizes}, **pictures})
        return 0
    split = ", ".join(f"{size:,} {name}" for name, size in sizes.items())
    print(f"chapter   an original chapter of prose, {len(text.vocabulary)} symbols ({split} characters)")
    print(f"data/{_SHAKESPEARE}.txt   1.1 million characters, by `rgnn data prepare {_SHAKESPEARE}`")
    print("any other data.path is a UTF-8 text file, or a folder that `rgnn data prepare` wrote")
    print()
    for name, description in _pictures().items():
        print(f"{name:<14}{description}")
    print("any other data.path is a folder or a .zip, .tgz, .npy, .npz or idx file of pictures")
    print()
    print('sums and differences are made as they are needed: data.kind = "arithmetic"')
    return 0


def _pictures() -> dict[str, str]:
    """What there is of pictures, by name."""
    from rgnn_jax.datasets.image_download import DOWNLOADS

    return _EMBEDDED | {name: f"`rgnn data prepare {name}` downloads it to data/" for name in DOWNLOADS}


def run_prepare(args: argparse.Namespace) -> int:
    """Writes the exercise's format, or downloads the text that is known by this name."""
    from rgnn_jax.datasets.download import TINYSHAKESPEARE, download
    from rgnn_jax.datasets.one_hot import prepare_one_hot

    downloaded = f"{args.text} is downloaded as it is"
    if args.text == _SHAKESPEARE:
        refuse(args, downloaded, "keep_case", "overwrite")
        print(download(TINYSHAKESPEARE, args.out or Path("data")))
        return 0
    if args.text in _EMBEDDED and not Path(args.text).exists():
        raise UserError(f"{args.text}: comes with the package, ready to use: set data.path to {args.text}")
    if _names_pictures(args.text):
        from rgnn_jax.datasets.image_download import prepare_pictures

        refuse(args, downloaded, "keep_case", "overwrite")
        data_dir = args.out or Path("data")
        print(f'{prepare_pictures(args.text, data_dir)}: ready, as data.path = "{args.text}"')
        return 0

    if re.fullmatch(r"\w+", args.text) and args.text != _CHAPTER and not Path(args.text).exists():
        raise UserError(_unknown(args.text))
    out = args.out or Path("data/text")
    count = prepare_one_hot(args.text, out, lower=not args.keep_case, overwrite=bool(args.overwrite))
    print(f"{out}: alphabet.npy and {count} samples")
    return 0


def _unknown(name: str) -> str:
    """What to say of a word that is neither a file nor the name of a set."""
    from rgnn_jax.datasets.image_download import DOWNLOADS

    near = difflib.get_close_matches(name, [_CHAPTER, _SHAKESPEARE, *DOWNLOADS], n=1)
    if near:
        return f"{name}: neither a file nor a set of this name; did you mean {near[0]}?"
    more = ""
    if importlib.util.find_spec("tensorflow_datasets") is None:
        more = ', and with `pip install "rgnn-jax[images]"` those of TensorFlow Datasets have names too'
    return f"{name}: neither a file nor a set of this name; `rgnn data` lists some{more}"


def _names_pictures(name: str) -> bool:
    """Whether a set of pictures is called so; files and words like names of files are texts."""
    from rgnn_jax.datasets.image_download import DOWNLOADS, is_tfds_name

    if name in DOWNLOADS:
        return True
    like_a_set = name != _CHAPTER and re.fullmatch(r"[a-z][a-z0-9_]*(/[\w-]+)?", name)
    return bool(like_a_set) and not Path(name).exists() and is_tfds_name(name)
