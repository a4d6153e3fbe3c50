"""What an experiment builds: everything that training, sampling and evaluation need."""

import dataclasses
from collections.abc import Callable, Mapping

import flax.linen as nn

from rgnn_jax.contracts import Batches, Objective, Params
from rgnn_jax.datasets.image_spec import ImageSpec
from rgnn_jax.datasets.images import Images
from rgnn_jax.datasets.text import Text
from rgnn_jax.datasets.vocabulary import Vocabulary
from rgnn_jax.errors import UserError

Spec = Vocabulary | ImageSpec
HeldOut = Mapping[str, float | list[float]]


@dataclasses.dataclass(frozen=True)
class Task:
    """A model, its data and its loss, ready to train.

    Attributes:
        model: the network, unbound.
        objective: its loss.
        batches: training data and how a step draws from them.
        data: all splits of them.
        spec: what the model knows of its data, saved with the run.
        symbols_per_step: tokens or pictures that a step learns from.
        symbol: what those are called.
        steps_per_epoch: steps after which as many examples were drawn as there are.
        evaluate: params and a split's name to {"loss": ..., ...} over all of it; nothing for an empty split.
        shown: the metrics of `evaluate` that a person reads while it trains.
        summary: the data in a few words.
        model_summary: the network in a few words.
        remark: what must be said about the last metrics, if anything.
    """

    model: nn.Module
    objective: Objective
    batches: Batches
    data: Text | Images
    spec: Spec
    symbols_per_step: int
    symbol: str
    steps_per_epoch: float
    evaluate: Callable[[Params, str], HeldOut]
    shown: tuple[str, ...]
    summary: str
    model_summary: str
    remark: Callable[[HeldOut], str | None] = lambda metrics: None

    @property
    def text(self) -> Text:
        """The data of a model of text.

        Raises:
            UserError: where they are pictures.
        """
        if not isinstance(self.data, Text):
            raise UserError("the run's data are pictures, not a text: rgnn latent looks into its model")
        return self.data

    @property
    def images(self) -> Images:
        """The data of a model of pictures.

        Raises:
            UserError: where they are a text.
        """
        if not isinstance(self.data, Images):
            raise UserError("the run's data are a text, not pictures: rgnn sample lets its model write")
        return self.data
