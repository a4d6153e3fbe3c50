"""The sheet's practice on clothes: a VAE, its stages of training, and the clusters of its latent space."""

import dataclasses
from functools import partial
from pathlib import Path
from typing import NamedTuple

from rgnn_jax.datasets.images import load_images
from rgnn_jax.datasets.pictures import Images, Pictures, evenly
from rgnn_jax.evaluate.projection import tsne
from rgnn_jax.experiments import report
from rgnn_jax.experiments.facts import Facts
from rgnn_jax.experiments.fashion_observations import AE, PIXELS, VAE
from rgnn_jax.experiments.fashion_page import make_page, to_terminal
from rgnn_jax.experiments.fashion_pictures import draw_beside, draw_stages, draw_walks
from rgnn_jax.experiments.fashion_results import FashionModel, FashionResults
from rgnn_jax.experiments.fashion_spaces import Space, plane_silhouette, principal_components
from rgnn_jax.experiments.judge import Judgement, Judging, judge_pictures
from rgnn_jax.experiments.latent.maps import Method, clustered, projected
from rgnn_jax.experiments.latent.subject import Shown, Subject
from rgnn_jax.experiments.picture_measures import (
    describe_data,
    describe_judge,
    mean_squared_error,
    require_classes,
    require_pictures,
    score_model,
    score_pairs,
    score_random,
)
from rgnn_jax.experiments.picture_settings import in_words, lengths, shared_settings
from rgnn_jax.experiments.picture_tables import loss_figures
from rgnn_jax.experiments.publish import published
from rgnn_jax.experiments.request import Request
from rgnn_jax.experiments.workshop import FinishedRun, Settings, Workshop, require_page_tools
from rgnn_jax.sampling.latent import prior
from rgnn_jax.train.session import LoadedRun

WALKS = ((0, 1), (2, 8), (3, 7), (5, 9))
"""Pairs of classes between which the document asks to walk: of Fashion-MNIST, near ones and far ones."""


class Scale(NamedTuple):
    """How much is done.

    Attributes:
        models: settings of the VAE and the autoencoder.
        judge: settings of the classifier.
        walks: pairs of pictures for each pair of classes.
        projected: test pictures, at most, that are projected to a plane.
    """

    models: Settings
    judge: Settings
    walks: int
    projected: int


_FIRST = {"training.milestones": "1"}

# The seconds are limits for a slow machine; on two quiet cores the epochs or steps come first.
SCALES = {
    "smoke": Scale(
        lengths(epochs=4, steps=40, max_seconds=600, evaluate_every=20)
        | {"model.hidden": "[64]", "training.ema_decay": "0.9", "training.milestones": "0.05"},
        lengths(epochs=4, steps=40, max_seconds=600, evaluate_every=0) | {"model.width": "8"},
        8,
        100,
    ),
    "cpu": Scale(
        lengths(epochs=150, steps=15_000, max_seconds=150, evaluate_every=500) | _FIRST,
        lengths(epochs=60, steps=1500, max_seconds=90, evaluate_every=0),
        100,
        2000,
    ),
    "full": Scale(
        lengths(epochs=300, steps=60_000, max_seconds=3600, evaluate_every=2000) | _FIRST,
        lengths(epochs=100, steps=6000, max_seconds=3600, evaluate_every=0),
        300,
        5000,
    ),
}


@dataclasses.dataclass(frozen=True)
class _Runs:
    """A model at the end of its training, and at its milestone, or its end where the time was over before."""

    end: FinishedRun
    early: Subject

    @classmethod
    def train(cls, workshop: Workshop, label: str, settings: Settings) -> "_Runs":
        seen: list[LoadedRun] = []
        end = workshop.train(label, label.lower(), "vae_fashion", settings, on_milestone=seen.append)
        return cls(end, Subject.of(seen[0] if seen else end.run))

    def epochs(self, data: Images) -> float:
        """How often the early model had seen each picture."""
        run = self.early.run
        return run.step * run.experiment.training.batch_size / len(data.train)

    def score(
        self, subject: Subject, judge: Judging, real: Judgement, test: Pictures, seed: int
    ) -> FashionModel:
        """What test pictures lose in the trained model, and what the judge makes of random codes."""
        early = self.early.reconstruct(test.images)
        return FashionModel(
            score=score_model(self.end, subject, judge, test),
            early_mse=mean_squared_error(test.images, early),
            samples=score_random(subject, prior(self.end.run.model.z_dim), judge, real, seed),
        )


