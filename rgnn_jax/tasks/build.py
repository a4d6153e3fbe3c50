"""One entry for every kind of task: settings in, a `Task` or its parts out."""

import dataclasses

import flax.linen as nn

from rgnn_jax.config import Experiment
from rgnn_jax.contracts import Game, Objective
from rgnn_jax.datasets.arithmetic import ArithmeticData
from rgnn_jax.datasets.arithmetic_spec import ArithmeticSpec
from rgnn_jax.datasets.image_spec import ImageSpec
from rgnn_jax.datasets.pictures import Images
from rgnn_jax.datasets.text import TextData
from rgnn_jax.datasets.vocabulary import Vocabulary
from rgnn_jax.tasks.arithmetic import (
    build_arithmetic_model,
    build_arithmetic_objective,
    build_arithmetic_task,
)
from rgnn_jax.tasks.images import (
    build_image_evaluation,
    build_image_model,
    build_image_objective,
    build_image_task,
)
from rgnn_jax.tasks.task import Data, Spec, Task
from rgnn_jax.tasks.text import build_sequence_model, build_text_objective, build_text_task


def build(experiment: Experiment, spec: Spec | None = None) -> Task:
    """Data, model and objective of an experiment.

    Args:
        experiment: the settings.
        spec: a run's saved one, which the data must fit; without it the data's own.

    Raises:
        UserError: for data that cannot be used, or that contradict the model.
    """
    if isinstance(experiment.data, TextData):
        return build_text_task(experiment, spec if isinstance(spec, Vocabulary) else None)
    if isinstance(experiment.data, ArithmeticData):
        return build_arithmetic_task(experiment, spec if isinstance(spec, ArithmeticSpec) else None)
    return build_image_task(experiment, spec if isinstance(spec, ImageSpec) else None)


def build_model(experiment: Experiment, spec: Spec) -> nn.Module:
    """The network of an experiment, without its data.

    Raises:
        UserError: where model and data contradict each other.
    """
    if isinstance(spec, Vocabulary):
        return build_sequence_model(experiment, spec)
    if isinstance(spec, ArithmeticSpec):
        return build_arithmetic_model(experiment, spec)
    return build_image_model(experiment, spec)


def build_objective(experiment: Experiment, model: nn.Module, data: Data | None = None) -> Objective | Game:
    """The loss that an experiment minimises.

    Args:
        experiment: the settings; numbers among them may be traced arrays.
        model: the network.
        data: what training starts from; not needed to read a saved run.
    """
    if isinstance(experiment.data, TextData):
        return build_text_objective(experiment, model)
    if isinstance(experiment.data, ArithmeticData):
        return build_arithmetic_objective(model)
    return build_image_objective(experiment, model, data if isinstance(data, Images) else None)


def with_settings_of(experiment: Experiment, task: Task) -> Task:
    """The task with its loss and its scores for other settings of the same model on the same data."""
    objective = build_objective(experiment, task.model, task.data)
    if not isinstance(task.data, Images):
        return dataclasses.replace(task, objective=objective)
    evaluate = build_image_evaluation(experiment, task.model, task.data)
    return dataclasses.replace(task, objective=objective, evaluate=evaluate)


def spec_type(experiment: Experiment) -> type[Spec]:
    """What a run of this experiment keeps about its data."""
    match experiment.data:
        case TextData():
            return Vocabulary
        case ArithmeticData():
            return ArithmeticSpec
        case _:
            return ImageSpec
