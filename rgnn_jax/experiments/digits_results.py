"""What the reproduction on digits finds out, as plain data: `digits.json` is this."""

from collections.abc import Sequence

from rgnn_jax.evaluate.clusters import ClusterScores
from rgnn_jax.experiments.facts import Facts, Result
from rgnn_jax.experiments.picture_results import (
    DataFacts,
    JudgeFacts,
    ModelScore,
    SampleScore,
    WalkScore,
)

TOLERANCE = 1.05
"""How much worse than the best a bound may be for its weight to be chosen by the samples."""


class Choice(Result, frozen=True):
    """A weight that was tried, scored on validation pictures.

    Attributes:
        negative_elbo: nats a picture.
        distance: squared Frechet distance of random samples.
    """

    beta: float
    negative_elbo: float
    distance: float


class DigitModel(Result, frozen=True):
    """One model.

    Attributes:
        score: of test pictures.
        unit: samples of codes from N(0, 1).
        fitted: samples of codes from a Gaussian fitted to training pictures' codes.
        clusters: how well its codes tell the classes apart.
    """

    score: ModelScore
    unit: SampleScore
    fitted: SampleScore
    clusters: ClusterScores


class KlCourse(Result, frozen=True):
    """The validation KL of beta 0 where it was first measured, and at the end."""

    first_step: int
    first: float
    last: float


class DigitResults(Result, frozen=True):
    """Everything that the page says in numbers.

    Attributes:
        models: those shown, by name: the autoencoder, then by beta.
        choices: the weights that were tried.
        tuned: the name of the chosen model.
        walks: by model and pair of classes, such as "0 to 8".
        all_walks: by model.
    """

    facts: Facts
    data: DataFacts
    judge: JudgeFacts
    models: dict[str, DigitModel]
    choices: list[Choice]
    tuned: str
    kl_course: KlCourse
    walks: dict[str, dict[str, WalkScore]]
    all_walks: dict[str, WalkScore]


def choose(choices: Sequence[Choice]) -> Choice:
    """Of the weights with a bound within `TOLERANCE` of the best, that of the samples nearest to the data."""
    best = min(choice.negative_elbo for choice in choices)
    near = [choice for choice in choices if choice.negative_elbo <= TOLERANCE * best]
    return min(near, key=lambda choice: choice.distance)
