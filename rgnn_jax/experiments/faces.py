"""The exercise on faces: beta-VAEs of several betas, what their dimensions mean, and a head that turns."""

from pathlib import Path
from typing import NamedTuple

import jax

from rgnn_jax.datasets.images import FACES, ImageData, load_images
from rgnn_jax.datasets.pictures import Images
from rgnn_jax.errors import UserError
from rgnn_jax.experiments import report
from rgnn_jax.experiments.faces_examination import Examination, choice
from rgnn_jax.experiments.faces_judges import FactorJudge, PhotographJudge, Reads, Unread
from rgnn_jax.experiments.faces_page import draw_pictures, make_page, to_terminal
from rgnn_jax.experiments.faces_results import FacesResults
from rgnn_jax.experiments.facts import Facts
from rgnn_jax.experiments.picture_gans import draw_pairs, examine_pair
from rgnn_jax.experiments.picture_looks import look_of_data
from rgnn_jax.experiments.picture_measures import require_pictures
from rgnn_jax.experiments.picture_settings import TINY, optimizer_in_words
from rgnn_jax.experiments.publish import published
from rgnn_jax.experiments.request import Request
from rgnn_jax.experiments.workshop import FinishedRun, Settings, Workshop, require_page_tools

CONFIG, PAIR, READER = "beta_vae_faces", "gan_faces", "face_reader"
TURNER = "1"
"""Beta of the model that is trained to turn heads: the evidence lower bound itself."""
PHOTOGRAPHS = {"model.r1": "0.3"}
"""The pair's slope penalty there: photographs are rough enough to keep its discriminator from winning."""


class Scale(NamedTuple):
    """How much of the protocol is done: what is set otherwise than in the configurations.

    Attributes:
        betas: of the models, rising.
        model: settings of each of them.
        turner: settings, instead, of the one of beta 1: a head that turns well needs a longer training than
            the comparison of betas.
        pair: settings of the generator-discriminator pair beside them.
        reader: settings of the network that reads factors.
        rendered: how many faces are rendered for each.
        faces: held-out faces that are turned.
    """

    betas: tuple[str, ...]
    model: Settings
    turner: Settings
    pair: Settings
    reader: Settings
    rendered: Settings
    faces: int


# But for the pair, the seconds are limits for a slow machine: on two quiet cores the epochs come first.
SCALES = {
    "smoke": Scale(
        ("0", "4", "20"),
        TINY | {"model.z_dim": "6", "data.limit": "200"},
        {},
        TINY | {"model.z_dim": "6", "model.width": "8", "data.limit": "200"},
        TINY,
        {"data.count": "320", "data.size": "32"},
        8,
    ),
    "cpu": Scale(
        ("0", "1", "4", "20"),
        {"training.epochs": "10", "training.max_seconds": "240"},
        {"training.epochs": "40", "training.max_seconds": "720"},
        {"training.max_seconds": "1500"},
        {"training.epochs": "15", "training.max_seconds": "180", "data.count": "12000"},
        {"data.count": "20000"},
        64,
    ),
    "full": Scale(
        ("0", "1", "4", "20"),
        {"training.epochs": "50"},
        {"training.epochs": "100"},
        {},
        {},
        {"data.count": "20000"},
        200,
    ),
}


