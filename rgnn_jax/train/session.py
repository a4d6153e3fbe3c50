"""One training run from settings to a finished directory, and the way back from a directory to a model."""

import contextlib
import dataclasses
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import multihost_utils

from rgnn_jax.config import Experiment, from_json, to_json
from rgnn_jax.contracts import Batches, Game, Objective, Params
from rgnn_jax.datasets.arithmetic_spec import ArithmeticSpec
from rgnn_jax.datasets.image_spec import ImageSpec
from rgnn_jax.datasets.vocabulary import Vocabulary
from rgnn_jax.errors import UserError
from rgnn_jax.models.language import parameter_count
from rgnn_jax.tasks.build import build, build_model, build_objective, spec_type
from rgnn_jax.tasks.task import Spec, Task, describe_kind
from rgnn_jax.train.checkpoint import Checkpoints
from rgnn_jax.train.devices import Compiled
from rgnn_jax.train.log import RunLog, format_duration, require_tensorboard
from rgnn_jax.train.loop import Outcome, describe, train
from rgnn_jax.train.resolve import resolve, with_other_data
from rgnn_jax.train.run import RunDirectory
from rgnn_jax.train.step import Training


@dataclasses.dataclass(frozen=True)
class LoadedRun:
    """A run read back: settings, network and one checkpoint's parameters."""

    directory: RunDirectory
    experiment: Experiment
    spec: Spec
    model: nn.Module
    params: Params
    step: int

    @property
    def vocabulary(self) -> Vocabulary:
        """The symbols of a model of text.

        Raises:
            UserError: for a model of something else.
        """
        if not isinstance(self.spec, Vocabulary):
            raise self._other_kind()
        return self.spec

    @property
    def images(self) -> ImageSpec:
        """Shape and classes of a model of pictures.

        Raises:
            UserError: for a model of something else.
        """
        if not isinstance(self.spec, ImageSpec):
            raise self._other_kind()
        return self.spec

    @property
    def arithmetic(self) -> ArithmeticSpec:
        """How a model of arithmetic reads and writes.

        Raises:
            UserError: for a model of something else.
        """
        if not isinstance(self.spec, ArithmeticSpec):
            raise self._other_kind()
        return self.spec

    def _other_kind(self) -> UserError:
        kind, use = describe_kind(self.spec)
        return UserError(f"run {self.directory.name} is a model of {kind}: {use}")


def run_training(
    experiment: Experiment,
    name: str,
    ckpt_dir: Path,
    *,
    resume: bool = False,
    quiet: bool = False,
    started: float | None = None,
    on_milestone: Callable[[LoadedRun], None] | None = None,
) -> Outcome:
    """Trains an experiment in the run directory `ckpt_dir / name`.

    Args:
        experiment: settings; open fields are resolved here.
        name: the run's name.
        ckpt_dir: where runs live.
        resume: continue the run of that name.
        quiet: nothing on standard error.
        started: `time.monotonic()` at the start of the command, now if None.
        on_milestone: called with the run as it is at each milestone.

    Raises:
        UserError: for settings, data or a directory that cannot be used.
        WorkFailed: where training broke down.
    """
    started = time.monotonic() if started is None else started
    directory, spec = None, None
    if resume:
        directory = RunDirectory.open(name, ckpt_dir)
        spec = _read_spec(directory, experiment)
    experiment = resolve(experiment)
    task = build(experiment, spec)
    settings = experiment.training
    training = make_training(experiment, task.objective, task.batches)
    # Before the directory is made, for a network may refuse the shape of its pictures.
    parameters = parameter_count(jax.eval_shape(training.init, np.uint32(0)).params)
    compiled = Compiled(training, settings.parallel, jax.devices()[: settings.devices])
    if settings.tensorboard:
        require_tensorboard()
    if directory is None:
        directory = _create(ckpt_dir, name, run_files(experiment, task))
    leader = jax.process_index() == 0
    with (
        # First: a run that another process took over since it was made is not this one's to remove.
        directory.lock(),
        removed_if_useless(directory, leader and not resume),
        Checkpoints(directory.checkpoints) as checkpoints,
        RunLog(
            directory if leader else None, tensorboard=settings.tensorboard, quiet=quiet or not leader
        ) as log,
    ):
        log.message(_headline(experiment, task, parameters, directory))
        outcome = train(
            experiment,
            task,
            compiled,
            checkpoints,
            log,
            started=started,
            resume=resume,
            on_milestone=on_milestone and _milestone(on_milestone, directory, experiment, task),
        )
        how = "stopped" if outcome.signal else "done"
        ended = f"{how} at step {outcome.step} after {format_duration(outcome.seconds)}"
        log.message("  ".join([ended, describe(outcome.metrics, task.shown, "held-out ")]).rstrip())
        remark = task.remark(outcome.metrics)
        if remark:
            log.message(remark)
    return outcome


