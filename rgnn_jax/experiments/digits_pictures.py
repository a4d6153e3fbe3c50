"""The pictures of the page on digits: reconstructions, random samples, and walks between digits."""

from collections.abc import Mapping

import jax
import numpy as np
from jaxtyping import UInt8

from rgnn_jax.datasets.pictures import Images
from rgnn_jax.experiments.latent.subject import Subject
from rgnn_jax.experiments.picture_measures import SHOWN_CLASSES, pictures_of
from rgnn_jax.figures.images import in_rows, picture_grid, to_png
from rgnn_jax.sampling.latent import Gaussian, aggregate_posterior, draw, lerp, prior

WALKS = ((0, 8), (3, 8), (6, 9))
"""The document's pairs of classes."""

_STEPS = 10
_SAMPLES, _COLUMNS = 36, 12


def draw_pictures(subjects: Mapping[str, Subject], tuned: str, data: Images, seed: int) -> dict[str, bytes]:
    """PNG files by name.

    Args:
        subjects: the models, by the name that they have on the page; the autoencoder is the first.
        tuned: the name of the one that is compared with it on walks.
        data: whose test pictures are shown, the first of each class.
        seed: of the samples.
    """
    ae, *_ = subjects
    pictures = {"reconstructions": _reconstructions(subjects, data)}
    for name, subject in subjects.items():
        unit = prior(subject.run.model.z_dim)
        note = "codes from N(0, 1)" + (", which it was never trained to decode" if name == ae else "")
        pictures[sample_name(name)] = _samples(subject, unit, f"{name}, unit Gaussian", note, seed)
    fitted = aggregate_posterior(subjects[ae].posterior)
    note = "codes from a Gaussian with the mean and covariance of training pictures' codes"
    pictures[sample_name(ae, fitted=True)] = _samples(
        subjects[ae], fitted, f"{ae}, fitted Gaussian", note, seed
    )
    walkers = {ae: subjects[ae], tuned: subjects[tuned]}
    return pictures | {"walks": _walks(walkers, data)}


def sample_name(name: str, *, fitted: bool = False) -> str:
    """The name of the picture of a model's samples."""
    return f"samples_{_slug(name)}" + ("_fitted" if fitted else "")


def _slug(name: str) -> str:
    return name.lower().replace(" ", "_")


def _reconstructions(subjects: Mapping[str, Subject], data: Images) -> bytes:
    classes = data.spec.classes[:SHOWN_CLASSES]
    originals = np.concatenate([pictures_of(data, label, 1) for label in range(len(classes))])
    rows = [originals, *(subject.reconstruct(originals) for subject in subjects.values())]
    figure = picture_grid(
        np.stack(rows),
        title="Originals and their reconstructions",
        rows=["original", *subjects],
        columns=classes,
    )
    return to_png(figure)


def _samples(subject: Subject, distribution: Gaussian, title: str, note: str, seed: int) -> bytes:
    pictures = subject.decode(draw(distribution, jax.random.key(seed), _SAMPLES))
    return to_png(picture_grid(in_rows(pictures, _COLUMNS), title=f"Random samples: {title}", note=note))


def _walks(subjects: Mapping[str, Subject], data: Images) -> bytes:
    rows: list[UInt8[np.ndarray, "s h w c"]] = []
    names = []
    for start, end in WALKS:
        ends = np.concatenate([pictures_of(data, label, 1) for label in (start, end)])
        for name, subject in subjects.items():
            one, other = subject.encode(ends).z_mean
            codes = lerp(one, other, _STEPS)
            rows.append(np.concatenate([ends[:1], subject.decode(codes), ends[1:]]))
            names.append(f"{data.spec.classes[start]} to {data.spec.classes[end]}, {name}")
    figure = picture_grid(
        np.stack(rows),
        title="Straight walks between the codes of two pictures",
        note="the first and the last column are the pictures themselves",
        rows=names,
        columns=["from", *(f"{along:.2f}" for along in np.linspace(0, 1, _STEPS)), "to"],
        group=len(subjects),
    )
    return to_png(figure)
