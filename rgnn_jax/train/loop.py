"""The training loop: compiled calls, and between them logging, evaluation, saving and signals."""

import dataclasses
import math
import time
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, cast

import jax
import numpy as np
from jax.experimental import multihost_utils

from rgnn_jax.config import Experiment, TrainingConfig
from rgnn_jax.contracts import Params
from rgnn_jax.errors import UserError, WorkFailed
from rgnn_jax.tasks.task import HeldOut, Task
from rgnn_jax.train.checkpoint import Checkpoints
from rgnn_jax.train.devices import Compiled
from rgnn_jax.train.log import RunLog
from rgnn_jax.train.signals import stop_signals
from rgnn_jax.train.state import TrainState
from rgnn_jax.train.step import Clock, StepResult

# A call this long keeps a progress bar alive and a signal answered; a shorter one only adds overhead.
_CALL_SECONDS = 1.0


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
        step: steps taken in all.
        seconds: wall-clock seconds in all, earlier sessions of a resumed run included.
        metrics: the last held-out metrics.
        signal: the signal that stopped it, or None where it ran to its end.
    """

    step: int
    seconds: float
    metrics: HeldOut
    signal: int | None


@dataclasses.dataclass(frozen=True)
class Limits:
    """Where a run ends and where it pauses, in steps."""

    steps: float
    seconds: float
    pauses: tuple[int, ...]
    milestones: frozenset[int]

    @classmethod
    def of(cls, training: TrainingConfig, steps_per_epoch: float) -> "Limits":
        """The limits that a configuration sets."""
        by_epochs = math.inf if training.epochs is None else math.ceil(training.epochs * steps_per_epoch)
        return cls(
            steps=float(min(training.steps or math.inf, by_epochs)),
            seconds=training.max_seconds or math.inf,
            pauses=tuple(n for n in (training.log_every, training.evaluate_every, training.save_every) if n),
            milestones=frozenset(max(1, round(epoch * steps_per_epoch)) for epoch in training.milestones),
        )

    def next_pause(self, step: int) -> int:
        """The first step after `step` at which the loop has something to do."""
        ends = [step - step % every + every for every in self.pauses]
        ends += [milestone for milestone in self.milestones if milestone > step]
        return int(min([*ends, self.steps]))

    def progress(self, step: int, seconds: float) -> float:
        """The fraction of the run that is over."""
        return min(1.0, max(step / self.steps, seconds / self.seconds))

    def seconds_left(self, step: int, seconds: float, step_seconds: float) -> float:
        """Until the run ends, at the present pace; infinite, for unknown, where none is measured yet."""
        if step >= self.steps:
            return 0.0
        by_time = max(0.0, self.seconds - seconds)
        if not step_seconds:
            return math.inf if math.isfinite(self.steps) else by_time
        return min((self.steps - step) * step_seconds, by_time)

    def clock(self, step: int, seconds: float, step_seconds: float) -> Clock:
        """The schedule's clock; counted in steps it does not depend on where calls begin."""
        if step / self.steps >= (seconds + step_seconds) / self.seconds:
            return Clock(np.int32(0), np.float32(0.0), np.float32(1.0 / self.steps))
        return Clock(
            np.int32(step), np.float32(seconds / self.seconds), np.float32(step_seconds / self.seconds)
        )


class Pace:
    """How many steps the next call takes, from how long the last ones took."""

    def __init__(self) -> None:
        self.step_seconds = 0.0
        self._calls = 0

    def count(self, pause: int, remaining_seconds: float) -> int:
        """Steps up to `pause` that fit in a call and in the time left; 0 where not even one fits."""
        if self._calls < 2:
            return int(remaining_seconds > 0)
        fits = min(_CALL_SECONDS, remaining_seconds) / max(self.step_seconds, 1e-6)
        return min(pause, int(fits) if remaining_seconds < _CALL_SECONDS else max(1, int(fits)))

    def measure(self, count: int, seconds: float) -> None:
        """Takes note of a call; the first one compiles and says nothing about the next."""
        self._calls += 1
        if self._calls == 1:
            return
        new = seconds / count
        self.step_seconds = new if self._calls <= 3 else 0.5 * (self.step_seconds + new)


