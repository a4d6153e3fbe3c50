"""Results of the reproduction on faces as no run gave them, small and complete."""

import msgspec
from made_up_pictures import FACTS

from rgnn_jax.experiments.faces_results import (
    Dimension,
    Disentanglement,
    FaceRun,
    FacesResults,
    Judge,
    Turn,
)
from rgnn_jax.experiments.picture_gans import PairModel
from rgnn_jax.experiments.picture_looks import Look


def look(**changes):
    given = Look(
        sharpness=0.02, contrast=0.2, distance=0.1, texture=50.0, precision=0.8, recall=0.5, nearest=0.1,
        frequencies=[0.1, 0.2], spectrum=[1e-3, 1e-4],
    )  # fmt: skip
    return msgspec.structs.replace(given, **changes)


def pair(label="GAN", **changes):
    given = PairModel(
        label=label, run="gan", parameters=20, steps=50, trained=100, seconds=6.0, samples=look(), jump=1.4,
        spread=0.9, apart=0.8, real_accuracy=0.7, fake_accuracy=0.6, remark=None,
    )  # fmt: skip
    return msgspec.structs.replace(given, **changes)


def turn(how="factor", **changes):
    given = Turn(
        how=how, asked=[-30.0, 0.0, 30.0], read=[-28.0, 1.0, 29.0], monotone=1.0, span=57.0,
        error=4.0 if how == "factor" else None, unchanged={"glasses": 0.95, "hat": 0.97},
        moved={"skin": 0.02},
    )  # fmt: skip
    return msgspec.structs.replace(given, **changes)


def factors(**changes):
    given = Disentanglement(
        mig=0.05, gaps={"turn": 0.1, "glasses": 0.0}, disentanglement=0.3, completeness=0.3,
        informativeness=0.9, turn_dimension=1, turn_correlation=0.6,
        dimensions=[Dimension(place=1, kl=3.0, factor="turn", known=0.4, others=0.1)],
    )  # fmt: skip
    return msgspec.structs.replace(given, **changes)


def run(beta=4.0, **changes):
    given = FaceRun(
        label=f"\u03b2 = {beta:g}", beta=beta, run=f"beta_{beta:g}", parameters=1234, steps=100, seconds=65.0,
        reconstruction_loss=7300.0, kl_loss=40.0, mse=0.004, explained=0.9, kl=[1.0, 3.0], active=2,
        alike=0.2,
        samples=look(), reconstructions=look(), factors=factors(),
        turns={how: turn(how) for how in ("factor", "pictures", "dimension")}, validation_turn=turn(),
    )  # fmt: skip
    return msgspec.structs.replace(given, **changes)


def results(*runs, scale="cpu", **changes):
    runs = runs or (run(0.0), run(4.0), run(20.0))
    given = FacesResults(
        facts=msgspec.structs.replace(FACTS, command="rgnn reproduce faces", scale=scale),
        data=look(), runs={one.label: one for one in runs},
        pairs={"GAN": pair()}, chosen=runs[0].label, turned=8,
        judge=Judge(
            kind="a network", trained_on=100, tested_on=20, accuracy={"glasses": 0.99}, error={"turn": 2.0},
            correlation=0.99,
        ),
    )  # fmt: skip
    return msgspec.structs.replace(given, **changes)