@contextlib.contextmanager
def removed_if_useless(directory: RunDirectory, new: bool = True) -> Iterator[None]:
    """Takes a new run away that failed before its first checkpoint, so that its name is free again.

    Args:
        directory: the run, locked.
        new: whether it was made just now; a run that was there before stays.
    """
    try:
        yield
    except Exception:
        if new and not directory.steps():
            _remove(directory.path)
        raise


def _remove(path: Path) -> None:
    """Takes a directory away until it has stayed away for a second.

    Orbax's threads write on for a moment after a failed save, and make the directory anew for it.
    """
    started = there = time.monotonic()
    while time.monotonic() < min(there + 1, started + 10):
        if path.exists():
            shutil.rmtree(path, ignore_errors=True)
            there = time.monotonic()
        time.sleep(0.02)


def run_files(experiment: Experiment, task: Task) -> dict[str, bytes | str]:
    """What a run's directory holds from the start."""
    return {"config.json": to_json(experiment), type(task.spec).FILE: task.spec.to_json()}


def load_run(name: str, ckpt_dir: Path, *, step: int | str = "latest") -> LoadedRun:
    """Reads a run back: its settings, what it knows of its data and one checkpoint, every leaf verified.

    Args:
        name: a name under `ckpt_dir`, or a path.
        ckpt_dir: where runs live.
        step: a step on disk, `latest` or `best`.

    Raises:
        UserError: for a run, file or checkpoint that is missing or damaged.
    """
    directory = RunDirectory.open(name, ckpt_dir)
    experiment = from_json(directory.config.read_bytes(), str(directory.config))
    spec = _read_spec(directory, experiment)
    model = build_model(experiment, spec)
    training = make_training(experiment, build_objective(experiment, model), None)
    abstract = jax.eval_shape(training.init, np.uint32(0))
    with Checkpoints(directory.checkpoints, read_only=True) as checkpoints:
        state, _ = checkpoints.restore(abstract, step)
    return LoadedRun(directory, experiment, spec, model, state.best_params, int(state.step))


def load_task(run: LoadedRun, overrides: Sequence[tuple[str, str]] = ()) -> Task:
    """The run's data again, as its model reads them, for evaluation.

    Args:
        run: a run read back.
        overrides: settings of the data to change, such as another text's path.

    Raises:
        UserError: for any other setting, or data that cannot be used.
    """
    return build(with_other_data(run.experiment, overrides), run.spec)


def make_training(experiment: Experiment, objective: Objective | Game, batches: Batches | None) -> Training:
    """The update of an experiment; without batches it can only `init`."""
    settings = experiment.training
    return Training(
        objective,
        batches,
        experiment.optimizer,
        micro_batches=settings.micro_batches,
        ema_decay=settings.ema_decay,
    )


def _read_spec(directory: RunDirectory, experiment: Experiment) -> Spec:
    kind = spec_type(experiment)
    path = directory.path / kind.FILE
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(
            f"{path}: {error.strerror}; restore it from a copy, or train the model again"
        ) from None
    return kind.from_json(content, str(path))


def _create(ckpt_dir: Path, name: str, files: Mapping[str, bytes | str]) -> RunDirectory:
    """The first process publishes the directory; the others open it, or end, once its answer is there."""
    refusal = None
    if jax.process_index() == 0:
        try:
            RunDirectory.create(ckpt_dir, name, files)
        except UserError as error:
            refusal = error
    if jax.process_count() > 1:
        refused = multihost_utils.broadcast_one_to_all(np.int32(refusal is not None))
        if refused and refusal is None:
            refusal = UserError(f"the first process made no run {name}; it says why")
    if refusal is not None:
        raise refusal
    return RunDirectory.open(name, ckpt_dir)


def _headline(experiment: Experiment, task: Task, parameters: int, directory: RunDirectory) -> str:
    settings = experiment.training
    devices = f"{settings.devices} x {jax.devices()[0].device_kind}"
    return f"{directory.path}: {task.model_summary}, {parameters:,} parameters, {task.summary}, {devices}"


def _milestone(
    callback: Callable[[LoadedRun], None], directory: RunDirectory, experiment: Experiment, task: Task
) -> Callable[[int, Params], None]:
    def call(step: int, params: Params) -> None:
        # The next step reuses the memory of its parameters, and the callback may keep the run.
        kept = jax.tree.map(jnp.copy, params)
        callback(LoadedRun(directory, experiment, task.spec, task.model, kept, step))

    return call
