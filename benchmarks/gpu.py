"""What is to be measured where there is a GPU: not measured yet.

Part one trains `configs/transformer_tinyshakespeare_gpu.toml` as a fresh process, start and compilation
counted in, and scores the whole last 10% of the text; the aim is 1.45 nats or lower within 180 s on one GPU
of the A100 or H100 class. Part two times a training step of each family in bfloat16 against PyTorch with
autocast, run eagerly and through `torch.compile`, on the same GPU, in turn.

    pip install -U "jax[cuda13]" && pip install torch
    python benchmarks/gpu.py [--text data/tinyshakespeare.txt] [--seconds 180] [--skip train steps] [--quick]
"""

import argparse
import dataclasses
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import record
import step_time
from equal_time import train_ours
from families import FAMILIES, Family
from record import ROOT, Column, Row
from step_time import Setting

CONFIG = ROOT / "configs" / "transformer_tinyshakespeare_gpu.toml"
AIM = 1.45
TRAINING_COLUMNS = [
    Column("label", "run"),
    Column("parameters", "parameters", "{:,}"),
    Column("seconds", "seconds", "{:.1f}"),
    Column("outside", "process, s", "{:.1f}"),
    Column("steps", "steps", "{:,}"),
    Column("windows", "windows of 256, nats", "{:.3f}"),
    Column("carried", "overlapping, nats", "{:.3f}"),
    Column("aim", "aim", "{:.2f}"),
]
STEP_COLUMNS = [
    Column("label", "training step, bfloat16"),
    Column("work", "batch x tokens"),
    Column("peer", "peer"),
    Column("ours_ms", "ours ms", "{:.2f}"),
    Column("torch_ms", "PyTorch ms", "{:.2f}"),
    Column("ratio", "ours / PyTorch (quartiles)"),
    Column("first_difference", "first loss differs by", "{:.0e}"),
]
# Batches that fill a GPU better than those of the CPU tables, and nanoGPT's size for one.
STEP_FAMILIES = [
    *(dataclasses.replace(FAMILIES[name], batch_size=128) for name in ("lstm", "gru", "tcn")),
    Family("gpt", "GPT 6/6/384", batch_size=64, window=256, layers=6, width=384, heads=6, context=256),
]


def steps(rounds: int, count: int) -> list[Row]:
    """A row for each family and each of the two ways to run PyTorch."""
    # Both libraries live on the GPU at once; by default JAX would take most of its memory.
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    rows = []
    for family in STEP_FAMILIES:
        for peer, compiled in (("eager", False), ("torch.compile", True)):
            setting = Setting("cuda", "bfloat16", compiled)
            comparison = step_time.measure(family, setting, count, rounds)
            rows.append(step_time.summarise(family, comparison, count) | {"peer": peer})
            print(record.plain(rows, STEP_COLUMNS), end="\n\n", flush=True)
    return rows


def require_gpu() -> None:
    """Ends with a message where a library lacks a GPU; asks in processes of their own, which give it back."""
    questions = {
        "JAX": "import jax; print(jax.default_backend() == 'gpu')",
        "PyTorch": "import torch; print(torch.cuda.is_available())",
    }
    for library, question in questions.items():
        done = subprocess.run([sys.executable, "-c", question], capture_output=True, text=True)
        if done.stdout.strip() != "True":
            sys.exit(f"gpu.py: {library} sees no GPU; install its CUDA build, or run the other benchmarks")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--text", type=Path, default=ROOT / "data" / "tinyshakespeare.txt")
    parser.add_argument("--seconds", type=float, default=180.0, help="training budget (default: 180)")
    parser.add_argument("--rounds", type=int, default=10, help="blocks of each side (default: 10)")
    parser.add_argument("--steps", type=int, default=50, help="steps a block (default: 50)")
    parser.add_argument("--skip", nargs="+", choices=("train", "steps"), default=[])
    parser.add_argument("--quick", action="store_true", help="20 s of training, 2 rounds; keeps nothing")
    args = parser.parse_args()
    if "train" not in args.skip and not args.text.exists():
        parser.error(f"{args.text}: no such file; `rgnn data prepare tinyshakespeare` downloads it")
    return args


def main() -> None:
    args = parse()
    require_gpu()
    busy = record.busy_cores()
    seconds, rounds, count = (20.0, 2, 4) if args.quick else (args.seconds, args.rounds, args.steps)
    training: list[Row] = []
    if "train" not in args.skip:
        with tempfile.TemporaryDirectory() as folder:
            chosen = {"data.path": args.text.resolve(), "training.max-seconds": seconds}
            ours = train_ours(CONFIG, chosen, "gpu", 256, Path(folder))
            training = [{"label": CONFIG.stem, **ours, "aim": AIM}]
        print(record.plain(training, TRAINING_COLUMNS), end="\n\n", flush=True)
    step_rows = [] if "steps" in args.skip else steps(rounds, count)
    if args.quick:
        return
    for name, rows in (("gpu_training", training), ("gpu_step_time", step_rows)):
        if rows:
            settings = {
                "busy_cores_before": busy,
                "seconds": seconds,
                "rounds": rounds,
                "steps_a_block": count,
            }
            print(f"kept in {record.write(name, rows, settings)}")


if __name__ == "__main__":
    main()
