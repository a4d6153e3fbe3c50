"""What the documents print is true: commands parse, paths exist, nothing points at one machine."""

import argparse
import re
import shlex
from pathlib import Path

import pytest

from rgnn_jax import cli
from rgnn_jax.config import load_experiment

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted(
    path
    for pattern in ("*.md", "docs/*.md", "benchmarks/*.md", "ckpt/*.md", "data/*.md", "configs/*.toml")
    for path in ROOT.glob(pattern)
)
# Made by a command that the documents print, or by the reader.
MADE = (
    "ckpt/", "data/text", "data/tinyshakespeare.txt", "data/dsprites.npz", "exported/", "checkpoints/",
    "figures/", "samples/", "tensorboard/",
)  # fmt: skip
EXAMPLES = (
    "configs/yours_chapter.toml",
    "rgnn_jax/models/yours.py",
    "rgnn_jax/datasets/yours.py",
    "rgnn_jax/tasks/yours.py",
)
TESTS_OF_EXAMPLES = (
    "tests/models/test_yours.py",
    "tests/datasets/test_yours.py",
    "tests/tasks/test_yours.py",
)
BLOCK = re.compile(r"^```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#\s]+)")
QUOTED_PATH = re.compile(r"`([\w.-]+/[\w./*-]*)`")
pytestmark = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))


def commands(document: Path) -> list[list[str]]:
    """The lines `rgnn ...` of a document, in blocks and in the text, without those that are only patterns."""
    text = document.read_text(encoding="utf-8")
    lines = [line.strip() for block in BLOCK.findall(text) for line in block.splitlines()]
    lines += re.findall(r"`(rgnn \w+ [^`]+)`", BLOCK.sub("", text))
    lines += re.findall(r"^#   (rgnn .+)$", text, re.MULTILINE)
    found = [line for line in lines if line.startswith("rgnn ")]
    pattern = re.compile(r"\[--|\.\.\.|\| |\bCONFIG\b|\bRUN\b")
    return [shlex.split(line, comments=True) for line in found if not pattern.search(line)]


def test_commands_parse(document, monkeypatch):
    parsed = []

    def keep(args: argparse.Namespace) -> int:
        parsed.append(args)
        return 0

    real = argparse.ArgumentParser.parse_known_args

    def parse(self, *args, **kwargs):
        namespace, rest = real(self, *args, **kwargs)
        if getattr(namespace, "run", None) is not None:
            namespace.run = keep
        return namespace, rest

    monkeypatch.setattr(argparse.ArgumentParser, "parse_known_args", parse)
    for words in commands(document):
        if words[1:] == ["--help"]:
            continue
        parsed.clear()
        assert cli.main(words[1:]) == 0, " ".join(words)
        [args] = parsed
        config = getattr(args, "config", None)
        if config is not None:
            single = [(name, value.split(",")[0]) for name, value in args.settings]
            load_experiment(ROOT / config, single)


def test_links_lead_somewhere(document):
    for target in LINK.findall(document.read_text(encoding="utf-8")):
        if not target.startswith(("https://", "http://")):
            assert (document.parent / target).exists(), target


def test_paths_exist(document):
    text = document.read_text(encoding="utf-8")
    words = [word for block in BLOCK.findall(text) for word in re.split(r"[\s=\"']+", block)]
    paths = [
        word
        for word in words
        if re.fullmatch(r"(configs|scripts|benchmarks|tests|docs|notebooks)/[\w./-]+", word)
    ]
    for path in paths + QUOTED_PATH.findall(text):
        if path.startswith(MADE) or path in (*EXAMPLES, *TESTS_OF_EXAMPLES):
            continue
        places = (ROOT, ROOT / "rgnn_jax", document.parent)
        pattern = re.sub(r"\{[^}]*\}", "*", path).rstrip("/")
        assert any(any(place.glob(pattern)) for place in places), path


def test_no_path_of_one_machine(document):
    text = document.read_text(encoding="utf-8")
    assert not re.search(r"(?<![\w.:/*)}`-])/(work|home|root|Users|tmp|mnt)\b", text)
