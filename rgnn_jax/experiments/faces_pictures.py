"""The pictures on the page about faces, as PNG files."""

from collections.abc import Mapping, Sequence

import jax
import numpy as np
from jaxtyping import Float, UInt8

from rgnn_jax.experiments.faces_examination import DIMENSION_REACH, turned
from rgnn_jax.experiments.faces_results import FaceRun, How
from rgnn_jax.experiments.latent.subject import Subject
from rgnn_jax.figures.animation import FRAMES, film
from rgnn_jax.figures.images import in_rows, picture_grid, to_png
from rgnn_jax.sampling.latent import draw, prior, traverse
from rgnn_jax.sampling.latent_curves import Course
from rgnn_jax.sampling.latent_directions import rotate
from rgnn_jax.typography import signed

COLUMNS = 10
KNOWN = 0.1
"""Share of a factor's entropy from which on a dimension is named after it."""

_DIMENSIONS = 8
_REACH = 3.0


def compare_samples(subjects: Mapping[str, Subject], data: UInt8[np.ndarray, "n h w c"], seed: int) -> bytes:
    """Two rows of data, and two of samples from the prior of each model, drawn from the same noise."""
    columns = min(COLUMNS, len(data) // 2)
    shown = data[: 2 * columns]
    rows, names = [in_rows(shown, columns)], ["held-out data", ""]
    for label, subject in subjects.items():
        codes = draw(prior(subject.run.model.z_dim), jax.random.key(seed + 1), len(shown))
        rows.append(in_rows(subject.decode(codes), columns))
        names += [label, ""]
    return _png(np.concatenate(rows), "Data, and samples from the prior", names, group=2)


def compare_reconstructions(subjects: Mapping[str, Subject], data: UInt8[np.ndarray, "n h w c"]) -> bytes:
    """A row of held-out pictures, and what each model makes of them."""
    shown = np.asarray(data[:COLUMNS])
    rows = [shown, *(subject.reconstruct(shown) for subject in subjects.values())]
    return _png(np.stack(rows), "Held-out pictures and their reconstructions", ["original", *subjects])


def dimensions(subject: Subject, run: FaceRun) -> bytes:
    """What the dimensions of the greatest KL do to the mean face, named by the factor that they know."""
    found = run.factors.dimensions if run.factors else []
    known = {one.place: one.factor for one in found if one.known >= KNOWN}
    places = np.argsort(-np.array(run.kl), kind="stable")[:_DIMENSIONS].tolist()
    values = np.linspace(-_REACH, _REACH, COLUMNS)
    start = subject.posterior.z_mean.mean(axis=0)
    pictures = traverse(subject.run.model, subject.run.params, start, prior(len(start)), places, values)
    names = []
    for place in places:
        factor = f", {known[place].replace('_', ' ')}" if place in known else ""
        names.append(f"z{place}{factor}")
    return _png(
        pictures,
        f"What each dimension does: {run.label}",
        names,
        [signed(value, 1) for value in values],
        note="rows by KL" + (", with the factor that a dimension knows at least a tenth of" if known else ""),
    )


def turning(subject: Subject, run: FaceRun, originals: UInt8[np.ndarray, "k h w c"], how: How) -> bytes:
    """Strips of held-out faces from the picture's left to its right."""
    asked, strips = turned(subject, originals, how, run.factors)
    notes: dict[How, str] = {
        "factor": "the columns are the angles asked for; each face follows the faces most like it",
        "pictures": "the direction was found without labels; columns in standard deviations of the codes",
        "dimension": f"only z{run.factors.turn_dimension if run.factors else ''} is set, as the document did",
    }
    columns = ["original", *_columns(asked, how)]
    pictures = np.concatenate([originals[:, None], strips], axis=1)
    return _png(pictures, f"Held-out faces turned from left to right: {run.label}", (), columns, notes[how])


def turning_by_dimension(
    subjects: Mapping[str, Subject], runs: Mapping[str, FaceRun], originals: UInt8[np.ndarray, "k h w c"]
) -> bytes:
    """The same faces in every model, turned by the one dimension that goes with the turn best."""
    pictures, names = [], []
    for label, subject in subjects.items():
        _, strips = turned(subject, originals, "dimension", runs[label].factors)
        pictures.append(np.concatenate([originals[:, None], strips], axis=1))
        places = runs[label].factors
        names += [f"{label}, z{places.turn_dimension if places else ''}", *[""] * (len(originals) - 1)]
    steps = np.linspace(-DIMENSION_REACH, DIMENSION_REACH, pictures[0].shape[1] - 1)
    return _png(
        np.concatenate(pictures),
        "One dimension alone",
        names,
        ["original", *_columns(steps, "dimension")],
        note="from 3 to \u22123 where growth of the dimension turns faces to the left",
        group=len(originals),
    )


def turning_film(subject: Subject, originals: UInt8[np.ndarray, "k h w c"], curve: Course) -> bytes:
    """Faces that turn to and fro, as a GIF."""
    codes = subject.encode(originals).z_mean
    _, moving = rotate(subject.run.model, subject.run.params, curve, codes, FRAMES)
    return film(moving, 8, title="Held-out faces, turning")


def _png(
    pictures: UInt8[np.ndarray, "r c h w k"],
    title: str,
    rows: Sequence[str] = (),
    columns: Sequence[str] = (),
    note: str = "",
    group: int = 1,
) -> bytes:
    return to_png(picture_grid(pictures, title=title, note=note, rows=rows, columns=columns, group=group))


def _columns(values: Float[np.ndarray, " s"], how: How) -> list[str]:
    if how == "factor":
        return [signed(value, 0) + "\u00b0" for value in values]
    return [signed(value, 2 if how == "dimension" else 1) for value in values]
