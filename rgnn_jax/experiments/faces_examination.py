"""What is found out about each model of faces, from held-out pictures and known factors."""

import dataclasses
from typing import Any

import jax
import numpy as np
from jaxtyping import Float, UInt8

from rgnn_jax.datasets.faces import FACTOR_NAMES, FACTORS
from rgnn_jax.datasets.pictures import Images, Pictures
from rgnn_jax.evaluate.disentanglement import (
    disentanglement_completeness_informativeness,
    mutual_information_gap,
    squared_correlation,
)
from rgnn_jax.evaluate.elbo import score_images
from rgnn_jax.experiments.faces_judges import Reads
from rgnn_jax.experiments.faces_results import Dimension, Disentanglement, FaceRun, How, Turn
from rgnn_jax.experiments.latent.meanings import turning_curve
from rgnn_jax.experiments.latent.subject import Subject
from rgnn_jax.experiments.picture_looks import Look, compared, measure_look, variance_explained
from rgnn_jax.experiments.workshop import FinishedRun
from rgnn_jax.sampling.latent import draw, effect_per_dimension, prior

STEPS = 9
ANGLES = np.linspace(-32.0, 32.0, STEPS)
"""Degrees that a face is asked to turn to where the turn is known: 64 from left to right, in steps of 8."""

REACH = 2.0
"""Standard deviations to either side where it is not."""

DIMENSION_REACH = 3.0
"""Of the one dimension that the document turned a face by."""

_ALIKE = 10


@dataclasses.dataclass(frozen=True)
class Examination:
    """What every model is asked.

    Attributes:
        data: the pictures, of which the models saw the training split.
        judge: reads turned faces.
        faces: how many held-out faces are turned.
        seed: of samples and measures.
    """

    data: Images
    judge: Reads
    faces: int
    seed: int

    def look(self, pictures: UInt8[np.ndarray, "n h w c"]) -> Look:
        """Pictures, as many as are `compared`, beside the data."""
        return measure_look(pictures, compared(self.data.test.images), self.data.train.images, seed=self.seed)

    def examine(self, one: FinishedRun, beta: float, place: str) -> FaceRun:
        """Everything about one model, whose directory beside the page is `place`."""
        subject = one.subject
        test = self.data.test
        scores: dict[str, Any] = dict(
            score_images(one.run.model, one.run.params, test.images, seed=self.seed)
        )
        reconstructions = subject.reconstruct(test.images)
        example = compared(reconstructions)
        samples = draw(prior(one.run.model.z_dim), jax.random.key(self.seed + 1), len(example))
        kl = np.array(scores["kl_per_dim"])
        factors = self._disentanglement(subject, kl)
        hows: tuple[How, ...] = ("factor", "pictures", "dimension") if factors else ("pictures",)
        return FaceRun(
            label=one.label,
            beta=beta,
            run=place,
            parameters=one.parameters,
            steps=one.run.step,
            seconds=one.seconds,
            reconstruction_loss=scores["reconstruction_loss"],
            kl_loss=scores["kl_loss"],
            mse=scores["mse"],
            explained=variance_explained(test.images, reconstructions),
            kl=kl.tolist(),
            active=round(scores["active_units"]),
            alike=_alike(subject),
            samples=self.look(subject.decode(samples)),
            reconstructions=self.look(example),
            factors=factors,
            turns={how: self.turn(subject, self.data.test, how, factors) for how in hows},
            validation_turn=self.turn(subject, self.data.validation, hows[0], factors),
        )

    def turn(self, subject: Subject, pictures: Pictures, how: How, factors: Disentanglement | None) -> Turn:
        """The first faces of a split, turned in one way and read by the judge."""
        originals = np.asarray(pictures.images[: self.faces])
        asked, strips = turned(subject, originals, how, factors)
        return self.judge.score(how, asked, strips, originals)

    def _disentanglement(self, subject: Subject, kl: Float[np.ndarray, " z"]) -> Disentanglement | None:
        test, names = self.data.test, self.data.spec.factors
        if test.factors is None or names != FACTOR_NAMES:
            return None
        codes = subject.encode(test.images).z_mean.astype(np.float64)
        gap = mutual_information_gap(codes, test.factors)
        dci = disentanglement_completeness_informativeness(
            codes, test.factors, [factor.kind == "categorical" for factor in FACTORS], seed=self.seed
        )
        shares = gap.information / gap.entropies[None]
        truth = test.factors[:, names.index("turn")]
        turn = np.array([squared_correlation(code, truth) for code in codes.T])
        dimensions = []
        for place in np.argsort(-kl, kind="stable"):
            best, second = np.argsort(-shares[place], kind="stable")[:2]
            dimensions.append(
                Dimension(
                    place=int(place),
                    kl=float(kl[place]),
                    factor=names[best],
                    known=float(shares[place, best]),
                    others=float(shares[place, second]),
                )
            )
        return Disentanglement(
            mig=gap.score,
            gaps=dict(zip(names, gap.gaps.tolist(), strict=True)),
            disentanglement=dci.disentanglement,
            completeness=dci.completeness,
            informativeness=dci.informativeness,
            turn_dimension=int(np.argmax(turn)),
            turn_correlation=float(turn.max()),
            dimensions=dimensions,
        )


