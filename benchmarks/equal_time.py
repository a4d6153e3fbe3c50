"""Equal wall-clock time: nanoGPT's CPU recipe in PyTorch against `rgnn train` with this project's configs.

The peer trains on the first 90% of the text; its training seconds become our budget, in which start and
compilation count (each of our runs is a fresh process with an empty compilation cache). Both are scored on
the whole last 10%: in windows of 64 read from nothing, and with as much context as the model can use
(overlapping windows where that is a window, else the state carried through the text).

Our configs keep nothing for validation: they train on the first 90%, with settings that were chosen with
`data.validation_fraction = 0.1`, and never look at the last 10% before the end. The difference to the peer is
the recipe's (optimiser, embeddings, schedule) as much as the framework's; step_time.py isolates the
framework.

    python benchmarks/equal_time.py [--text data/tinyshakespeare.txt] [--seconds N] [--seed S]
                                    [--families lstm gru tcn transformer] [--quick]
"""

import argparse
import json
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import record
from command import rgnn
from record import ROOT, Column, Row

WINDOW = 64
PEER = "PyTorch, nanoGPT's CPU recipe"
COLUMNS = [
    Column("label", "network"),
    Column("parameters", "parameters", "{:,}"),
    Column("seconds", "seconds", "{:.1f}"),
    Column("outside", "process, s", "{:.1f}"),
    Column("steps", "steps", "{:,}"),
    Column("windows", "windows of 64, nats", "{:.3f}"),
    Column("carried", "all context, nats", "{:.3f}"),
    Column("windows_gain", "better by", "{:+.3f}"),
    Column("carried_gain", "better by", "{:+.3f}"),
]


def train_peer(text: str, seed: int, seconds: float | None) -> Row:
    """Trains and scores the peer, in the process that calls this."""
    import torch_gpt

    symbols = sorted(set(text))
    codes = np.searchsorted(np.array([ord(c) for c in symbols]), np.array([ord(c) for c in text]))
    # The place at which `data.split = "position"` cuts as well.
    first_of_test = int((1 - 0.1) * len(codes))
    result = torch_gpt.train(codes[:first_of_test], len(symbols), seed, seconds=seconds)
    test = codes[first_of_test:]
    return {
        "label": PEER,
        "parameters": sum(p.numel() for p in result.model.parameters()),
        "seconds": result.seconds,
        "steps": result.curve[-1][0],
        "windows": torch_gpt.evaluate_windows(result.model, test, WINDOW),
        "carried": torch_gpt.evaluate_overlapping(result.model, test, WINDOW),
        "count": len(test) - 1,
    }


def train_ours(config: Path, settings: Mapping[str, object], name: str, window: int, folder: Path) -> Row:
    """Trains and scores one network through the command, a process each.

    Args:
        config: the configuration.
        settings: beside it.
        name: of the run.
        window: how many characters are scored together, read from nothing.
        folder: for the run.
    """
    # A cache of its own: compilation is part of the time.
    command = partial(rgnn, environment={"JAX_COMPILATION_CACHE_DIR": str(folder / f"cache_{name}")})
    at = ["--ckpt-dir", folder, "--json"]
    words = [word for field, value in settings.items() for word in (f"--{field}", value)]
    began = time.perf_counter()
    trained = json.loads(command("train", config, "--name", name, *at, *words))
    outside = time.perf_counter() - began
    evaluate = ["evaluate", name, "--split", "test", *at]
    windows = json.loads(command(*evaluate, "--rule", "windows", "--window", window))
    carried = json.loads(command(*evaluate, "--rule", "carried"))
    return {
        "parameters": count_parameters(folder / name),
        "seconds": trained["seconds"],
        "outside": outside,
        "steps": windows["step"],
        "windows": windows["loss"],
        "carried": carried["loss"],
        "count": windows["count"],
    }


def count_parameters(run: Path) -> int:
    """Numbers in a run's parameters, read on the CPU to leave an accelerator to later processes."""
    import jax

    jax.config.update("jax_platforms", "cpu")
    from rgnn_jax.models.language import parameter_count
    from rgnn_jax.train.session import load_run

    return parameter_count(load_run(str(run), run.parent).params)


def compare(peer: Row, ours: Row) -> Row:
    """Our row with its distances to the peer's; positive is better."""
    if ours["count"] != peer["count"]:
        raise RuntimeError(f"{ours['label']} scored {ours['count']} characters, the peer {peer['count']}")
    return ours | {f"{rule}_gain": peer[rule] - ours[rule] for rule in ("windows", "carried")}


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    families = ["lstm", "gru", "tcn", "transformer"]
    parser.add_argument("--text", type=Path, default=ROOT / "data" / "tinyshakespeare.txt")
    parser.add_argument("--seconds", type=float, help="for the peer too (default: its 2,000 steps)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--families", nargs="+", choices=families, default=families)
    parser.add_argument("--quick", action="store_true", help="20 seconds each; keeps nothing")
    args = parser.parse_args()
    if not args.text.exists():
        parser.error(f"{args.text}: no such file; `rgnn data prepare tinyshakespeare` downloads it")
    return args


def main() -> None:
    args = parse()
    busy = record.busy_cores()
    seconds = 20.0 if args.quick and args.seconds is None else args.seconds
    # As `rgnn train` reads it: UTF-8, a byte order mark dropped.
    text = args.text.read_text(encoding="utf-8-sig")
    # The peer's process ends before ours begin, and its threads with it.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        peer = pool.submit(train_peer, text, args.seed, seconds).result()
    rows = [peer]
    print(record.plain(rows, COLUMNS), flush=True)
    chosen = {
        "data.path": args.text.resolve(),
        "training.max-seconds": peer["seconds"],
        "training.seed": args.seed,
    }
    with tempfile.TemporaryDirectory() as folder:
        for family in args.families:
            config = ROOT / "configs" / f"{family}_tinyshakespeare.toml"
            ours = train_ours(config, chosen, family, WINDOW, Path(folder))
            rows.append(compare(peer, {"label": f"rgnn, {config.stem}", **ours}))
            print(record.plain(rows, COLUMNS), flush=True)
    print("\nThe gain is the recipe's as well as the framework's.")
    if not args.quick:
        settings = {
            "busy_cores_before": busy,
            "text": args.text.name,
            "seed": args.seed,
            "characters_scored": peer["count"],
        }
        print(f"kept in {record.write('equal_time', rows, settings)}")


if __name__ == "__main__":
    main()