def reproduce_fashion(request: Request) -> tuple[Path, FashionResults, str]:
    """Trains a VAE, an autoencoder and a classifier, and publishes fashion-SCALE when all is done.

    Returns:
        The page's path, what it shows, and its short form for a terminal.

    Raises:
        UserError: for pictures, a directory or an installation that cannot be used.
        WorkFailed: where a training broke down.
        SystemExit: where a signal stopped it; nothing is published, what was trained is kept.
    """
    require_page_tools()
    plan, target = SCALES[request.scale], request.out / f"fashion-{request.scale}"
    with published(target, overwrite=request.overwrite) as work:
        workshop = Workshop(
            work, shared_settings(request.data_path, request.data_dir, request.seed), request.quiet
        )
        source = workshop.experiment("vae_fashion", plan.models).of_pictures[1]
        data = load_images(source)
        require_classes(data, request.data_path, max(map(max, WALKS)) + 1)
        require_pictures(data, request.data_path)
        runs = {
            VAE: _Runs.train(workshop, VAE, plan.models),
            AE: _Runs.train(workshop, AE, {**plan.models, "model.variational": "false"}),
        }
        judge_run = workshop.train("classifier", "classifier", "classifier_fashion", plan.judge)
        judge_facts, judgements = describe_judge(judge_run, data, request.seed)
        judge = partial(judge_pictures, judge_run.run)
        subjects = {name: run.end.subject for name, run in runs.items()}
        models = {
            name: run.score(subjects[name], judge, judgements["test"], data.test, request.seed)
            for name, run in runs.items()
        }
        spaces = {name: Space.of(subject, data) for name, subject in subjects.items()}
        spaces[PIXELS] = principal_components(data, subjects[VAE].run.model.z_dim)
        maps: dict[Method, Shown] = {
            method: projected(subjects[VAE], method=method, count=plan.projected, seed=request.seed)
            for method in ("pca", "tsne")
        }
        planes = {
            VAE: maps["tsne"].arrays["points"],
            PIXELS: tsne(
                spaces[PIXELS].test[evenly(len(data.test), plan.projected)], seed=request.seed
            ).points,
        }
        results = FashionResults(
            data=describe_data(data, request.data_path, binarized=source.binarize),
            judge=judge_facts,
            models=models,
            early_step=runs[VAE].early.run.step,
            early_epochs=runs[VAE].epochs(data),
            clusters={name: codes.clusters(data, request.seed) for name, codes in spaces.items()},
            plane_silhouette={name: plane_silhouette(points, data) for name, points in planes.items()},
            plane_count=len(planes[VAE]),
            walks=score_pairs(subjects[VAE], judge, data, WALKS, plan.walks),
            facts=Facts.of(request, target, in_words(runs[VAE].end.run.experiment, data)),
        )
        pictures = {
            "stages.png": draw_stages(runs[VAE].early, subjects[VAE], data, request.seed),
            "beside.png": draw_beside(subjects, data),
            "walks.png": draw_walks(subjects[VAE], data, WALKS),
            **maps["pca"].files,
            **maps["tsne"].files,
            **clustered(subjects[VAE], seed=request.seed).files,
        }
        page = make_page(results, loss_figures([run.end for run in runs.values()]), pictures)
        files = {f"figures/{name}": content for name, content in pictures.items()}
        report.publish(page, results, work / "fashion.html", files)
    return target / "fashion.html", results, to_terminal(results)
