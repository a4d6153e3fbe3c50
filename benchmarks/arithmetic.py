"""Whole answers right, of sums and differences that were held out, by how many queries were trained on.

Each network is trained with several seeds, one after the other; twins (a+b and b+a) are always on one side.
The test queries are asked once, at the end.

    python benchmarks/arithmetic.py [--digits 3] [--seeds 0 1 2] [--networks Transformer] [--quick]
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import record
from command import rgnn
from record import ROOT, Column, Row


class Network(NamedTuple):
    """A configuration, and the shares of the queries that it is trained on."""

    config: str
    shares: tuple[float, ...]


NETWORKS = {
    2: {
        "Transformer": Network("arithmetic_transformer", (0.9, 0.75, 0.5, 0.25)),
        "the document's LSTM": Network("arithmetic_lstm", (0.9,)),
    },
    3: {"Transformer": Network("arithmetic_transformer", (0.05,))},
}
"""By how many digits an operand has."""

KEPT = {2: "arithmetic", 3: "arithmetic_three_digits"}
COLUMNS = [
    Column("label", "network"),
    Column("share", "trained on", "{:.0%}"),
    Column("seeds", "seeds"),
    Column("queries", "test queries", "{:,}"),
    Column("worst", "worst seed, % right", "{:.2f}"),
    Column("median", "median, % right", "{:.2f}"),
    Column("wrong", "wrong answers"),
    Column("seconds", "longest training, s", "{:.0f}"),
]
_HELD_BACK = 0.02
"""The share of all queries that validation keeps, or less where little is left."""


def measure(
    label: str, network: Network, share: float, seeds: Sequence[int], folder: Path, extra: Sequence[str]
) -> Row:
    """Trains one network on a share of the queries, with each seed."""
    validation = min(_HELD_BACK, (1 - share) / 5)
    settings = {
        "data.train_fraction": share,
        "data.validation_fraction": validation,
        "data.test_fraction": round(1 - share - validation, 6),
    }
    right, times, count = [], [], 0
    for seed in seeds:
        name, where = f"{network.config}_{share:g}_{seed}", ["--ckpt-dir", folder]
        options = [word for key, value in settings.items() for word in (f"--{key}", value)]
        config = ROOT / "configs" / f"{network.config}.toml"
        began = time.perf_counter()
        rgnn("train", config, *where, "--name", name, "--quiet", "--training.seed", seed, *options, *extra)
        times.append(time.perf_counter() - began)
        score = json.loads(rgnn("evaluate", name, *where, "--split", "test", "--json"))
        right.append(score["whole_accuracy"])
        count = score["whole"]["count"]
        print(f"{label}, {share:.0%}, seed {seed}: {right[-1]:.4%} in {times[-1]:.0f} s", flush=True)
    ordered = sorted(right)
    return {
        "label": label,
        "share": share,
        "seeds": ", ".join(map(str, seeds)),
        "queries": count,
        "worst": 100 * ordered[0],
        "median": 100 * ordered[len(ordered) // 2],
        "wrong": ", ".join(str(round((1 - value) * count)) for value in right),
        "seconds": max(times),
    }


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument(
        "--digits", type=int, choices=list(NETWORKS), default=2, help="of an operand, at most"
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--networks", nargs="+", help="some of them only")
    parser.add_argument("--quick", action="store_true", help="one seed, 20 steps, and keep nothing")
    args = parser.parse_args()
    networks = {
        label: network
        for label, network in NETWORKS[args.digits].items()
        if args.networks is None or label in args.networks
    }
    seeds, extra = args.seeds, ["--data.digits", str(args.digits)]
    if args.quick:
        seeds, extra = [0], [*extra, "--training.steps", "20"]
    busy = record.busy_cores()
    with tempfile.TemporaryDirectory() as folder:
        rows = [
            measure(label, network, share, seeds, Path(folder), extra)
            for label, network in networks.items()
            for share in network.shares
        ]
    print(record.plain(rows, COLUMNS))
    if not args.quick:
        print(record.write(KEPT[args.digits], rows, {"seeds": list(seeds), "busy_cores_before": busy}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
