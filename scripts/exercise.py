"""What the exercise's train and test scripts share: each is one `rgnn` command on one configuration."""

import sys
from pathlib import Path

from rgnn_jax.cli import main

CONFIGS = Path(__file__).resolve().parents[1] / "configs"


def train(kind: str) -> int:
    """`rgnn train configs/{kind}_chapter.toml`; further arguments are passed on."""
    return main(["train", str(CONFIGS / f"{kind}_chapter.toml"), *sys.argv[1:]])


def test(kind: str) -> int:
    """Continues beginnings of training and held-out paragraphs beside the true text."""
    for split in ("train", "test"):
        print(f"== {split} paragraphs", file=sys.stderr, flush=True)
        arguments = ["--paragraphs", split, "--num-samples", "3", *sys.argv[1:]]
        code = main(["sample", f"{kind}_chapter", *arguments])
        if code:
            return code
    return 0
