"""Many settings of one experiment, trained at once: members of one shape are one vectorised update."""

import contextlib
import dataclasses
import itertools
import math
import re
import time
from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import msgspec
import numpy as np
from jax.sharding import AxisType, PartitionSpec
from jaxtyping import Array, PyTree

from rgnn_jax.config import Experiment, load_experiment
from rgnn_jax.errors import UserError, WorkFailed
from rgnn_jax.tasks.build import build, with_settings_of
from rgnn_jax.tasks.task import Task
from rgnn_jax.train.checkpoint import Checkpoints
from rgnn_jax.train.log import RunLog, format_duration
from rgnn_jax.train.loop import Info, Limits, Pace, Totals, too_short
from rgnn_jax.train.resolve import resolve
from rgnn_jax.train.run import RunDirectory, check_name
from rgnn_jax.train.session import make_training, removed_if_useless, run_files
from rgnn_jax.train.signals import stop_signals
from rgnn_jax.train.state import TrainState
from rgnn_jax.train.step import Clock, StepResult

# Numbers that enter the update as arithmetic, so that an array of them is as good as one.
_VECTORISED = {
    "optimizer": ("learning_rate", "weight_decay", "muon_learning_rate", "final_fraction", "decay_from"),
    "training": ("seed",),
    "model": ("beta",),
}

_OUTSIDE_LISTS = re.compile(r",(?![^\[]*\])")


@dataclasses.dataclass(frozen=True)
class Member:
    """One combination of a sweep's values: what was set, and the experiment that it makes."""

    values: dict[str, str]
    experiment: Experiment

    @property
    def name(self) -> str:
        """A directory name that says what was set."""
        parts = (f"{key.rpartition('.')[2]}={value.strip('[]')}" for key, value in self.values.items())
        return re.sub(r"[^\w.,=+@-]+", "-", ",".join(parts))

    def settings(self) -> dict[str, Any]:
        """What was set, as values rather than as they were written."""
        return {key: msgspec.to_builtins(attrgetter(key)(self.experiment)) for key in self.values}


def expand(config: Path, settings: Sequence[tuple[str, str]]) -> list[Member]:
    """All combinations of the settings' comma-separated values, each validated; [1,2] is one value.

    Raises:
        UserError: where nothing varies, or a value is refused.
    """
    given = {name.replace("-", "_"): _OUTSIDE_LISTS.split(value) for name, value in settings}
    varied = {name: values for name, values in given.items() if len(values) > 1}
    fixed = [(name, values[0]) for name, values in given.items() if len(values) == 1]
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
    """Trains all members and keeps each as a run under `ckpt_dir / name`.

    Returns:
        A row for each member, best first. A member whose loss stopped being finite is kept as it was before
        that, and its row's loss is None.

    Raises:
        SystemExit: with 128 + the number of the signal that stopped it; what was trained is kept.
        UserError: where the sweep's directory is there already, or settings cannot be used.
    """
    started = time.monotonic() if started is None else started
    directory = _make_directory(ckpt_dir, name, members)
    groups: dict[bytes, list[Member]] = {}
    for member in members:
        groups.setdefault(_shape(member.experiment), []).append(member)
    rows = []
    try:
        with RunLog(None, quiet=quiet) as log, stop_signals() as stopped:
            for group in groups.values():
                if stopped() is None:
                    rows += _train_group(group, directory, log, started, stopped)
                started = time.monotonic()
            number = stopped()
            if number is not None:
                raise SystemExit(128 + number)
            return sorted(rows, key=_loss)
    finally:
        with contextlib.suppress(OSError):  # where a member is kept, the directory is not empty and stays
            directory.rmdir()


def _loss(row: Mapping[str, Any]) -> float:
    """What rows are sorted by."""
    return math.inf if row["loss"] is None else row["loss"]


def _make_directory(ckpt_dir: Path, name: str, members: Sequence[Member]) -> Path:
    """The sweep's directory, so that no name or place is found unusable after the work."""
    directory = ckpt_dir / name
    check_name(name)
    for member in members:
        check_name(member.name)
    try:
        directory.mkdir(parents=True)
    except FileExistsError:
        raise UserError(f"{directory}: exists already; choose another --name or remove it") from None
    except OSError as error:
        raise UserError(
            f"{directory}: cannot be made ({error.strerror}); choose another --ckpt-dir"
        ) from None
    return directory


def _shape(experiment: Experiment) -> bytes:
    """What must be equal for two members to run in one compiled update."""
    settings = msgspec.to_builtins(experiment)
    for section, fields in _VECTORISED.items():
        for field in fields:
            settings[section].pop(field, None)
    return msgspec.json.encode(settings, order="sorted")


