"""Pictures changed on purpose: an attribute added or taken away, a head turned."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from jaxtyping import Float, UInt8

from rgnn_jax.errors import UserError
from rgnn_jax.evaluate.factor_scores import is_categorical
from rgnn_jax.experiments.latent.subject import Shown, Subject
from rgnn_jax.figures.animation import FRAMES, film
from rgnn_jax.figures.images import picture_grid, to_png
from rgnn_jax.sampling.latent_curves import Course, fit_local_curves
from rgnn_jax.sampling.latent_directions import (
    edit,
    find_turn,
    mean_difference,
    regression_vectors,
    rotate,
)
from rgnn_jax.typography import Number, number

TURNS = ("turn", "yaw", "azimuth")
"""Names under which data give the turn of the head about the vertical axis."""


def attribute_vector(subject: Subject, attribute: str) -> Float[np.ndarray, " z"]:
    """How codes change when a picture gets an attribute, learned from the training pictures.

    Args:
        subject: the run.
        attribute: a class; a factor; or `FACTOR=VALUE`. A factor with few whole values counts as present
            where it is not 0; of any other, the vector is what one standard deviation more of it does.

    Raises:
        UserError: for one that the data do not know, or that all of the pictures have, or none.
    """
    spec, pictures, codes = subject.data.spec, subject.sample, subject.posterior.z_mean
    if pictures.labels is not None and attribute in spec.classes:
        return mean_difference(codes, pictures.labels == spec.classes.index(attribute))
    name, equals, value = attribute.partition("=")
    if equals and name in spec.classes and name not in spec.factors:
        raise UserError(
            f"attribute {attribute!r}: {name} is a class, which takes no value; leave out ={value}"
        )
    if not spec.factors and not spec.classes:
        raise UserError(f"run {subject.name}: its data have no labels and no factors to learn {name!r} from")
    if name not in spec.factors:
        known = ", ".join((*spec.classes[:20], *spec.factors))
        raise UserError(f"run {subject.name}: its data know no attribute {name!r}; they know {known}")
    assert pictures.factors is not None
    column = spec.factors.index(name)
    values = pictures.factors[:, column]
    if not equals and not is_categorical(values):
        return regression_vectors(codes, pictures.factors)[column]
    present = values == _number(attribute, value) if equals else values > 0
    if present.all() or not present.any():
        how = "all" if present.all() else "none"
        raise UserError(
            f"attribute {attribute!r}: {how} of the training pictures have it, so it cannot be learned "
            "from them; name another"
        )
    factors = pictures.factors.copy()
    factors[:, column] = present
    return regression_vectors(codes, factors)[column] / present.std()


def edited(
    subject: Subject,
    images: UInt8[np.ndarray, "n h w c"],
    *,
    add: Sequence[str] = (),
    remove: Sequence[str] = (),
    strengths: Sequence[Number] = (-2, -1, 0, 1, 2),
) -> Shown:
    """Pictures with attributes added and removed, at several strengths; 0 is the reconstruction.

    Raises:
        UserError: where no attribute is named, one is named twice, or the data do not know one.
    """
    named = [*add, *remove]
    if not named:
        raise UserError("edit needs an attribute: --attribute NAME, or --add NAME and --remove NAME")
    if twice := next((name for name in named if named.count(name) > 1), None):
        raise UserError(
            f"attribute {twice!r} is named twice: name it once, and how much of it by --strengths"
        )
    vectors = [attribute_vector(subject, name) for name in add]
    vectors += [-attribute_vector(subject, name) for name in remove]
    vector = np.sum(vectors, axis=0)
    codes = edit(subject.encode(images).z_mean, vector, np.array(strengths))
    pictures = subject.decode(codes)
    what = " ".join([*(f"+ {name}" for name in add), *(f"\u2212 {name}" for name in remove)])
    figure = picture_grid(
        np.concatenate([images[:, None], pictures], axis=1),
        title=f"{what.removeprefix('+ ')}: {subject.name}",
        note="multiples of the vector from codes without to codes with it, added to each picture's code",
        columns=["original", *(number(strength, 1) for strength in strengths)],
    )
    return Shown({"images": pictures, "codes": codes, "vector": vector}, {"edit.png": to_png(figure)})


def turning_curve(
    subject: Subject,
    *,
    factor: str | None = None,
    by: Literal["labels", "asymmetry"] | None = None,
) -> tuple[Course, str]:
    """How codes move as the head turns, and how that was found.

    Args:
        subject: the run.
        factor: that gives the turn; None looks for one named as in `TURNS`.
        by: from the factor, or from pictures alone; None takes the factor where there is one.

    Raises:
        UserError: where the factor is missing, or named and not to be used.
    """
    if factor is not None and by == "asymmetry":
        raise UserError("--factor names the turn, --by asymmetry looks for it without: leave out one of them")
    names = subject.data.spec.factors
    if factor is None and by != "asymmetry":
        factor = next((name for name in TURNS if name in names), None)
    if factor is None and by == "labels":
        raise UserError(
            f"run {subject.name}: its data know no turn; leave out --by, or name one with --factor"
        )
    if factor is not None:
        values = subject.factor(subject.sample, factor)
        return fit_local_curves(
            subject.posterior.z_mean, values
        ), f"by the factor {factor} of training pictures"
    curve = find_turn(subject.run.model, subject.run.params, subject.posterior.z_mean)
    return curve, "found without labels, from left-right asymmetry; in standard deviations of the codes"


def rotation(
    subject: Subject,
    images: UInt8[np.ndarray, "n h w c"],
    *,
    factor: str | None = None,
    by: Literal["labels", "asymmetry"] | None = None,
    steps: int = 9,
) -> Shown:
    """Faces turned from the picture's left to its right: one strip a picture, and a moving picture.

    Args:
        subject: the run.
        images: of faces.
        factor: see `turning_curve`.
        by: see `turning_curve`.
        steps: pictures a strip.
    """
    curve, how = turning_curve(subject, factor=factor, by=by)
    codes = subject.encode(images).z_mean
    model, params = subject.run.model, subject.run.params
    values, strips = rotate(model, params, curve, codes, steps)
    title = f"Turned from left to right: {subject.name}"
    wide = np.max(np.abs(values)) >= 10
    figure = picture_grid(
        np.concatenate([images[:, None], strips], axis=1),
        title=title,
        note=f"direction {how}",
        columns=["original", *(number(value, 0 if wide else 1) for value in values)],
    )
    _, moving = rotate(model, params, curve, codes, FRAMES)
    return Shown(
        {"images": strips, "values": values, "located": curve.locate(codes)},
        {"rotate.png": to_png(figure), "rotate.gif": film(moving, 8, title=title)},
    )


def _number(attribute: str, value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise UserError(
            f"attribute {attribute!r}: {value!r} is not a number, as factors' values are"
        ) from None
