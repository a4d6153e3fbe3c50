"""The report's task on flowers: a VAE and a GAN of flowers and of faces, and why flowers come out worse."""

from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import UInt8

from rgnn_jax.datasets.images import load_images
from rgnn_jax.datasets.pictures import Images, evenly
from rgnn_jax.evaluate.elbo import score_images
from rgnn_jax.experiments import report
from rgnn_jax.experiments.facts import Facts
from rgnn_jax.experiments.flowers_page import draw_pictures, make_page, to_terminal
from rgnn_jax.experiments.flowers_results import (
    FACE_PAIR,
    FACES,
    FLOWER_PAIR,
    FLOWERS,
    PLAIN,
    FlowersResults,
    PictureModel,
    SetFacts,
)
from rgnn_jax.experiments.latent.subject import Subject
from rgnn_jax.experiments.picture_gans import draw_pairs, examine_pair
from rgnn_jax.experiments.picture_looks import (
    Look,
    compared,
    flat_rows,
    look_of_data,
    measure_look,
    variance_explained,
)
from rgnn_jax.experiments.picture_measures import require_pictures, unevenness
from rgnn_jax.experiments.picture_settings import TINY, optimizer_in_words
from rgnn_jax.experiments.publish import published
from rgnn_jax.experiments.request import Request
from rgnn_jax.experiments.workshop import FinishedRun, Settings, Workshop, require_page_tools
from rgnn_jax.sampling.latent import draw, lerp, prior

CONFIG = "vae_flowers"
WALKS, STEPS = 64, 11
_COMPONENTS_OF = 2000
_TINY = TINY | {"model.z_dim": "6", "data.size": "32", "data.limit": "160"}


class Scale(NamedTuple):
    """How much of the protocol is done: what is set otherwise than in the configuration.

    Attributes:
        model: settings of every autoencoder.
        pair: settings of every generator-discriminator pair.
    """

    model: Settings
    pair: Settings


# But for the pairs, the seconds are limits for a slow machine: on two quiet cores the epochs come first.
SCALES = {
    "smoke": Scale(_TINY, _TINY | {"model.width": "8"}),
    "cpu": Scale({"training.epochs": "60", "training.max_seconds": "270"}, {"training.max_seconds": "1500"}),
    "full": Scale({}, {}),
}


def reproduce_flowers(request: Request) -> tuple[Path, FlowersResults, str]:
    """Trains one network on faces and on flowers, and publishes flowers-SCALE when all is done.

    Returns:
        The page's path, what it shows, and the short form for a terminal.

    Raises:
        UserError: for data, a directory or an installation that cannot be used.
        WorkFailed: where a training broke down.
        SystemExit: where a signal stopped it; nothing is published, what was trained is kept.
    """
    require_page_tools()
    plan, target = SCALES[request.scale], request.out / f"flowers-{request.scale}"
    flowers = {"data.path": request.data_path, "data.data_dir": request.data_dir}
    with published(target, overwrite=request.overwrite) as work:
        seeded = Workshop(work, (("training.seed", str(request.seed)),), request.quiet)
        workshop, arena = seeded.sharing(plan.model), seeded.sharing(plan.pair)
        known = load_images(workshop.experiment(CONFIG, flowers).of_pictures[1])
        require_pictures(known, request.data_path)
        told = {} if known.spec.classes else {"model.conditional": "false"}
        rendered = _as_many_faces(known)
        runs = [
            workshop.train(FLOWERS, "flowers", CONFIG, flowers),
            workshop.train(PLAIN, "flowers_plain", CONFIG, flowers | {"data.augment": "false"}),
            workshop.train(FACES, "faces", CONFIG, rendered),
        ]
        pairs = [
            arena.train(FLOWER_PAIR, "gan_flowers", "gan_flowers", flowers | told, step="best"),
            arena.train(FACE_PAIR, "gan_faces", "gan_faces", rendered, step="best"),
        ]
        results = FlowersResults(
            facts=Facts.of(request, target, _shared(runs[0])),
            models={one.label: _examine(one, request.seed) for one in runs},
            pairs={one.label: examine_pair(one, request.seed) for one in pairs},
        )
        pictures = draw_pictures(results, {one.label: one.subject for one in runs})
        pictures |= draw_pairs(pairs, request.seed)
        page = make_page(results, runs, pairs, pictures)
        report.publish(page, results, work / "flowers.html", pictures)
    return target / "flowers.html", results, to_terminal(results)