def _train_group(
    members: Sequence[Member],
    directory: Path,
    log: RunLog,
    started: float,
    stopped: Callable[[], int | None],
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
    alive, histories = np.ones(len(members), bool), [_History() for _ in members]
    while step < limits.steps and alive.any() and stopped() is None:
        seconds = time.monotonic() - started
        count = pace.count(limits.next_pause(step) - step, limits.seconds - seconds)
        if count <= 0:
            break
        began = time.monotonic()
        clock = limits.clock(step, seconds, pace.step_seconds)
        state, result = compiled.run(state, data, np.where(alive, count, 0), clock)
        pace.measure(count, time.monotonic() - began)
        step += count
        alive &= result.finite
        seconds = time.monotonic() - started
        for index, history in enumerate(histories):
            if not alive[index]:
                continue
            history.totals.add(jax.tree.map(lambda leaf, i=index: leaf[i], result.metrics))
            if step % experiment.training.log_every == 0:
                history.add_row(step, {"epoch": step / task.steps_per_epoch, "seconds": seconds})
        losses = " ".join(f"{loss:.3f}" for loss in np.where(alive, result.loss, np.nan))
        left = limits.seconds_left(step, seconds, pace.step_seconds)
        log.progress(limits.progress(step, seconds), left, f"step {step}  loss {losses}")
    if step == 0 and stopped() is None:
        raise too_short(limits)
    rows = []
    for index, member in enumerate(one_device):
        own = jax.tree.map(lambda leaf, i=index: np.asarray(leaf[i]), state)
        held_out = _evaluate(with_settings_of(member.experiment, task), own, bool(alive[index]))
        history = histories[index]
        rows.append(_keep(member, own, task, held_out, history, directory, time.monotonic() - started))
    log.message(f"{len(members)} members, {step} steps, {format_duration(time.monotonic() - started)}")
    return rows


def _on_one_device(experiment: Experiment) -> Experiment:
    return resolve(
        msgspec.structs.replace(experiment, training=msgspec.structs.replace(experiment.training, devices=1))
    )


def _evaluate(task: Task, state: TrainState, alive: bool) -> dict[str, Any]:
    """Held-out metrics; None of a diverged member, whose parameters may be finite and useless."""
    metrics: dict[str, Any] = dict.fromkeys(task.shown)
    if alive:
        with contextlib.suppress(WorkFailed):
            metrics.update(task.evaluate(state.best_params, "validation"))
    return metrics


def _keep(
    member: Member,
    state: TrainState,
    task: Task,
    held_out: Mapping[str, Any],
    history: "_History",
    directory: Path,
    seconds: float,
) -> dict[str, Any]:
    """Publishes a member as a run like any other and returns its row."""
    step, loss = int(state.step), held_out["loss"]
    scores = {} if loss is None else {f"validation_{name}": value for name, value in held_out.items()}
    history.add_row(step, {"seconds": seconds, **scores})
    files = run_files(member.experiment, task) | {"metrics.jsonl": b"\n".join([*history.rows, b""])}
    run = RunDirectory.create(directory, member.name, files)
    info = dataclasses.asdict(Info(task.data.digest, seconds))
    with run.lock(), removed_if_useless(run), Checkpoints(run.checkpoints) as checkpoints:
        checkpoints.save(step, state, metric=loss, info=info)
    shown = {name: held_out.get(name) for name in task.shown}
    return {**member.settings(), "steps": step, **shown, "run": str(run.path)}


class _History:
    """What a member's `metrics.jsonl` will hold."""

    def __init__(self) -> None:
        self.rows: list[bytes] = []
        self.totals = Totals()

    def add_row(self, step: int, values: Mapping[str, Any]) -> None:
        """A row with these values and the means of the training metrics since the last one."""
        self.rows.append(msgspec.json.encode({"step": step, **values, **self.totals.take()}))


class _Vectorised:
    """The update mapped over members, which devices share where their number allows it."""

    def __init__(self, members: Sequence[Member], task: Task) -> None:
        experiment = members[0].experiment
        self.settings = {
            section: {
                field: np.array([getattr(getattr(m.experiment, section), field) for m in members])
                for field in fields
                if hasattr(getattr(experiment, section), field)
            }
            for section, fields in _VECTORISED.items()
        }
        self.settings["training"]["seed"] = self.settings["training"]["seed"].astype(np.uint32)

        def one(settings: dict[str, dict[str, Array]]) -> Any:
            optimizer = msgspec.structs.replace(experiment.optimizer, **settings["optimizer"])
            model = msgspec.structs.replace(experiment.model, **settings["model"])
            own = msgspec.structs.replace(experiment, optimizer=optimizer, model=model)
            return make_training(own, with_settings_of(own, task).objective, task.batches)

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
            jax.vmap(run, in_axes=(0, 0, None, 0, None)),
            mesh=mesh, in_specs=(split, split, whole, split, whole), out_specs=split, check_vma=False,
        )  # fmt: skip
        # One member at a time, for the reason that `orthogonal_gates` in rgnn_jax/nn gives.
        self._init = jax.jit(lambda settings: jax.lax.map(init, settings))
        self._run = jax.jit(mapped, donate_argnums=0)

    def init(self) -> TrainState:
        """Every member's fresh state, stacked."""
        # Waited for: on CPUs, calls that overlap can deadlock.
        return jax.block_until_ready(self._init(self.settings))

    def run(
        self, state: TrainState, data: PyTree, counts: np.ndarray, clock: Clock
    ) -> tuple[TrainState, StepResult]:
        """Every member takes its count of steps, or those before one that is not finite."""
        state, result = self._run(state, self.settings, data, jnp.asarray(counts, jnp.int32), clock)
        return state, jax.device_get(result)
