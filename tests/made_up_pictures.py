"""Results of the reproductions on digits and clothes as no run gave them, small and complete."""

import msgspec

from rgnn_jax.evaluate.clusters import ClusterScores
from rgnn_jax.experiments.digits_results import Choice, DigitModel, DigitResults, KlCourse
from rgnn_jax.experiments.facts import Facts
from rgnn_jax.experiments.fashion_results import FashionModel, FashionResults
from rgnn_jax.experiments.picture_results import (
    DataFacts,
    JudgeFacts,
    ModelScore,
    SampleScore,
    WalkScore,
)

SAMPLES = SampleScore(distance=10.0, kernel_distance=0.1, sure=0.8, count=1000)
CLUSTERS = ClusterScores(
    knn_accuracy=0.95, neighbours=10, silhouette=0.1, adjusted_rand_index=0.4, count=1000
)
WALK = WalkScore(unevenness=1.2, sureness=0.9, changes=1.5, between=0.1, other="8", count=100)
FACTS = Facts(
    scale="cpu",
    command="rgnn reproduce digits",
    directory="ckpt/reproduce/digits-cpu",
    seed=3,
    settings={"Batch": "128 pictures"},
    hardware="2 cores",
    date="2025-01-31",
    seconds=480.0,
    versions={"jax": "0.10.2"},
)
DATA = DataFacts(
    path="digits", shape="28 x 28 x 1", train=1200, validation=180, test=360, binarized=False, variance=0.08
)
JUDGE = JudgeFacts(
    accuracy=0.98,
    features=128,
    parameters=99,
    seconds=60.0,
    real=msgspec.structs.replace(SAMPLES, distance=1.0),
    sure=0.97,
)


def score(**changes):
    result = ModelScore(
        run="vae",
        beta=1.0,
        z_dim=20,
        layers="400-20",
        parameters=1234,
        steps=600,
        seconds=60.0,
        reconstruction_loss=75.0,
        kl_loss=25.0,
        negative_elbo=100.0,
        active_units=20,
        mse=0.01,
        agreement=0.97,
        sharpness=0.7,
    )
    return msgspec.structs.replace(result, **changes)


def digit(distance, *, knn=0.95, **changes):
    unit = msgspec.structs.replace(SAMPLES, distance=distance)
    clusters = msgspec.structs.replace(CLUSTERS, knn_accuracy=knn)
    return DigitModel(score=score(**changes), unit=unit, fitted=SAMPLES, clusters=clusters)


def digit_results(scale="cpu", **changes):
    """Numbers by which everything holds that the document says."""
    autoencoder = {"run": "ae", "beta": None, "kl_loss": None, "negative_elbo": None, "active_units": None}
    results = DigitResults(
        facts=msgspec.structs.replace(FACTS, scale=scale),
        data=DATA,
        judge=JUDGE,
        models={
            "AE": digit(90.0, knn=0.94, mse=0.006, sharpness=0.8, **autoencoder),
            "beta 0": digit(80.0, run="vae_beta_0", beta=0.0, mse=0.007, kl_loss=300.0),
            "beta 2": digit(10.0, run="vae_beta_2", beta=2.0),
            "beta 10": digit(40.0, run="vae_beta_10", beta=10.0, mse=0.03, sharpness=0.3, active_units=6),
        },
        choices=[
            Choice(beta=1.0, negative_elbo=99.0, distance=12.0),
            Choice(beta=2.0, negative_elbo=102.0, distance=10.0),
        ],
        tuned="beta 2",
        kl_course=KlCourse(first_step=300, first=60.0, last=300.0),
        walks={"AE": {"0 to 8": WALK}, "beta 2": {"0 to 8": WALK}},
        all_walks={
            "AE": msgspec.structs.replace(WALK, unevenness=1.6, sureness=0.85, changes=2.0),
            "beta 2": WALK,
        },
    )
    return msgspec.structs.replace(results, **changes)


def fashion_results(scale="cpu", **changes):
    """Numbers by which everything holds that the document says."""
    results = FashionResults(
        facts=msgspec.structs.replace(FACTS, scale=scale),
        data=DATA,
        judge=JUDGE,
        models={
            "VAE": FashionModel(score=score(agreement=0.9), early_mse=0.02, samples=SAMPLES),
            "AE": FashionModel(
                score=score(run="ae", beta=None, kl_loss=None, negative_elbo=None, mse=0.008),
                early_mse=0.015,
                samples=SAMPLES,
            ),
        },
        early_step=10,
        early_epochs=1.0,
        clusters={
            "VAE": msgspec.structs.replace(CLUSTERS, knn_accuracy=0.86),
            "AE": CLUSTERS,
            "pixels": msgspec.structs.replace(CLUSTERS, knn_accuracy=0.85, silhouette=0.05),
        },
        plane_silhouette={"VAE": 0.3, "pixels": 0.1},
        plane_count=500,
        walks={
            "shirt to boot": WALK,
            "coat to dress": msgspec.structs.replace(WALK, between=0.3, other="bag"),
        },
    )
    return msgspec.structs.replace(results, **changes)