def turned(
    subject: Subject, originals: UInt8[np.ndarray, "k h w c"], how: How, factors: Disentanglement | None
) -> tuple[Float[np.ndarray, " s"], UInt8[np.ndarray, "k s h w c"]]:
    """Faces from the picture's left to its right: what was asked at each step, and the strips."""
    codes = subject.encode(originals).z_mean
    if how == "dimension":
        assert factors is not None
        return _by_dimension(subject, codes, factors.turn_dimension)
    curve, _ = turning_curve(subject, by="labels" if how == "factor" else "asymmetry")
    asked = ANGLES if how == "factor" else np.linspace(-REACH, REACH, STEPS)
    return asked, subject.decode(curve.move(codes, asked))


def choice(turn: Turn) -> float:
    """How far a turn is from what is asked of it, the lower the better: the sum of its shortfalls.

    The error counts in units of 8 degrees, the cases in which another factor changed in units of 10%. Where
    nothing says how far a face should turn, a wide turn of the same person counts.
    """
    if turn.error is not None and turn.kept is not None:
        return turn.error / 8.0 + (1.0 - turn.kept) / 0.1
    if turn.identity is not None and turn.span is not None and turn.monotone is not None:
        return turn.identity - turn.monotone - turn.span / 90.0
    return 0.0


def _by_dimension(
    subject: Subject, codes: Float[np.ndarray, "k z"], place: int
) -> tuple[Float[np.ndarray, " s"], UInt8[np.ndarray, "k s h w c"]]:
    """One dimension from -3 to 3, or from 3 to -3 where its growth turns faces to the left."""
    turn = subject.factor(subject.sample, "turn")
    sign = np.sign(np.corrcoef(subject.posterior.z_mean[:, place], turn)[0, 1]) or 1.0
    values = np.linspace(-DIMENSION_REACH, DIMENSION_REACH, STEPS)
    moved = np.repeat(codes[:, None], STEPS, axis=1)
    moved[:, :, place] = sign * values[None]
    return sign * values, subject.decode(moved)


def _alike(subject: Subject) -> float:
    """Mean absolute cosine between the changes of the mean face by the dimensions of greatest effect."""
    model, params, mean = subject.run.model, subject.run.params, subject.distribution
    start = subject.posterior.z_mean.mean(axis=0)
    effects = effect_per_dimension(model, params, start[None], mean)
    chosen = np.argsort(-effects)[:_ALIKE]
    steps = 2.0 * np.eye(len(start), dtype=np.float32)[chosen]
    high, low = (subject.decode(start[None] + sign * steps).astype(np.float64) for sign in (1, -1))
    changes = (high - low).reshape(len(chosen), -1)
    changes /= np.maximum(np.linalg.norm(changes, axis=1, keepdims=True), 1e-12)
    cosines = np.abs(changes @ changes.T)[~np.eye(len(chosen), dtype=bool)]
    return float(cosines.mean())
