"""The assignment on digits: an autoencoder against VAEs whose KL terms weigh differently."""

import dataclasses
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from rgnn_jax.datasets.images import load_images
from rgnn_jax.datasets.pictures import Images
from rgnn_jax.evaluate.clusters import score_clusters
from rgnn_jax.experiments import report
from rgnn_jax.experiments.digits_observations import AE, NONE
from rgnn_jax.experiments.digits_page import make_page, to_terminal
from rgnn_jax.experiments.digits_pictures import WALKS, draw_pictures
from rgnn_jax.experiments.digits_results import Choice, DigitModel, DigitResults, KlCourse, choose
from rgnn_jax.experiments.facts import Facts
from rgnn_jax.experiments.judge import Judgement, Judging, judge_pictures
from rgnn_jax.experiments.latent.subject import Subject
from rgnn_jax.experiments.picture_measures import (
    config_of,
    describe_data,
    describe_judge,
    require_classes,
    require_pictures,
    score_bound,
    score_model,
    score_pairs,
    score_random,
    together,
)
from rgnn_jax.experiments.picture_settings import in_words, lengths, shared_settings
from rgnn_jax.experiments.picture_tables import loss_figures
from rgnn_jax.experiments.publish import published
from rgnn_jax.experiments.request import Request
from rgnn_jax.experiments.workshop import FinishedRun, Settings, Workshop, require_page_tools
from rgnn_jax.sampling.latent import aggregate_posterior, prior


class Scale(NamedTuple):
    """How much is done.

    Attributes:
        betas: among which the tuned one is chosen.
        models: settings of the autoencoder and the VAEs.
        judge: settings of the classifier.
        walks: pairs of pictures for each pair of classes.
    """

    betas: tuple[float, ...]
    models: Settings
    judge: Settings
    walks: int


# The seconds are limits for a slow machine; on two quiet cores the epochs or steps come first.
SCALES = {
    "smoke": Scale(
        (0.5, 1.0),
        lengths(epochs=4, steps=40, max_seconds=600, evaluate_every=20)
        | {"model.hidden": "[64]", "training.ema_decay": "0.9"},
        lengths(epochs=4, steps=40, max_seconds=600, evaluate_every=0) | {"model.width": "8"},
        8,
    ),
    "cpu": Scale(
        (0.5, 1.0, 2.0, 4.0),
        lengths(epochs=150, steps=6000, max_seconds=75, evaluate_every=300),
        lengths(epochs=60, steps=1200, max_seconds=75, evaluate_every=0),
        100,
    ),
    "full": Scale(
        (0.25, 0.5, 1.0, 2.0, 4.0),
        lengths(epochs=300, steps=45_000, max_seconds=3600, evaluate_every=1500),
        lengths(epochs=100, steps=4000, max_seconds=3600, evaluate_every=0),
        300,
    ),
}


@dataclasses.dataclass(frozen=True)
class _Examiner:
    """Who asks every model the same.

    Attributes:
        data: whose validation pictures choose, and whose test pictures score.
        judge: the classifier.
        judgements: what it makes of real pictures, by split.
        seed: of samples.
    """

    data: Images
    judge: Judging
    judgements: Mapping[str, Judgement]
    seed: int

    def consider(self, run: FinishedRun) -> Choice:
        """Scores a weight on validation pictures."""
        config, bound = config_of(run), score_bound(run, self.data.validation)
        assert bound.negative_elbo is not None
        real = self.judgements["validation"]
        samples = score_random(run.subject, prior(config.z_dim), self.judge, real, self.seed)
        return Choice(beta=config.beta, negative_elbo=bound.negative_elbo, distance=samples.distance)

    def examine(self, run: FinishedRun, subject: Subject) -> DigitModel:
        """Scores a model on test pictures, with samples that chose no weight."""
        real, seed = self.judgements["test"], self.seed + 1
        unit, fitted = prior(subject.run.model.z_dim), aggregate_posterior(subject.posterior)
        codes = subject.encode(self.data.test.images).z_mean
        train_labels, labels = (np.asarray(split.labels) for split in (subject.sample, self.data.test))
        return DigitModel(
            score=score_model(run, subject, self.judge, self.data.test),
            unit=score_random(subject, unit, self.judge, real, seed),
            fitted=score_random(subject, fitted, self.judge, real, seed),
            clusters=score_clusters(subject.posterior.z_mean, train_labels, codes, labels, seed=self.seed),
        )


