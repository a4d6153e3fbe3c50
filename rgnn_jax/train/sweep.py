"""Many settings of one experiment, trained at once: members of one shape are one vectorised update."""

import dataclasses
import itertools
import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import msgspec
import numpy as np
from jax.sharding import AxisType, PartitionSpec
from jaxtyping import Array, PyTree

from rgnn_jax.config import Experiment, Task, build, load_experiment, to_json
from rgnn_jax.errors import UserError
from rgnn_jax.train.checkpoint import Checkpoints
from rgnn_jax.train.log import RunLog, format_duration
from rgnn_jax.train.loop import Limits, Pace
from rgnn_jax.train.run import RunDirectory
from rgnn_jax.train.session import make_training, resolve
from rgnn_jax.train.state import TrainState
from rgnn_jax.train.step import Clock, StepResult

# Numbers that enter the update as arithmetic, so that an array of them is as good as one.
_VECTORISED = {
    "optimizer": ("learning_rate", "weight_decay", "muon_learning_rate", "final_fraction", "decay_from"),
    "training": ("seed",),
}


@dataclasses.dataclass(frozen=True)
class Member:
    """One combination of a sweep's values: what was set, and the experiment that it makes."""

    values: dict[str, str]
    experiment: Experiment

    @property
    def name(self) -> str:
        """A directory name that says what was set."""
        return ",".join(f"{key.rpartition('.')[2]}={value}" for key, value in self.values.items()).replace(
            "/", "-"
        )


def expand(config: Path, settings: Sequence[tuple[str, str]]) -> list[Member]:
    """All combinations of the settings' comma-separated values, each validated.

    Raises:
        UserError: where nothing varies, or a value is refused.
    """
    varied = {name.replace("-", "_"): value.split(",") for name, value in settings if "," in value}
    fixed = [(name, value) for name, value in settings if "," not in value]
    if not varied:
        raise UserError(
            "nothing to sweep: give a setting several values, as --optimizer.learning-rate 1e-4,1e-3"
        )
    members = []
    for values in itertools.product(*varied.values()):
        chosen = dict(zip(varied, values, strict=True))
        members.append(Member(chosen, load_experiment(config, [*fixed, *chosen.items()])))
    names = [member.name for member in members]
    if len(set(names)) < len(names):
        raise UserError("a value is given twice; give each value of a setting once")
    return members


def run_sweep(
    members: Sequence[Member], name: str, ckpt_dir: Path, *, quiet: bool = False, started: float | None = None
) -> list[dict[str, Any]]:
    """Trains all members, keeps each as a run under `ckpt_dir / name`, and returns a row each, best first.

    Raises:
        UserError: where the sweep's directory is there already, or settings cannot be used.
    """
    started = time.monotonic() if started is None else started
    if (ckpt_dir / name).exists():
        raise UserError(f"{ckpt_dir / name}: exists already; choose another --name or remove it")
    groups: dict[bytes, list[Member]] = {}
    for member in members:
        groups.setdefault(_shape(member.experiment), []).append(member)
    rows = []
    with RunLog(None, quiet=quiet) as log:
        for group in groups.values():
            rows += _train_group(group, ckpt_dir / name, log, started)
            started = time.monotonic()
    return sorted(rows, key=lambda row: math.inf if math.isnan(row["loss"]) else row["loss"])


def format_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """The rows as aligned columns."""
    columns = list(rows[0])
    text = [columns, *([_cell(row[column]) for column in columns] for row in rows)]
    widths = [max(len(line[i]) for line in text) for i in range(len(columns))]
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in text
    )


def _cell(value: Any) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def _shape(experiment: Experiment) -> bytes:
    """What must be equal for two members to run in one compiled update."""
    settings = msgspec.to_builtins(experiment)
    for section, fields in _VECTORISED.items():
        for field in fields:
            settings[section].pop(field)
    return msgspec.json.encode(settings, order="sorted")


