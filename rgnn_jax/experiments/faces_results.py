"""What the reproduction on faces finds out, as plain data: `faces.json`, of which the page is made."""

from typing import Literal

import msgspec

from rgnn_jax.experiments.facts import Facts, Result
from rgnn_jax.experiments.picture_gans import PairModel
from rgnn_jax.experiments.picture_looks import Look

How = Literal["factor", "pictures", "dimension"]


class Turn(Result, frozen=True):
    """How held-out faces turned, as a judge read it that the model never met.

    Attributes:
        how: along the curve fitted to the known turn; along the direction found in pictures alone; or by the
            one latent dimension that goes with the turn best, as the document did.
        asked: degrees for "factor", else standard deviations from left to right.
        read: degrees, mean over faces, at each of them.
        monotone: share of faces whose read turn rises at every step; where it is read off photographs, which
            is less exact, at every step but for a few degrees.
        span: degrees from the first picture to the last.
        error: degrees between asked and read, where degrees were asked.
        unchanged: for each other categorical factor, the share of pictures that show it as the original did.
        moved: for each other continuous factor, by how much it changed.
        identity: distance of turned and original in features of the person, where 0 is the same photograph
            and 1 as far apart as two strangers.
    """

    how: How
    asked: list[float]
    read: list[float] = msgspec.field(default_factory=list)
    monotone: float | None = None
    span: float | None = None
    error: float | None = None
    unchanged: dict[str, float] = msgspec.field(default_factory=dict)
    moved: dict[str, float] = msgspec.field(default_factory=dict)
    identity: float | None = None

    @property
    def kept(self) -> float | None:
        """The share of cases in which the other categorical factors stayed, mean over these."""
        return sum(self.unchanged.values()) / len(self.unchanged) if self.unchanged else None


class Dimension(Result, frozen=True):
    """One latent dimension.

    Attributes:
        place: its number.
        kl: nats.
        factor: what it knows most of, in shares of that factor's entropy.
        known: that share.
        others: the largest such share of another factor.
    """

    place: int
    kl: float
    factor: str
    known: float
    others: float


class Disentanglement(Result, frozen=True):
    """Scores on pictures with known factors, and what the dimensions stand for, by KL.

    Attributes:
        gaps: each factor's part of the MIG.
        turn_dimension: the dimension that is correlated best with the turn.
        turn_correlation: the square of that correlation.
    """

    mig: float
    gaps: dict[str, float]
    disentanglement: float
    completeness: float
    informativeness: float
    turn_dimension: int
    turn_correlation: float
    dimensions: list[Dimension]


class FaceRun(Result, frozen=True):
    """One trained model.

    Attributes:
        run: its directory beside the page.
        explained: share of the held-out pictures' variance that reconstructions keep.
        kl: nats of each latent dimension.
        active: dimensions whose posterior mean varies.
        alike: mean absolute cosine between what pairs of the ten dimensions of greatest effect do to pixels.
        samples: pictures drawn from the prior.
        reconstructions: of held-out pictures.
        factors: absent where the data know none.
        turns: of test faces, by the way of turning.
        validation_turn: of validation faces; see `choice`.
    """

    label: str
    beta: float
    run: str
    parameters: int
    steps: int
    seconds: float
    reconstruction_loss: float
    kl_loss: float
    mse: float
    explained: float
    kl: list[float]
    active: int
    alike: float
    samples: Look
    reconstructions: Look
    factors: Disentanglement | None
    turns: dict[How, Turn]
    validation_turn: Turn


class Judge(Result, frozen=True):
    """How well what reads the turned faces reads held-out faces whose truth is known.

    Attributes:
        kind: what it is.
        trained_on: pictures.
        tested_on: pictures that it did not see.
        accuracy: of each categorical factor.
        error: mean absolute, of each continuous factor, in its unit.
        blurred: the same accuracies and errors on those pictures blurred by a Gaussian of one pixel.
        correlation: of the read turn with the true one.
        recognition: how often two photographs of one person are taken to be nearer than two of strangers.
    """

    kind: str
    trained_on: int
    tested_on: int
    accuracy: dict[str, float] = msgspec.field(default_factory=dict)
    error: dict[str, float] = msgspec.field(default_factory=dict)
    blurred: dict[str, float] = msgspec.field(default_factory=dict)
    correlation: float | None = None
    recognition: float | None = None


class FacesResults(Result, frozen=True):
    """Everything that the page shows.

    Attributes:
        facts: how it was made.
        data: how the training pictures look beside those that samples are measured against.
        runs: by label, in rising order of beta.
        pairs: the generator-discriminator pair beside them, by its label.
        chosen: label of the run whose faces are shown turning.
        judge: absent where nothing is known that could judge.
        turned: how many held-out faces were turned.
    """

    facts: Facts
    data: Look
    runs: dict[str, FaceRun]
    pairs: dict[str, PairModel]
    chosen: str
    judge: Judge | None
    turned: int