def train(
    experiment: Experiment,
    task: Task,
    compiled: Compiled,
    checkpoints: Checkpoints,
    log: RunLog,
    *,
    started: float,
    resume: bool = False,
    on_milestone: Callable[[int, Params], None] | None = None,
) -> Outcome:
    """Trains to the end of the run, to its time limit or to a signal; saves in each case.

    Args:
        experiment: the run's resolved settings.
        task: what `tasks.build` made of them.
        compiled: the update and its devices.
        checkpoints: where states are kept.
        log: where progress goes.
        started: `time.monotonic()` at the start of the command.
        resume: continue from the latest checkpoint, where there is one.
        on_milestone: called with the step and the parameters at each milestone.

    Raises:
        UserError: where the run that is resumed had other data, or the time was over before the first step.
        WorkFailed: on a loss or gradient that is not finite; the last good state is saved.
    """
    training = experiment.training
    limits = Limits.of(training, task.steps_per_epoch)
    saved = checkpoints.latest_step() if resume else None
    if saved is None:
        state, info = compiled.init(training.seed), Info(task.data.digest)
    else:
        state, info = _restore(training, task, compiled, checkpoints)
    if resume:
        # Not before the state is read: what is refused leaves the metrics as they were.
        log.rewind(saved)
    step = int(compiled.fetch(state.step))
    data = compiled.place(task.batches.data)
    pace, totals, evaluated = Pace(), Totals(info.totals), -1
    held_out: HeldOut = {}
    stop = False
    best = checkpoints.best_metric()

    def seconds() -> float:
        return info.seconds + time.monotonic() - started

    def save(metric: float | None = None, *, keep: bool = False) -> None:
        nonlocal saved
        if saved != step:
            now = dataclasses.asdict(Info(task.data.digest, seconds(), totals.sums))
            checkpoints.save(step, compiled.fetch(state), metric=metric, keep=keep, info=now)
            saved = step

    def evaluate() -> float | None:
        nonlocal held_out, evaluated
        evaluated = step
        held_out = task.evaluate(compiled.fetch(state.best_params), "validation")
        if held_out:
            log.metrics(step, {f"validation_{name}": value for name, value in held_out.items()})
            epoch = step / task.steps_per_epoch
            log.message(f"step {step}  epoch {epoch:.4g}  " + describe(held_out, task.shown, "held-out "))
        return cast(float | None, held_out.get("loss"))

    with stop_signals() as stopped:
        while step < limits.steps:
            remaining = limits.seconds - seconds()
            count = pace.count(limits.next_pause(step) - step, remaining)
            clock = limits.clock(step, seconds(), pace.step_seconds)
            count, clock, stop = _agree(count, clock, stopped())
            if stop or count <= 0:
                break
            began = time.monotonic()
            state, result = compiled.run(state, data, training.seed, count, clock)
            pace.measure(count, time.monotonic() - began)
            if not result.finite:
                step = int(compiled.fetch(state.step))
                save()
                raise WorkFailed(_not_finite(step, result))
            step += count
            totals.add(result.metrics)
            left = limits.seconds_left(step, seconds(), pace.step_seconds)
            log.progress(limits.progress(step, seconds()), left, _status(step, result, pace, task))
            if step % training.log_every == 0:
                log.metrics(
                    step, {"epoch": step / task.steps_per_epoch, "seconds": seconds(), **totals.take()}
                )
            milestone, last = step in limits.milestones, step >= limits.steps
            metric = evaluate() if milestone or last or _due(step, training.evaluate_every) else None
            improved = metric is not None and metric < best
            if metric is not None and improved:
                best = metric
            if milestone or last or improved or _due(step, training.save_every):
                save(metric, keep=milestone)
            if milestone and on_milestone:
                on_milestone(step, compiled.fetch(state.best_params))
        if step == 0 and not stop:
            raise too_short(limits)
        save(None if stop or evaluated == step else evaluate())
        return Outcome(step=step, seconds=seconds(), metrics=held_out, signal=stopped())


