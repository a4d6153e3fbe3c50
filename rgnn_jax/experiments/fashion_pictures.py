"""The pictures of the page on clothes: stages of training, and walks between classes."""

from collections.abc import Mapping, Sequence

import jax
import numpy as np

from rgnn_jax.datasets.pictures import Images
from rgnn_jax.experiments.latent.subject import Subject
from rgnn_jax.experiments.picture_measures import SHOWN_CLASSES, pictures_of
from rgnn_jax.figures.images import picture_grid, to_png
from rgnn_jax.sampling.latent import draw, lerp, prior

_STEPS = 9


def draw_stages(early: Subject, end: Subject, data: Images, seed: int) -> bytes:
    """One picture of each class and ten random codes, decoded early and at the end of training."""
    classes = data.spec.classes[:SHOWN_CLASSES]
    originals = np.concatenate([pictures_of(data, label, 1) for label in range(len(classes))])
    codes = draw(prior(end.run.model.z_dim), jax.random.key(seed), len(classes))
    rows = [
        originals,
        *(subject.reconstruct(originals) for subject in (early, end)),
        *(subject.decode(codes) for subject in (early, end)),
    ]
    figure = picture_grid(
        np.stack(rows),
        title="Originals, reconstructions, and pictures from noise",
        note="the same ten codes from N(0, 1) in the last two rows",
        rows=["original", "early", "result", "noise, early", "noise, result"],
        columns=classes,
    )
    return to_png(figure)


def draw_beside(subjects: Mapping[str, Subject], data: Images) -> bytes:
    """One picture of each class and what each model makes of it."""
    originals = np.concatenate([pictures_of(data, label, 2)[-1:] for label in range(10)])
    rows = [originals, *(subject.reconstruct(originals) for subject in subjects.values())]
    figure = picture_grid(
        np.stack(rows),
        title=f"Reconstructions: {' beside '.join(subjects)}",
        rows=["original", *subjects],
        columns=data.spec.classes[:SHOWN_CLASSES],
    )
    return to_png(figure)


def draw_walks(subject: Subject, data: Images, pairs: Sequence[tuple[int, int]]) -> bytes:
    """A straight walk between the first test pictures of the classes of each pair."""
    names, rows = data.spec.classes, []
    for start, end in pairs:
        ends = np.concatenate([pictures_of(data, label, 1) for label in (start, end)])
        one, other = subject.encode(ends).z_mean
        walk = subject.decode(lerp(one, other, _STEPS))
        rows.append(np.concatenate([ends[:1], walk, ends[1:]]))
    figure = picture_grid(
        np.stack(rows),
        title="Straight walks between the codes of two pictures",
        note="the first and the last column are the pictures themselves",
        rows=[f"{names[start]} to {names[end]}" for start, end in pairs],
        columns=["from", *(f"{along:.2f}" for along in np.linspace(0, 1, _STEPS)), "to"],
    )
    return to_png(figure)