def _as_many_faces(flowers: Images) -> Settings:
    """Settings of rendered faces of which as many are trained on, and as many held out, as of the flowers."""
    held_out = {"validation_fraction": len(flowers.validation), "test_fraction": len(flowers.test)}
    count = len(flowers.train) + sum(held_out.values())
    return {
        "data.path": "faces",
        "data.count": str(count),
        **{f"data.{name}": str(part / count) for name, part in held_out.items()},
        "data.augment": "false",
    }


def _examine(one: FinishedRun, seed: int) -> PictureModel:
    """Everything about one model and its pictures."""
    subject = one.subject
    data, z_dim = subject.data, one.run.model.z_dim
    test, train = np.asarray(data.test.images), np.asarray(data.train.images)
    few = train[evenly(len(train), len(test))]
    scores, seen = (
        dict[str, Any](score_images(one.run.model, one.run.params, images, seed=seed))
        for images in (test, few)
    )
    held_out = compared(test)

    def look(pictures: UInt8[np.ndarray, "n h w c"]) -> Look:
        return measure_look(pictures, held_out, train, seed=seed)

    reconstructions = subject.reconstruct(test)
    samples = subject.decode(draw(prior(z_dim), jax.random.key(seed + 1), len(held_out)))
    active = round(scores["active_units"])
    components, linear = linear_codes(data, max(active, 1))
    return PictureModel(
        label=one.label,
        run=one.run.directory.name,
        augmented=one.run.experiment.of_pictures[1].augment,
        parameters=one.parameters,
        steps=one.run.step,
        seconds=one.seconds,
        reconstruction_loss=scores["reconstruction_loss"],
        kl_loss=scores["kl_loss"],
        train_mse=seen["mse"],
        mse=scores["mse"],
        explained=variance_explained(test, reconstructions),
        active=active,
        samples=look(samples),
        reconstructions=look(compared(reconstructions)),
        jump=_longest_step(subject, test),
        pictures=SetFacts(
            path=one.run.experiment.of_pictures[1].path,
            train=len(train),
            test=len(test),
            components=components,
            linear=linear,
            look=look_of_data(test, train, seed=seed),
        ),
    )


def linear_codes(data: Images, count: int) -> tuple[int, float]:
    """How well straight lines describe a set, whatever network models it.

    Args:
        data: of whose training pictures 2,000 at most, evenly taken, give the principal components.
        count: components that code held-out pictures.

    Returns:
        The number of components that hold nine tenths of the training pictures' variance, and the share of
        the held-out pictures' variance that `count` components keep.
    """
    train = np.asarray(data.train.images)
    chosen = flat_rows(train[evenly(len(train), _COMPONENTS_OF)])
    mean = chosen.mean(axis=0)
    centred = chosen - mean[None]
    variances, vectors = np.linalg.eigh(centred @ centred.T)
    shares = np.cumsum(np.maximum(variances[::-1], 0)) / max(float(np.maximum(variances, 0).sum()), 1e-12)
    axes = centred.T @ vectors[:, ::-1][:, :count]
    axes /= np.maximum(np.linalg.norm(axes, axis=0, keepdims=True), 1e-12)
    test = flat_rows(np.asarray(data.test.images))
    spread = np.square(test - test.mean(axis=0, keepdims=True)).sum(dtype=np.float64)
    rest = (test - mean[None]) - (test - mean[None]) @ axes @ axes.T
    return int(np.searchsorted(shares, 0.9) + 1), float(1 - np.square(rest).sum(dtype=np.float64) / spread)


def _longest_step(subject: Subject, pictures: UInt8[np.ndarray, "n h w c"]) -> float:
    codes = subject.encode(pictures[evenly(len(pictures), 2 * WALKS)]).z_mean
    count = len(codes) // 2
    walks = np.stack([lerp(codes[i], codes[count + i], STEPS) for i in range(count)])
    return float(unevenness(subject.decode(walks)).mean())


def _shared(one: FinishedRun) -> dict[str, str]:
    """Settings that all models share, in words."""
    experiment = one.run.experiment
    return {
        "Pictures": one.run.images.in_words,
        "Network": f"{experiment.model.__struct_config__.tag}, {one.parameters:,} parameters",
        "Latent": f"{one.run.model.z_dim} dimensions",
        "Loss": "Bernoulli, summed over pixels, + KL",
        "Batch": f"{experiment.training.batch_size} pictures",
        "Optimiser": optimizer_in_words(experiment.optimizer),
    }