def too_short(limits: Limits) -> UserError:
    """What to say where no step was taken."""
    return UserError(
        f"training.max_seconds {limits.seconds:g}: they were over before the first step; give more"
    )


def _due(step: int, every: int) -> bool:
    return bool(every) and step % every == 0


@dataclasses.dataclass(frozen=True)
class Info:
    """What a checkpoint remembers beside the state: the data, the time taken, and `Totals` not yet logged."""

    data: str
    seconds: float = 0.0
    totals: dict[str, list[float]] = dataclasses.field(default_factory=dict)


def _restore(
    training: TrainingConfig, task: Task, compiled: Compiled, checkpoints: Checkpoints
) -> tuple[TrainState, Info]:
    abstract = jax.eval_shape(compiled.training.init, np.uint32(training.seed))
    state, meta = checkpoints.restore(abstract)
    info = Info(**meta.info)
    if info.data != task.data.digest:
        raise UserError(
            "--resume: the data are not those that the run was trained on; "
            "put them back, or start another run with --name"
        )
    return compiled.place(state), info


def _agree(count: int, clock: Clock, stop: int | None) -> tuple[int, Clock, bool]:
    """All processes of a run take the first one's plan, and stop when any of them must."""
    if jax.process_count() == 1:
        return count, clock, stop is not None
    mine = np.array([count, clock.step, clock.progress, clock.per_step, stop is not None], np.float64)
    plans = multihost_utils.process_allgather(mine)
    count, step, progress, per_step, _ = plans[0]
    clock = Clock(np.int32(step), np.float32(progress), np.float32(per_step))
    return int(count), clock, bool(plans[:, 4].any())


class Totals:
    """Metrics summed since they were last logged, on the host, in double precision.

    Args:
        sums: of each metric, the weighted sum and the weight, with which to go on.
    """

    def __init__(self, sums: Mapping[str, Sequence[float | None]] = MappingProxyType({})) -> None:
        # JSON has no NaN: what is not finite comes back from a checkpoint as None.
        self.sums = {name: [math.nan if x is None else x for x in pair] for name, pair in sums.items()}

    def add(self, metrics: Mapping[str, tuple[Any, Any]]) -> None:
        """Takes note of what a call reports."""
        for name, (total, weight) in metrics.items():
            pair = self.sums.setdefault(name, [0.0, 0.0])
            pair[0] += float(total)
            pair[1] += float(weight)

    def take(self) -> dict[str, float]:
        """The means since the last time, if anything was added."""
        means = {name: total / weight for name, (total, weight) in self.sums.items()}
        self.sums = {}
        return means


def describe(metrics: HeldOut, shown: Sequence[str], prefix: str = "") -> str:
    """Those of the metrics that are `shown`, as a person reads them."""
    return "  ".join(
        f"{prefix}{name.replace('_', ' ')} {metrics[name]:.4f}" for name in shown if name in metrics
    )


def _status(step: int, result: StepResult, pace: Pace, task: Task) -> str:
    rate = f"{task.symbols_per_step / pace.step_seconds:,.0f}" if pace.step_seconds else "-"
    return f"step {step}  loss {result.loss:.4f}  {rate} {task.symbol}/s"


def _not_finite(step: int, result: StepResult) -> str:
    return (
        f"step {step + 1}: the loss is {result.loss:g} and the gradient's norm {result.gradient_norm:g}; "
        f"the parameters before it are saved as checkpoint {step}; lower optimizer.learning_rate or "
        "optimizer.clip_norm, or start from an earlier checkpoint"
    )
