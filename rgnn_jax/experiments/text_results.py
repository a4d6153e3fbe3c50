"""What the text reproduction finds out, as plain data: `text.json` is this, and the page is made of it."""

from typing import Literal

from rgnn_jax.experiments.facts import Facts, Result
from rgnn_jax.experiments.writing import Measures

Part = Literal["training", "held-out"]
StageName = Literal["early", "midway", "end"]
STAGES: tuple[StageName, ...] = ("early", "midway", "end")


class Point(Result, frozen=True):
    """A loss at a time of training, in nats a character."""

    epoch: float
    loss: float


class Stage(Result, frozen=True):
    """What a model wrote at one time of its training.

    Attributes:
        greedy: the greedy continuation of the shown paragraph, by where the paragraph is from.
        sampled: a drawn continuation of the shown held-out paragraph.
        measures: means over the greedy continuations of several paragraphs of each part.
    """

    name: StageName
    epoch: float
    step: int
    greedy: dict[Part, str]
    sampled: str
    measures: dict[Part, Measures]


class Score(Result, frozen=True):
    """A checkpoint's losses, in nats a character and without dropout.

    Attributes:
        training: of the training text, in windows.
        validation: of the validation text, in windows; it chose the best checkpoint.
        test_windows: of the test text, the state reset at each window as in training.
        test_carried: of the test text, with all the context that the model can use.
    """

    epoch: float
    training: float
    validation: float
    test_windows: float
    test_carried: float


class ModelResult(Result, frozen=True):
    """One model's run.

    Attributes:
        run: its directory beside the page.
        network: its size in words.
        changed: settings that this scale takes instead of the configuration's.
        training: mean losses of the steps since the point before, with dropout.
        validation: losses of the validation text in windows.
        best: scores of the checkpoint of the lowest validation loss.
        last: scores of the last one.
        strip: natural log-probabilities of the shown held-out paragraph's characters at the best checkpoint.
        instability: see `writing.instability`, of the training loss.
    """

    run: str
    network: str
    learning_rate: float
    changed: list[str]
    parameters: int
    epochs: float
    seconds: float
    training: list[Point]
    validation: list[Point]
    stages: list[Stage]
    best: Score
    last: Score
    strip: list[float]
    instability: float

    def stage(self, name: StageName) -> Stage | None:
        """What was written at this stage, if the run reached it."""
        return next((stage for stage in self.stages if stage.name == name), None)

    @property
    def overfit_gap(self) -> float:
        """How much better the last checkpoint predicts the training text than the validation text."""
        return self.last.validation - self.last.training


class SweepRow(Result, frozen=True):
    """One LSTM of the comparison; the validation loss of one that diverged is not a number."""

    width: int
    learning_rate: float
    epochs: float
    validation: float


class Paragraph(Result, frozen=True):
    """The beginning that every model is given, and what follows it in the data."""

    prompt: str
    truth: str


class TextResults(Result, frozen=True):
    """Everything that the page shows.

    Attributes:
        facts: how it was made.
        unigram: test loss of the symbols' frequencies in the training text, which no context improves.
        common: the training text's five commonest characters, and the share of it that they make up.
        paragraphs: those shown.
        measured: how many paragraphs of each part the measures are means over.
        strip: as much of the shown held-out paragraph as is scored character by character.
        models: by name, in the order of the page.
        sweep: row by row.
    """

    facts: Facts
    unigram: float
    common: tuple[str, float]
    paragraphs: dict[Part, Paragraph]
    measured: dict[Part, int]
    strip: str
    models: dict[str, ModelResult]
    sweep: list[SweepRow]
