"""How well single latent dimensions stand for single factors of sprites, after equal time.

A beta-VAE (beta 4) beside a FactorVAE whose capacity rises, of the same layers, each with several seeds, on a
file in the layout of dSprites. Every network is trained by `rgnn train` for the same seconds; its scores are
those of `rgnn evaluate --disentanglement` on held-out pictures, at the end and at the steps that were kept on
the way, which a picture beside the kept table shows.

    python benchmarks/disentanglement.py --data-path FILE.npz [--seconds 600] [--seeds 0 1 2]
        [--cores 0 1] [--quick]
"""

import argparse
import json
import os
import queue
import statistics
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import record
from command import rgnn
from record import ROOT, Column, Row

CONFIG = ROOT / "configs" / "factor_vae_sprites.toml"
OBJECTIVES = {
    # 4 |KL - 0| is 4 KL: no capacity.
    "beta-VAE, beta 4": [
        "--model.objective",
        "beta",
        "--model.capacity",
        "0",
        "--model.capacity-weight",
        "4",
    ],
    "FactorVAE, rising capacity": [],
}
SCORES = ("mig", "dci_disentanglement", "dci_completeness", "sap", "factor_vae_score", "beta_vae_score")
COLUMNS = [
    Column("label", "objective"),
    Column("seed", "seed"),
    Column("seconds", "seconds", "{:.0f}"),
    Column("steps", "steps", "{:,}"),
    Column("negative_elbo", "-ELBO, nats", "{:.1f}"),
    Column("mig", "MIG", "{:.3f}"),
    Column("dci_disentanglement", "DCI, D", "{:.2f}"),
    Column("dci_completeness", "DCI, C", "{:.2f}"),
    Column("sap", "SAP", "{:.3f}"),
    Column("factor_vae_score", "FactorVAE", "{:.2f}"),
    Column("beta_vae_score", "beta-VAE", "{:.2f}"),
]
MILESTONES = (2, 6, 16, 40)
"""Epochs after which a network is kept, to be scored beside the last."""


def measure(
    label: str, seed: int, data: Path, seconds: float, folder: Path, extra: list[str], core: int | None
) -> Row:
    """Trains one network, on this core alone where one is given, and scores it over time."""
    name = f"{list(OBJECTIVES).index(label)}-{seed}"
    where = ["--ckpt-dir", folder]
    rgnn(
        "train", CONFIG, *where, "--name", name, "--quiet", "--data.path", data,
        "--training.max-seconds", seconds, "--training.seed", seed,
        "--training.milestones", ",".join(map(str, MILESTONES)), *OBJECTIVES[label], *extra, core=core,
    )  # fmt: skip
    kept = sorted(int(path.name) for path in (folder / name / "checkpoints").iterdir() if path.name.isdigit())
    times = _times(folder / name / "metrics.jsonl")
    course = []
    for step in kept:
        scores = json.loads(
            rgnn("evaluate", name, *where, "--step", step, "--disentanglement", "--json", core=core)
        )
        course.append({"seconds": times(step), "steps": step, **scores})
    last = course[-1]
    row: Row = {"label": label, "seed": seed, "seconds": seconds, "steps": last["steps"]}
    row |= {key: last[key] for key in ("negative_elbo", *SCORES)}
    return row | {"course": [{key: point[key] for key in ("seconds", "steps", "mig")} for point in course]}


def medians(rows: list[Row]) -> list[Row]:
    """The rows, and after those of an objective their medians."""
    table = []
    for label in OBJECTIVES:
        own = [row for row in rows if row["label"] == label]
        middle: dict[str, Any] = {
            key: statistics.median(row[key] for row in own) for key in ("seconds", "negative_elbo", *SCORES)
        }
        table += [*own, {"label": f"{label}: median", "seed": "-", **middle}]
    return table


def draw(rows: list[Row], path: Path) -> Path:
    """MIG against training time, a line for each network."""
    import numpy as np

    from rgnn_jax.figures.curves import Curve, Series, learning_curves
    from rgnn_jax.figures.style import save

    curves = {}
    for row in rows:
        minutes, gaps = ([point[key] for point in row["course"]] for key in ("seconds", "mig"))
        name = f"{row['label'].split(',')[0]}, seed {row['seed']}"
        curves[name] = Curve(Series(np.array(minutes) / 60.0, np.array(gaps)))
    save(learning_curves(curves, x_label="minutes of training", y_label="MIG"), path)
    return path


def _times(metrics: Path) -> Any:
    """Seconds at a step, between those that were written down."""
    import numpy as np

    rows = [json.loads(line) for line in metrics.read_text().splitlines()]
    # Rows of held-out scores have no clock.
    steps, seconds = zip(*[(row["step"], row["seconds"]) for row in rows if "seconds" in row], strict=True)
    return lambda step: float(np.interp(step, steps, seconds))


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--data-path", type=Path, required=True, help="an .npz in the layout of dSprites")
    parser.add_argument("--seconds", type=float, default=600.0, help="training time of each network")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--cores", type=int, nargs="+", help="train a network on each of these at a time")
    parser.add_argument("--quick", action="store_true", help="20 seconds, one seed, and keep nothing")
    args = parser.parse_args()
    strange = set(args.cores or ()) - os.sched_getaffinity(0)
    if strange:
        print(f"--cores: this process has no core {min(strange)}", file=sys.stderr)
        return 2
    if not args.data_path.is_file():
        print(f"{args.data_path}: no such file", file=sys.stderr)
        return 2
    seconds, seeds = (20.0, [0]) if args.quick else (args.seconds, args.seeds)
    extra = ["--data.limit", "2000"] if args.quick else []
    busy = record.busy_cores()
    with tempfile.TemporaryDirectory() as folder:
        cores: queue.Queue[int | None] = queue.Queue()
        for core in args.cores or [None]:
            cores.put(core)

        def one(label: str, seed: int) -> Row:
            core = cores.get()
            try:
                return measure(label, seed, args.data_path.resolve(), seconds, Path(folder), extra, core)
            finally:
                cores.put(core)

        with ThreadPoolExecutor(cores.qsize()) as pool:
            waiting = [pool.submit(one, label, seed) for seed in seeds for label in OBJECTIVES]
            try:
                rows = [row.result() for row in waiting]
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
    table = medians(rows)
    print(record.plain(table, COLUMNS))
    for row in rows:
        course = ", ".join(f"{point['mig']:.3f} at {point['seconds']:.0f} s" for point in row["course"])
        print(f"MIG of {row['label']}, seed {row['seed']}: {course}")
    if not args.quick:
        settings = {"seconds": seconds, "seeds": seeds, "cores": args.cores, "busy_cores_before": busy}
        print(record.write("disentanglement", table, settings))
        print(draw(rows, record.RESULTS / "disentanglement.svg"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
