"""How well single latent dimensions stand for single factors, after equal time.

A beta-VAE (beta 4) beside another objective with the same layers, each with several seeds, on rendered
faces, or on sprites: a file in the layout of dSprites. Every network is trained by `rgnn train` for the same
seconds; its scores are those of `rgnn evaluate --disentanglement` on held-out pictures, at the end and at the
steps that were kept on the way, which a picture beside the kept table shows.

    python benchmarks/disentanglement.py [--data-path FILE.npz] [--seconds 600] [--seeds 0 1 2]
        [--cores 0 1] [--quick]
"""

import argparse
import json
import os
import queue
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import record
from command import rgnn
from record import ROOT, Column, Row

from rgnn_jax.cli import Parser
from rgnn_jax.errors import UserError

Settings = dict[str, object]


class Protocol(NamedTuple):
    """What is trained on a set of pictures.

    Attributes:
        name: of the kept table.
        config: the configuration.
        shared: settings beside it.
        objectives: those of each objective alone, by its name.
        milestones: epochs after which a network is kept, to be scored beside the last.
    """

    name: str
    config: Path
    shared: Settings
    objectives: dict[str, Settings]
    milestones: tuple[int, ...]


SPRITES = Protocol(
    name="disentanglement",
    config=ROOT / "configs" / "factor_vae_sprites.toml",
    shared={},
    objectives={
        # 4 |KL - 0| is 4 KL: no capacity.
        "beta-VAE, beta 4": {
            "model.objective": "beta", "model.capacity": 0, "model.capacity-weight": 4
        },
        "FactorVAE, rising capacity": {},
    },
    milestones=(2, 6, 16, 40),
)  # fmt: skip
FACES = Protocol(
    name="disentanglement_faces",
    config=ROOT / "configs" / "beta_vae_faces.toml",
    shared={"optimizer.schedule": "linear", "optimizer.decay-from": 0.5, "training.epochs": 1000},
    objectives={
        "beta-VAE, beta 4": {"model.beta": 4},
        "beta-TCVAE, beta 10": {"model.objective": "tc", "model.beta": 10},
    },
    milestones=(1, 2, 4),
)
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


def measure(
    protocol: Protocol, label: str, seed: int, folder: Path, settings: Settings, core: int | None
) -> Row:
    """Trains one network, on this core alone where one is given, and scores it over time."""
    name = f"{label.partition(',')[0]}-{seed}"
    where = ["--ckpt-dir", folder]
    own = {
        **protocol.objectives[label],
        **settings,
        "training.seed": seed,
        "training.milestones": ",".join(map(str, protocol.milestones)),
    }
    words = [word for field, value in own.items() for word in (f"--{field}", value)]
    rgnn("train", protocol.config, *where, "--name", name, "--quiet", *words, core=core)
    kept = sorted(int(path.name) for path in (folder / name / "checkpoints").iterdir() if path.name.isdigit())
    seconds = float(str(settings["training.max-seconds"]))
    times = _times(folder / name / "metrics.jsonl", kept[-1], seconds)
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
    for label in dict.fromkeys(row["label"] for row in rows):
        own = [row for row in rows if row["label"] == label]
        middle: dict[str, Any] = {
            key: statistics.median(row[key] for row in own) for key in ("seconds", "negative_elbo", *SCORES)
        }
        table += [*own, {"label": f"{label}: median", "seed": "-", **middle}]
    return table


def prepare(protocol: Protocol, settings: Settings) -> None:
    """Renders or decodes the pictures, so that no network's time goes into that.

    Raises:
        UserError: for a file that cannot be used, or pictures whose factors are not known.
    """
    from rgnn_jax.config import load_experiment
    from rgnn_jax.datasets.images import load_images

    given = [(field.replace("-", "_"), str(value)) for field, value in settings.items()]
    data = load_experiment(protocol.config, given).of_pictures[1]
    if load_images(data).test.factors is None:
        raise UserError(
            f"{data.path}: the factors of these pictures are not known; give a file that has them"
        )


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


def _times(metrics: Path, last: int, seconds: float) -> Callable[[int], float]:
    """Seconds at a step, between those that were written down; `seconds` at the last."""
    import numpy as np

    rows = [json.loads(line) for line in metrics.read_text().splitlines()]
    # Rows of held-out scores have no clock.
    known = {0: 0.0, last: seconds} | {row["step"]: row["seconds"] for row in rows if "seconds" in row}
    steps = sorted(known)
    return lambda step: float(np.interp(step, steps, [known[one] for one in steps]))


def main() -> int:
    parser = Parser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument(
        "--data-path", type=Path, help="an .npz in the layout of dSprites (default: rendered faces)"
    )
    parser.add_argument("--seconds", type=float, default=600.0, help="training time of each network")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--cores", type=int, nargs="+", help="train a network on each of these at a time")
    parser.add_argument("--quick", action="store_true", help="20 seconds, one seed, and keep nothing")
    args = parser.parse_args()
    strange = set(args.cores or ()) - os.sched_getaffinity(0)
    if strange:
        parser.error(f"--cores: this process has no core {min(strange)}")
    for option, values in (("--cores", args.cores or []), ("--seeds", args.seeds)):
        if len(set(values)) < len(values):
            parser.error(f"{option}: one is there twice")
    if not args.seconds > 0:
        parser.error(f"--seconds {args.seconds:g}: more than 0 are needed")
    if args.data_path and not args.data_path.is_file():
        parser.error(f"{args.data_path}: no such file")
    protocol = SPRITES if args.data_path else FACES
    seconds, seeds = (20.0, [0]) if args.quick else (args.seconds, args.seeds)
    settings: Settings = {**protocol.shared, "training.max-seconds": seconds}
    if args.data_path:
        settings["data.path"] = args.data_path.resolve()
    if args.quick:
        settings["data.limit"] = 2000
    try:
        prepare(protocol, settings)
    except UserError as error:
        parser.error(str(error))
    busy = record.busy_cores()
    with tempfile.TemporaryDirectory() as folder:
        cores: queue.Queue[int | None] = queue.Queue()
        for core in args.cores or [None]:
            cores.put(core)

        def one(label: str, seed: int) -> Row:
            core = cores.get()
            try:
                return measure(protocol, label, seed, Path(folder), settings, core)
            finally:
                cores.put(core)

        with ThreadPoolExecutor(cores.qsize()) as pool:
            waiting = [pool.submit(one, label, seed) for seed in seeds for label in protocol.objectives]
            try:
                rows = [row.result() for row in waiting]
            except subprocess.CalledProcessError as error:
                pool.shutdown(cancel_futures=True)
                # It has said why.
                return 2 if error.returncode == 2 else 1
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
    table = medians(rows)
    print(record.plain(table, COLUMNS))
    for row in rows:
        course = ", ".join(f"{point['mig']:.3f} at {point['seconds']:.0f} s" for point in row["course"])
        print(f"MIG of {row['label']}, seed {row['seed']}: {course}")
    if not args.quick:
        how = {"seconds": seconds, "seeds": seeds, "cores": args.cores, "busy_cores_before": busy}
        print(record.write(protocol.name, table, how))
        print(draw(rows, record.RESULTS / f"{protocol.name}.svg"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
