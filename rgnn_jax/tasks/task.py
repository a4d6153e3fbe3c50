"""What an experiment builds: everything that training, sampling and evaluation need."""

import dataclasses
from collections.abc import Callable, Mapping

import flax.linen as nn

from rgnn_jax.contracts import Batches, Game, Objective, Params
from rgnn_jax.datasets.arithmetic import Arithmetic
from rgnn_jax.datasets.arithmetic_spec import ArithmeticSpec
from rgnn_jax.datasets.handwriting import Handwriting
from rgnn_jax.datasets.image_spec import ImageSpec
from rgnn_jax.datasets.pictures import Images
from rgnn_jax.datasets.text import Text
from rgnn_jax.datasets.vocabulary import Vocabulary
from rgnn_jax.errors import UserError

Spec = Vocabulary | ImageSpec | ArithmeticSpec
Data = Text | Images | Arithmetic
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
        symbols_per_step: tokens, pictures or queries that a step learns from.
        symbol: what those are called, several of them.
        steps_per_epoch: steps after which as many examples were drawn as there are.
        evaluate: params and a split's name to {"loss": ..., ...} over all of it; nothing for an empty split.
        shown: the metrics of `evaluate` that a person reads while it trains.
        summary: the data in a few words.
        model_summary: the network in a few words.
        remark: what must be said about the last metrics, if anything.
    """

    model: nn.Module
    objective: Objective | Game
    batches: Batches
    data: Data
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
            UserError: where they are something else.
        """
        if not isinstance(self.data, Text):
            raise UserError(f"the run's data are {describe_kind(self.spec)[0]}, not a text")
        return self.data

    @property
    def images(self) -> Images:
        """The data of a model of pictures.

        Raises:
            UserError: where they are something else.
        """
        if not isinstance(self.data, Images):
            raise UserError(f"the run's data are {describe_kind(self.spec)[0]}, not pictures")
        return self.data

    @property
    def arithmetic(self) -> Arithmetic:
        """The data of a model of arithmetic.

        Raises:
            UserError: where they are something else.
        """
        if not isinstance(self.data, Arithmetic):
            raise UserError(f"the run's data are {describe_kind(self.spec)[0]}, not arithmetic")
        return self.data

    @property
    def handwriting(self) -> Handwriting:
        """The data of a model of arithmetic in handwriting.

        Raises:
            UserError: where they are something else.
        """
        if not isinstance(self.data, Handwriting):
            raise UserError(f"the run's data are {describe_kind(self.spec)[0]}, not handwriting")
        return self.data


def describe_kind(spec: Spec) -> tuple[str, str]:
    """What a run is about, and what can be done with it, in words."""
    match spec:
        case Vocabulary():
            return "text", "let it write with rgnn sample"
        case ImageSpec():
            return "pictures", "look into it with rgnn latent, or rgnn evaluate"
        case ArithmeticSpec():
            return "arithmetic", "ask it with rgnn solve"
