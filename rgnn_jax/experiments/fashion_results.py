"""What the reproduction on clothes finds out, as plain data: `fashion.json` is this."""

from rgnn_jax.evaluate.clusters import ClusterScores
from rgnn_jax.experiments.facts import Facts, Result
from rgnn_jax.experiments.picture_results import (
    DataFacts,
    JudgeFacts,
    ModelScore,
    SampleScore,
    WalkScore,
)


class FashionModel(Result, frozen=True):
    """One model.

    Attributes:
        score: of test pictures.
        early_mse: squared error a pixel early in training.
        samples: codes from N(0, 1), decoded.
    """

    score: ModelScore
    early_mse: float
    samples: SampleScore


class FashionResults(Result, frozen=True):
    """Everything that the page says in numbers.

    Attributes:
        models: by name.
        early_step: when the models were looked at early in training.
        early_epochs: how often the VAE had seen each picture then.
        clusters: by what was looked at: the models' codes, and principal components of the pixels.
        plane_silhouette: silhouettes of the classes in the t-SNE of the VAE's codes, and of the pixels.
        plane_count: test pictures in them.
        walks: by pair of classes, through the codes of the VAE.
    """

    facts: Facts
    data: DataFacts
    judge: JudgeFacts
    models: dict[str, FashionModel]
    early_step: int
    early_epochs: float
    clusters: dict[str, ClusterScores]
    plane_silhouette: dict[str, float]
    plane_count: int
    walks: dict[str, WalkScore]

    @property
    def early(self) -> str:
        """The early time in words."""
        part = self.early_epochs
        return "the first epoch" if part >= 0.99 else f"{part:.0%} of the first epoch"