def reproduce_digits(request: Request) -> tuple[Path, DigitResults, str]:
    """Trains an autoencoder, VAEs and a classifier, and publishes digits-SCALE when all is done.

    Returns:
        The page's path, what it shows, and its short form for a terminal.

    Raises:
        UserError: for pictures, a directory or an installation that cannot be used.
        WorkFailed: where a training broke down.
        SystemExit: where a signal stopped it; nothing is published, what was trained is kept.
    """
    require_page_tools()
    plan, target = SCALES[request.scale], request.out / f"digits-{request.scale}"
    with published(target, overwrite=request.overwrite) as work:
        workshop = Workshop(
            work, shared_settings(request.data_path, request.data_dir, request.seed), request.quiet
        )
        source = workshop.experiment("vae_mnist", plan.models).of_pictures[1]
        data = load_images(source)
        require_classes(data, request.data_path, max(map(max, WALKS)) + 1)
        require_pictures(data, request.data_path)
        ae = workshop.train(AE, "ae", "vae_mnist", {**plan.models, "model.variational": "false"})
        alike = {"data.validation_fraction": str(source.validation_fraction)}
        judge = workshop.train("classifier", "classifier", "classifier_mnist", {**plan.judge, **alike})
        vaes = {beta: _train_vae(workshop, plan, beta) for beta in (0.0, *plan.betas, 10.0)}
        judge_facts, judgements = describe_judge(judge, data, request.seed)
        examiner = _Examiner(data, partial(judge_pictures, judge.run), judgements, request.seed)
        choices = [examiner.consider(vaes[beta]) for beta in plan.betas]
        tuned = vaes[choose(choices).beta]
        shown = {run.label: run for run in (ae, vaes[0.0], tuned, vaes[10.0])}
        subjects = {label: run.subject for label, run in shown.items()}
        models = {label: examiner.examine(run, subjects[label]) for label, run in shown.items()}
        walks = {
            label: score_pairs(subjects[label], examiner.judge, data, WALKS, plan.walks)
            for label in (AE, tuned.label)
        }
        pictures = draw_pictures(subjects, tuned.label, data, request.seed)
        settings = in_words(tuned.run.experiment, data)
        results = DigitResults(
            facts=Facts.of(request, target, settings),
            data=describe_data(data, request.data_path, binarized=source.binarize),
            judge=judge_facts,
            models=models,
            choices=choices,
            tuned=tuned.label,
            kl_course=_course(shown[NONE]),
            walks=walks,
            all_walks={label: together(list(pairs.values())) for label, pairs in walks.items()},
        )
        page = make_page(results, loss_figures(list(shown.values())), pictures)
        files = {f"figures/{name}.png": png for name, png in pictures.items()}
        report.publish(page, results, work / "digits.html", files)
    return target / "digits.html", results, to_terminal(results)


def _train_vae(workshop: Workshop, plan: Scale, beta: float) -> FinishedRun:
    settings = {**plan.models, "model.beta": str(beta)}
    return workshop.train(f"beta {beta:g}", f"vae_beta_{beta:g}", "vae_mnist", settings)


def _course(run: FinishedRun) -> KlCourse:
    """How the KL of a run went on validation pictures."""
    steps, values = run.curve("validation_kl_loss")
    return KlCourse(first_step=int(steps[0]), first=float(values[0]), last=float(values[-1]))