def reproduce_faces(request: Request) -> tuple[Path, FacesResults, str]:
    """Trains the models and the judge, and publishes faces-SCALE when all is done.

    Returns:
        The page's path, what it shows, and the short form for a terminal.

    Raises:
        UserError: for data, a directory or an installation that cannot be used.
        WorkFailed: where a training broke down.
        SystemExit: where a signal stopped it; nothing is published, what was trained is kept.
    """
    require_page_tools()
    plan = SCALES[request.scale]
    rendered = plan.rendered if request.data_path == FACES else {}
    source = {
        "data.path": request.data_path,
        "data.data_dir": request.data_dir,
        "training.seed": str(request.seed),
    }
    target = request.out / f"faces-{request.scale}"
    with published(target, overwrite=request.overwrite) as work:
        workshop = Workshop(work, tuple({**source, **rendered}.items()), request.quiet)
        experiment = workshop.experiment(CONFIG, plan.model)
        data = load_images(experiment.of_pictures[1])
        photographs = _of_photographs(data, experiment.of_pictures[1], request.poses)
        require_pictures(data, request.data_path)
        runs = _train(workshop, plan)
        own = {} if request.data_path == FACES else PHOTOGRAPHS
        pair = workshop.sharing(plan.pair).train("GAN", "gan", PAIR, own, step="best")
        judge = photographs or _judge(workshop, plan, data)
        examination = Examination(data, judge, min(plan.faces, len(data.test)), request.seed)
        found = {
            one.label: examination.examine(
                one, float(beta), str(one.run.directory.path.relative_to(work.resolve()))
            )
            for one, beta in zip(runs, plan.betas, strict=True)
        }
        results = FacesResults(
            facts=Facts.of(request, target, _shared(runs[0], data)),
            data=look_of_data(data.test.images, data.train.images, seed=request.seed),
            runs=found,
            pairs={pair.label: examine_pair(pair, request.seed)},
            chosen=min(found, key=lambda label: choice(found[label].validation_turn)),
            judge=judge.judge,
            turned=examination.faces,
        )
        pictures = draw_pictures(results, {one.label: one.subject for one in runs}, data)
        pictures |= draw_pairs([pair], request.seed)
        page = make_page(results, runs, [pair], pictures)
        report.publish(page, results, work / "faces.html", pictures)
    return target / "faces.html", results, to_terminal(results)


def _train(workshop: Workshop, plan: Scale) -> list[FinishedRun]:
    """One model for each beta: on an accelerator side by side, in one vectorised update.

    On a CPU one after the other, since its cores share a batch evenly, but not three models.
    """
    own = workshop.sharing(plan.model)
    settings = {
        f"\u03b2 = {beta}": {"model.beta": beta} | (dict(plan.turner) if beta == TURNER else {})
        for beta in plan.betas
    }
    if jax.default_backend() != "cpu":
        return own.train_together(settings, "betas", CONFIG)
    return [
        own.train(label, f"beta_{values['model.beta']}", CONFIG, values) for label, values in settings.items()
    ]


def _knows_turn(data: Images) -> bool:
    return data.test.factors is not None and "turn" in data.spec.factors


def _of_photographs(data: Images, source: ImageData, poses: Path | None) -> PhotographJudge | None:
    """The judge of real faces, which needs no training; None without poses.

    Raises:
        UserError: where poses and pictures do not belong together, or nobody needs them.
    """
    if poses is None:
        return None
    if _knows_turn(data):
        raise UserError(f"--poses: how far each face of {source.path} is turned is known; leave it out")
    return PhotographJudge.of(source, data, poses)


def _judge(workshop: Workshop, plan: Scale, data: Images) -> Reads:
    """Who reads rendered faces, and nobody where no more is known of others."""
    if not _knows_turn(data):
        return Unread()
    reader = workshop.train("reader", "reader", READER, plan.reader)
    return FactorJudge.of(reader, data, load_images(reader.run.experiment.of_pictures[1]))


def _shared(one: FinishedRun, data: Images) -> dict[str, str]:
    """Settings that all models share, in words."""
    experiment = one.run.experiment
    config, source = experiment.of_pictures
    training = experiment.training
    return {
        "Pictures": f"{source.path}, {data.spec.in_words}",
        "Trained on": f"{len(data.train):,}",
        "Validation": f"{len(data.validation):,}",
        "Test": f"{len(data.test):,}",
        "Network": f"{config.__struct_config__.tag}, {one.parameters:,} parameters",
        "Latent": f"{one.run.model.z_dim} dimensions",
        "Loss": "Bernoulli, summed over pixels, + \u03b2 KL",
        "Batch": f"{training.batch_size} pictures",
        "Optimiser": optimizer_in_words(experiment.optimizer),
    }
