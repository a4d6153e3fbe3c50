"""Writes the tables of README.md from the measurements in benchmarks/results/.

python benchmarks/update_readme.py            rewrite the region between the two markers
python benchmarks/update_readme.py --check    fail where README.md and the measurements disagree
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import arithmetic
import decode_time
import disentanglement
import equal_time
import gan_step_time
import gpu
import record
import seq2seq_step_time
import startup
import step_time
import vae_step_time
from record import RESULTS, ROOT, Column

BEGIN, END = "<!-- benchmarks -->", "<!-- /benchmarks -->"


class Section(NamedTuple):
    """A measurement's place in the README."""

    title: str
    name: str
    command: str
    columns: Sequence[Column]
    note: str


SECTIONS = (
    Section(
        "Training step on a CPU",
        "step_time",
        "step_time.py",
        step_time.COLUMNS[:5],
        "Ratios below 1: ours is faster. The peer is eager PyTorch with its default threads.",
    ),
    Section(
        "Training step of an autoencoder on a CPU",
        "vae_step_time",
        "vae_step_time.py",
        (*vae_step_time.COLUMNS[:6], vae_step_time.COLUMNS[-1]),
        "Ratios below 1: ours is faster; the first step is ours, with compilation.",
    ),
    Section(
        "Decoding 1,000 characters on a CPU",
        "decode_time",
        "decode_time.py",
        decode_time.COLUMNS[:5],
        "Batch 1; one compiled scan beside Python loops over PyTorch.",
    ),
    Section(
        "Encoder-decoder of the document on a CPU",
        "seq2seq_step_time",
        "seq2seq_step_time.py",
        seq2seq_step_time.COLUMNS,
        "Ratios below 1: ours is faster. The peer is eager PyTorch with its default threads. In the rows of "
        "products alone these, by PyTorch, stand in the place of ours: what multiplies no faster cannot be "
        "below their ratio.",
    ),
    Section(
        "Training step of a generator-discriminator pair on a CPU",
        "gan_step_time",
        "gan_step_time.py --micro-batches 8",
        gan_step_time.COLUMNS[:5],
        "Ratios below 1: ours is faster. The peer is eager PyTorch with its default threads; its batch "
        "normalisation is over 64 pictures, ours over eighths of them, which is quicker.",
    ),
    Section(
        "Tiny shakespeare, equal wall-clock time on a CPU",
        "equal_time",
        "equal_time.py",
        equal_time.COLUMNS,
        "Nats a character on the last 10% of the text; ours counts start and compilation. "
        "The gain is the recipe's as well as the framework's.",
    ),
    Section(
        "Arithmetic, whole answers right",
        "arithmetic",
        "arithmetic.py",
        arithmetic.COLUMNS,
        "Held-out queries, a+b and b+a always on one side, asked once.",
    ),
    Section(
        "Arithmetic of three digits",
        "arithmetic_three_digits",
        "arithmetic.py --digits 3",
        arithmetic.COLUMNS,
        "Trained on a twentieth of all queries; of the others, about 40,000 are asked once.",
    ),
    Section(
        "Disentanglement of sprites after equal time",
        "disentanglement",
        "disentanglement.py --data-path FILE.npz --seconds 420 --cores 0 1",
        disentanglement.COLUMNS,
        "Test pictures of 32x32; all scores but the bound are between 0 and 1. Each network was trained "
        "on one core; [disentanglement.svg](benchmarks/results/disentanglement.svg) draws MIG over time.",
    ),
    Section(
        "Disentanglement of rendered faces after equal time",
        "disentanglement_faces",
        "disentanglement.py --seconds 200 --cores 0 1",
        disentanglement.COLUMNS,
        "The same of 64x64 colour faces with twelve factors; "
        "[disentanglement_faces.svg](benchmarks/results/disentanglement_faces.svg) draws MIG over time.",
    ),
    Section(
        "Start, from a warm compilation cache",
        "startup",
        "startup.py",
        startup.COLUMNS,
        "The first character is the first that the model writes.",
    ),
    Section(
        "Tiny shakespeare on one GPU",
        "gpu_training",
        "gpu.py",
        gpu.TRAINING_COLUMNS,
        "Nats a character on the last 10% of the text; start and compilation count.",
    ),
    Section(
        "Training step on one GPU",
        "gpu_step_time",
        "gpu.py",
        gpu.STEP_COLUMNS[:6],
        "Ratios below 1: ours is faster.",
    ),
)


def render(folder: Path = RESULTS) -> str:
    """The region's text; what nobody measured is marked as such."""
    parts = []
    for section in SECTIONS:
        parts.append(f"**{section.title}** (`python benchmarks/{section.command}`)")
        measurement = record.read(section.name, folder)
        if measurement is None:
            parts.append("Not measured yet.")
            continue
        parts.append(record.markdown(measurement["rows"], section.columns))
        parts.append(f"{section.note} Measured on {record.where(measurement)}.")
    return "\n\n".join(parts)


def replace(readme: str, region: str) -> str:
    """The README with the region between the markers replaced.

    Raises:
        ValueError: where the markers are missing, repeated or out of order.
    """
    if readme.count(BEGIN) != 1 or readme.count(END) != 1 or readme.index(BEGIN) > readme.index(END):
        raise ValueError(f"README.md needs one line {BEGIN} and, after it, one line {END}")
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{region}\n\n{END}{after}"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--check", action="store_true", help="change nothing; fail where they disagree")
    parser.add_argument("--readme", type=Path, default=ROOT / "README.md", help="default: README.md")
    parser.add_argument("--results", type=Path, default=RESULTS, help="default: benchmarks/results")
    args = parser.parse_args()
    try:
        old = args.readme.read_text(encoding="utf-8")
        new = replace(old, render(args.results))
    except (OSError, ValueError) as error:
        print(f"update_readme.py: {error}", file=sys.stderr)
        return 2
    if args.check:
        if old != new:
            print(
                f"{args.readme}: its tables are not those of {args.results}; "
                "run `python benchmarks/update_readme.py`",
                file=sys.stderr,
            )
        return int(old != new)
    args.readme.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