def _train_group(
    members: Sequence[Member], directory: Path, log: RunLog, started: float
) -> list[dict[str, Any]]:
    """Members of one shape, trained side by side from one data set on the device."""
    one_device = [
        dataclasses.replace(member, experiment=_on_one_device(member.experiment)) for member in members
    ]
    experiment = one_device[0].experiment
    task = build(experiment)
    compiled = _Vectorised(one_device, task)
    limits = Limits.of(experiment.training, task.steps_per_epoch)
    state, data, pace, step = compiled.init(), jax.device_put(task.batches.data), Pace(), 0
    while step < limits.steps:
        seconds = time.monotonic() - started
        count = pace.count(limits.next_pause(step) - step, limits.seconds - seconds)
        if count <= 0:
            break
        began = time.monotonic()
        state, result = compiled.run(state, data, count, limits.clock(step, seconds, pace.step_seconds))
        pace.measure(count, time.monotonic() - began)
        step += count
        losses = " ".join(f"{loss:.3f}" for loss in result.loss)
        seconds = time.monotonic() - started
        left = limits.seconds_left(step, seconds, pace.step_seconds)
        log.progress(limits.progress(step, seconds), left, f"step {step}  loss {losses}")
    rows = []
    for index, member in enumerate(one_device):
        own = jax.tree.map(lambda leaf, i=index: np.asarray(leaf[i]), state)
        rows.append(_keep(member, own, task, directory, time.monotonic() - started))
    log.message(f"{len(members)} members, {step} steps, {format_duration(time.monotonic() - started)}")
    return rows


def _on_one_device(experiment: Experiment) -> Experiment:
    return resolve(
        msgspec.structs.replace(experiment, training=msgspec.structs.replace(experiment.training, devices=1))
    )


def _keep(member: Member, state: TrainState, task: Task, directory: Path, seconds: float) -> dict[str, Any]:
    """Publishes a member as a run like any other and returns its row."""
    held_out = task.evaluate(state.best_params, "validation")
    vocabulary = task.text.vocabulary.to_json()
    run = RunDirectory.create(
        directory, member.name, {"config.json": to_json(member.experiment), "vocabulary.json": vocabulary}
    )
    with run.lock(), Checkpoints(run.checkpoints) as checkpoints:
        checkpoints.save(int(state.step), state, metric=held_out.get("loss"), info={"seconds": seconds})
    return {**member.values, "steps": int(state.step), **held_out, "run": str(run.path)}


class _Vectorised:
    """The update mapped over members, which devices share where their number allows it."""

    def __init__(self, members: Sequence[Member], task: Task) -> None:
        experiment = members[0].experiment
        self.settings = {
            section: {
                field: jnp.asarray([getattr(getattr(m.experiment, section), field) for m in members])
                for field in fields
            }
            for section, fields in _VECTORISED.items()
        }
        self.settings["training"]["seed"] = self.settings["training"]["seed"].astype(jnp.uint32)

        def one(settings: dict[str, dict[str, Array]]) -> Any:
            optimizer = msgspec.structs.replace(experiment.optimizer, **settings["optimizer"])
            return make_training(
                msgspec.structs.replace(experiment, optimizer=optimizer), task.objective, task.batches
            )

        def init(settings: PyTree) -> TrainState:
            return one(settings).init(settings["training"]["seed"])

        def run(state: PyTree, settings: PyTree, data: PyTree, count: Array, clock: Clock) -> Any:
            return one(settings).run(state, data, settings["training"]["seed"], count, clock)

        devices = max(n for n in range(1, len(jax.devices()) + 1) if len(members) % n == 0)
        mesh = jax.make_mesh(
            (devices,), ("members",), axis_types=(AxisType.Auto,), devices=jax.devices()[:devices]
        )
        split, whole = PartitionSpec("members"), PartitionSpec()
        mapped = jax.shard_map(
            jax.vmap(run, in_axes=(0, 0, None, None, None)),
            mesh=mesh, in_specs=(split, split, whole, whole, whole), out_specs=split, check_vma=False,
        )  # fmt: skip
        self._init = jax.jit(
            jax.shard_map(jax.vmap(init), mesh=mesh, in_specs=split, out_specs=split, check_vma=False)
        )
        self._run = jax.jit(mapped, donate_argnums=0)

    def init(self) -> TrainState:
        """Every member's fresh state, stacked."""
        return self._init(self.settings)

    def run(self, state: TrainState, data: PyTree, count: int, clock: Clock) -> tuple[TrainState, StepResult]:
        """Every member takes `count` steps; one that is not finite any more stands still."""
        state, result = self._run(state, self.settings, data, jnp.int32(count), clock)
        return state, jax.device_get(result)
