"""The settings that a run starts with: what was left open is chosen, and what a saved run had is kept."""

import math
from collections.abc import Sequence
from pathlib import Path

import jax
import msgspec

from rgnn_jax.config import DataConfig, Experiment, TrainingConfig, from_json, override
from rgnn_jax.datasets.arithmetic import ArithmeticData
from rgnn_jax.datasets.images import DIGITS, FACES, ImageData
from rgnn_jax.datasets.text import TextData
from rgnn_jax.datasets.text_file import CHAPTER
from rgnn_jax.errors import UserError
from rgnn_jax.train.devices import micro_batches_for
from rgnn_jax.train.run import RunDirectory

# What may change when a run is resumed: how long it goes on and what it tells, not what it computes.
_FREE_ON_RESUME = (
    "steps",
    "epochs",
    "max_seconds",
    "log_every",
    "evaluate_every",
    "save_every",
    "milestones",
    "tensorboard",
    "devices",
    "parallel",
)

# What of the data only training reads.
_OF_TRAINING = ("augment", "blur", "distort", "flip", "noise")

# What decides which of the same data are trained on, and which are held out.
_DEALS = (
    "split",
    "seed",
    "split_seed",
    "picture_seed",
    "picture_validation_fraction",
    "lower",
    "count",
    "operands_below",
    "train_fraction",
    "validation_fraction",
    "test_fraction",
)


def resolve(experiment: Experiment) -> Experiment:
    """Fills in what is chosen at the start of a run, from the devices that JAX sees.

    Raises:
        UserError: where the run has no end, or the batch cannot be shared evenly.
    """
    training = experiment.training
    if training.steps is None and training.epochs is None and training.max_seconds is None:
        raise UserError(
            "[training] sets no end: give training.steps, training.epochs or training.max_seconds"
        )
    devices = training.devices or _devices_that_fit(training)
    if devices > jax.device_count():
        raise UserError(
            f"training.devices is {devices}, but JAX sees {jax.device_count()}; "
            f"set training.devices to {jax.device_count()} or less"
        )
    if jax.process_count() > 1 and devices != jax.device_count():
        raise UserError(
            f"training.devices is {devices}, but the run's {jax.process_count()} processes take part with "
            f"all of their devices; set training.devices to {jax.device_count()}"
        )
    training = msgspec.structs.replace(
        training,
        devices=devices,
        micro_batches=micro_batches_for(training.batch_size, training.micro_batches, devices),
        compute_dtype=training.dtype.name,
    )
    return msgspec.structs.replace(experiment, training=training)


def _devices_that_fit(training: TrainingConfig) -> int:
    """Most devices that share the batch evenly; several processes take part with all or not at all."""
    every = jax.device_count()
    if jax.process_count() > 1:
        return every
    return max(n for n in range(1, every + 1) if training.batch_size % n == 0)


def resumed(experiment: Experiment, name: str, ckpt_dir: Path) -> Experiment:
    """A saved run's settings with what may change taken from the new ones.

    Raises:
        UserError: where anything else differs, naming the fields, or where the devices that are asked for
            cannot share the run's micro-batches evenly.
    """
    directory = RunDirectory.open(name, ckpt_dir)
    saved = from_json(directory.config.read_bytes(), str(directory.config))
    kept = saved.training.micro_batches
    free = {name: getattr(experiment.training, name) for name in _FREE_ON_RESUME}
    free["devices"] = free["devices"] or saved.training.devices
    dtype, asked = experiment.training.compute_dtype, experiment.training.micro_batches
    # The run holds what `resolve` made of the number that was asked for, so that its devices could share it.
    same = not asked or math.lcm(asked, saved.training.devices) == kept
    wanted = msgspec.structs.replace(
        experiment.training,
        micro_batches=kept if same else asked,
        devices=free["devices"],
        # `auto` stays open here: to resolve it would wake JAX before its devices are set up.
        compute_dtype=saved.training.compute_dtype if dtype == "auto" else dtype,
    )
    new = msgspec.structs.replace(experiment, training=wanted)
    old = msgspec.structs.replace(saved, training=msgspec.structs.replace(saved.training, **free))
    if new != old:
        before, after = msgspec.to_builtins(old), msgspec.to_builtins(new)
        changed = [
            f"{section}.{field}"
            for section, fields in before.items()
            for field in fields
            if fields[field] != after[section].get(field)
        ]
        raise UserError(
            f"--resume {directory.path.name}: settings unlike the saved run's: {', '.join(changed)}; "
            "leave them as they were, or start another run with --name"
        )
    _require_even_shares(kept, free["devices"], directory.name)
    return old


def _require_even_shares(micro_batches: int, devices: int, name: str) -> None:
    """More micro-batches for the devices' sake would be other draws than the run's."""
    if devices and micro_batches % devices:
        fitting = " or ".join(str(n) for n in range(1, micro_batches + 1) if micro_batches % n == 0)
        raise UserError(
            f"--resume {name}: the run's training.micro_batches {micro_batches} cannot be shared evenly by "
            f"{devices} devices; set training.devices to {fitting}"
        )


def with_other_data(experiment: Experiment, overrides: Sequence[tuple[str, str]]) -> Experiment:
    """A trained run's settings with other ones of its data.

    Raises:
        UserError: for any other setting, one that the data do not have, one that only training reads, or one
            that would deal the same data to the splits anew, so that what was trained on would be held out.
    """
    for name, _ in overrides:
        if not name.startswith("data."):
            raise UserError(
                f"--{name}: a trained run's settings stay as they are; only --data.FIELD may change"
            )
    other = override(experiment, overrides)
    for field in _OF_TRAINING:
        if getattr(other.data, field, None) != getattr(experiment.data, field, None):
            raise UserError(f"--data.{field}: changes training pictures alone; leave it out")
    if getattr(other.data, "binarize", None) != getattr(experiment.data, "binarize", None):
        raise UserError("--data.binarize: the model reads pixels as it was trained on them; leave it out")
    if not are_others(experiment.data, other.data):
        for field in _DEALS:
            if getattr(other.data, field, None) != getattr(experiment.data, field, None):
                raise UserError(
                    f"--data.{field}: dealt so, what the run was trained on would be held out; leave it as "
                    "it was, or train a run with it"
                )
    return other


def are_others(data: DataConfig, other: DataConfig) -> bool:
    """Whether no example of the one can be of the other: a source of its own, or faces rendered anew."""
    if isinstance(data, ArithmeticData) or isinstance(other, ArithmeticData):
        return False
    if isinstance(data, ImageData) and isinstance(other, ImageData) and data.path == other.path == FACES:
        return data.seed != other.seed
    return data.path != other.path and _place(data) != _place(other)


def _place(data: TextData | ImageData) -> str | Path:
    """Where the data lie, however that is spelled; their name where they come with the package."""
    if data.path in (CHAPTER, DIGITS, FACES):
        return data.path
    places = (Path(data.path), Path(getattr(data, "data_dir", ".")) / data.path)
    try:
        return next((place.resolve() for place in places if place.exists()), data.path)
    except (OSError, ValueError):  # no path at all, such as 5,000 letters
        return data.path
