"""How long a command takes to start, from a warm compilation cache, and which heavy modules it imports.

`rgnn sample RUN --stream` is timed until the first character that the model wrote arrives at a terminal (the
prompt is printed before it); `rgnn --help` and `import rgnn_jax` until the process has ended. Goals: 4 s to
the first character, 1 s for the other two.

    python benchmarks/startup.py [--run NAME_OR_PATH] [--ckpt-dir ckpt] [--repeats 7] [--quick]
"""

import argparse
import os
import pty
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import record
from record import ROOT, Column, Row

HEAVY = ("torch", "tensorflow", "matplotlib", "orbax", "tensorstore", "flax", "jax", "sklearn")
COLUMNS = [
    Column("label", "command"),
    Column("seconds", "median s", "{:.2f}"),
    Column("spread", "quickest - slowest"),
    Column("goal", "goal s", "{:g}"),
    Column("modules", "heavy modules imported"),
]
_PROMPT = "the "
_RGNN = ["-m", "rgnn_jax"]
_GIVE_UP = 120.0


def seconds_to_first_character(arguments: Sequence[str]) -> float:
    """Seconds from the start of the process until something beyond the prompt reaches a terminal."""
    reader, writer = pty.openpty()
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *arguments], stdin=subprocess.DEVNULL, stdout=writer, stderr=subprocess.PIPE
    )
    os.close(writer)
    written = b""
    try:
        while len(written) <= len(_PROMPT):
            # Linux reports the end of a terminal as an error, other systems as an empty read.
            try:
                piece = os.read(reader, 1024)
            except OSError:
                piece = b""
            if not piece:
                raise RuntimeError(f"it wrote {written!r} and ended: {process.communicate()[1].decode()}")
            written += piece
        return time.perf_counter() - began
    finally:
        os.close(reader)
        process.kill()
        process.communicate()


def seconds_to_end(arguments: Sequence[str]) -> float:
    """Seconds that a command takes from start to end."""
    began = time.perf_counter()
    subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True, timeout=_GIVE_UP)
    return time.perf_counter() - began


def heavy_modules(arguments: Sequence[str]) -> list[str]:
    """Those of `HEAVY` that a command imports, in the order in which they were asked for."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=True,
        timeout=_GIVE_UP,
    )
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in lines}
    return [name for name in HEAVY if name in imported]


def make_run(folder: Path) -> str:
    """A run of one step, as good as any other for starting."""
    arguments = ["train", str(ROOT / "configs" / "lstm_chapter.toml"), "--name", "startup", "--quiet"]
    settings = ["--ckpt-dir", str(folder), "--training.steps", "1"]
    subprocess.run([sys.executable, *_RGNN, *arguments, *settings], check=True)
    return str(folder / "startup")


def measure(run: str, repeats: int) -> list[Row]:
    """One row a command; the commands take turns, after one round that warms the caches."""
    sample = [*_RGNN, "sample", run, "--prompt", _PROMPT, "--max-new-tokens", "200"]
    commands = {
        "rgnn sample --stream, first character": ([*sample, "--stream"], seconds_to_first_character, 4.0),
        "rgnn --help": ([*_RGNN, "--help"], seconds_to_end, 1.0),
        "python -c 'import rgnn_jax'": (["-c", "import rgnn_jax"], seconds_to_end, 1.0),
    }
    taken: dict[str, list[float]] = {label: [] for label in commands}
    for _ in range(repeats + 1):
        for label, (arguments, seconds, _) in commands.items():
            taken[label].append(seconds(arguments))
    rows = []
    for label, (arguments, _, goal) in commands.items():
        warm = taken[label][1:]
        rows.append(
            {
                "label": label,
                "seconds": statistics.median(warm),
                "spread": f"{min(warm):.2f} - {max(warm):.2f}",
                "goal": goal,
                "modules": ", ".join(heavy_modules(arguments)) or "none",
                "all_seconds": warm,
            }
        )
    return rows


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--run", help="a run to sample from (default: a new one of a single step)")
    parser.add_argument("--ckpt-dir", type=Path, default=ROOT / "ckpt", help="where --run lies")
    parser.add_argument("--repeats", type=int, default=7, help="timed starts of each (default: 7)")
    parser.add_argument("--quick", action="store_true", help="one timed start of each; keeps nothing")
    return parser.parse_args()


def main() -> None:
    args = parse()
    busy = record.busy_cores()
    with tempfile.TemporaryDirectory() as folder:
        at_name = args.run and (str(args.ckpt_dir / args.run) if "/" not in args.run else args.run)
        rows = measure(at_name or make_run(Path(folder)), 1 if args.quick else args.repeats)
    print(record.plain(rows, COLUMNS))
    if not args.quick:
        settings = {
            "busy_cores_before": busy,
            "repeats": args.repeats,
            "run": args.run or "configs/lstm_chapter.toml, one step",
        }
        print(f"kept in {record.write('startup', rows, settings)}")


if __name__ == "__main__":
    main()
