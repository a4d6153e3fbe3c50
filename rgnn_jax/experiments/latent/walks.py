"""Reconstructions, random pictures, and walks along dimensions and between pictures."""

from collections.abc import Sequence
from typing import Literal

import jax
import numpy as np
from jaxtyping import PRNGKeyArray, UInt8

from rgnn_jax.errors import UserError
from rgnn_jax.experiments.latent.subject import Shown, Subject
from rgnn_jax.figures.animation import FRAMES, film
from rgnn_jax.figures.images import in_pairs, in_rows, picture_grid, to_png
from rgnn_jax.sampling.latent import (
    aggregate_posterior,
    dealt_labels,
    draw,
    effect_per_dimension,
    kl_per_dimension,
    lerp,
    prior,
    slerp,
    traverse,
)
from rgnn_jax.typography import number, signed

_EFFECTS = 8


def reconstruct(subject: Subject, images: UInt8[np.ndarray, "n h w c"], *, columns: int = 8) -> Shown:
    """Pictures above what the decoder makes of their codes."""
    decoded = subject.reconstruct(images)
    error = float(np.mean((images / 255.0 - decoded / 255.0) ** 2))
    rows = in_pairs(images, decoded, columns)
    figure = picture_grid(
        rows,
        title=f"Originals and reconstructions: {subject.name}",
        note=f"mean squared error of these {len(images)}: {error:.4f} a pixel, of values from 0 to 1",
        rows=["original", "reconstruction"] * (len(rows) // 2),
        group=2,
    )
    return Shown(
        {"images": images, "reconstructions": decoded}, {"reconstruct.png": to_png(figure)}, {"mse": error}
    )


def random(
    subject: Subject,
    key: PRNGKeyArray,
    *,
    count: int = 64,
    source: Literal["prior", "codes"] | None = None,
    label: str | None = None,
    temperature: float = 1.0,
) -> Shown:
    """Pictures of random codes: from the prior, or from a Gaussian fitted to the codes of training pictures.

    Args:
        subject: the run.
        key: of the draw.
        count: pictures.
        source: None is the prior, and the codes for an autoencoder, which has none.
        label: the class of all of them, for a model that is told classes; None deals all classes in turn.
        temperature: factor of the codes' distances from their mean.

    Raises:
        UserError: for a class that the model does not know.
    """
    has_prior = subject.has_prior
    source = source or ("prior" if has_prior else "codes")
    if source == "prior":
        distribution = prior(subject.run.model.z_dim)
        note = "codes from the prior, N(0, 1)"
        if not has_prior:
            note = "codes from N(0, 1), which this autoencoder was never trained to decode"
    else:
        distribution = aggregate_posterior(subject.posterior)
        note = "codes from a Gaussian fitted to the codes of training pictures"
        note += " (the aggregate posterior)" if has_prior else " (an autoencoder has no prior)"
    codes = draw(distribution, key, count, temperature=temperature)
    if temperature != 1:
        note += f"; {temperature:g} times as far from the mean"
    labels = dealt_labels(subject.run.model, count)
    if label is not None:
        labels = np.full(count, subject.class_number(label))
    if labels is not None:
        note += f"; class {label}" if label else "; all classes in turn"
    pictures = subject.decode(codes, labels)
    columns = max(1, round(np.sqrt(count)))
    figure = picture_grid(in_rows(pictures, columns), title=f"Random samples: {subject.name}", note=note)
    return Shown({"codes": codes, "images": pictures}, {f"random_{source}.png": to_png(figure)})


def traversal(
    subject: Subject,
    image: UInt8[np.ndarray, "h w c"] | None = None,
    *,
    seed: int = 0,
    order: Literal["kl", "effect"] | None = None,
    dimensions: Sequence[int] = (),
    rows: int = 10,
    reach: float = 3.0,
    steps: int = 10,
) -> Shown:
    """What each latent dimension does, as a grid and as a moving picture.

    Args:
        subject: the run.
        image: whose code is walked from; None is the mean code, for a generator a random one.
        seed: of the random code, and of those at which a generator's effects are measured.
        order: rows by KL or by the effect on the pixels; None is KL where there is one.
        dimensions: these rows only, in this order.
        rows: the most that are shown, where `dimensions` does not say which.
        reach: standard deviations to either side.
        steps: pictures a row.

    Raises:
        UserError: for a dimension that the model does not have, or the KL of one without an encoder.
    """
    if order == "kl" and not subject.reads:
        raise UserError(f"run {subject.name} has no encoder and so no KL; leave out --order kl")
    distribution = subject.distribution
    z_dim = len(distribution.mean)
    for dimension in dimensions:
        if dimension >= z_dim:
            raise UserError(f"--dimensions {dimension}: the model has {z_dim} latent dimensions, from 0 on")
    drawn = draw(distribution, jax.random.key(seed), _EFFECTS)
    beginning, start = "the code of one picture", drawn[0]
    if image is not None:
        start = subject.encode(image[None]).z_mean[0]
    elif subject.reads:
        beginning, start = "the mean code", distribution.mean
    else:
        beginning = "a random code"
    model, params = subject.run.model, subject.run.params
    held = subject.held_class(start, 1)
    label = None if held is None else int(held[0])
    if label is not None:
        beginning += f" of class {subject.run.images.classes[label]}"
    order = order or ("kl" if subject.has_prior and subject.reads else "effect")
    if order == "kl":
        amounts = kl_per_dimension(subject.posterior)
    else:
        codes = subject.posterior.z_mean[:_EFFECTS] if subject.reads else drawn
        labels = dealt_labels(model, len(codes))
        amounts = effect_per_dimension(model, params, codes, distribution, labels=labels)
    shown = list(dimensions) or np.argsort(-amounts, kind="stable")[:rows].tolist()
    unit = " nats" if order == "kl" else ""
    names = [f"z{dimension}   {number(amounts[dimension], 2)}{unit}" for dimension in shown]
    measure = "KL to the prior" if order == "kl" else "effect, the root mean square change of a pixel"
    values = np.linspace(-reach, reach, steps)
    pictures = traverse(model, params, start, distribution, shown, values, label=label)
    spread = (
        "" if subject.has_prior else ", in standard deviations of the codes (an autoencoder has no prior)"
    )
    title = f"What each latent dimension does: {subject.name}"
    ordered = f"beside each row its {measure}" if dimensions else f"rows by {measure}"
    figure = picture_grid(
        pictures,
        title=title,
        note=f"from {beginning}, one dimension at a time set to the value above{spread}; {ordered}",
        rows=names,
        columns=[signed(value, 1) for value in values],
    )
    fine = np.linspace(-reach, reach, FRAMES)
    moving = traverse(model, params, start, distribution, shown, fine, label=label)
    gif = film(moving, 5, title=title, note=f"in the order z{', z'.join(map(str, shown))}")
    return Shown(
        {"images": pictures, "dimensions": np.array(shown), "values": values, "amounts": amounts},
        {"traverse.png": to_png(figure), "traverse.gif": gif},
    )


def interpolation(
    subjects: Sequence[Subject],
    pairs: Sequence[tuple[np.ndarray, np.ndarray]],
    *,
    names: Sequence[str] = (),
    steps: int = 10,
    codes: Sequence[np.ndarray] = (),
    hold_class: bool = False,
) -> Shown:
    """Walks from one picture to another, straight and along the arc, for each run.

    Args:
        subjects: the runs, of pictures of one shape.
        pairs: both ends of each walk.
        names: of the walks, such as "0 to 8".
        steps: pictures a walk, both reconstructed ends included.
        codes: of both ends of each walk, where they are known; else they are read from the pictures.
        hold_class: keep to the class of a walk's beginning, where the model is told classes.

    Raises:
        UserError: where the runs' pictures differ in shape.
    """
    first, *others = subjects
    for subject in others:
        if subject.run.images.shape != first.run.images.shape:
            raise UserError(
                f"runs {first.name} and {subject.name} model pictures of {first.run.images.in_words} and of "
                f"{subject.run.images.in_words}; name runs of one shape"
            )
    walks = {"straight": lerp, "arc": slerp}
    rows, labels, moving = [], [], []
    for place, (start, end) in enumerate(pairs):
        for subject in subjects:
            one, other = codes[place] if codes else subject.encode(np.stack([start, end])).z_mean
            for walk, path in walks.items():
                shown, fine = (
                    subject.decode(path(one, other, n), subject.held_class(one, n) if hold_class else None)
                    for n in (steps, FRAMES)
                )
                rows.append(np.concatenate([start[None], shown, end[None]]))
                moving.append(fine)
                parts = (names[place] if names else "", subject.name if others else "", walk)
                labels.append(", ".join(part for part in parts if part))
    columns = ["from", *(number(along, 2) for along in np.linspace(0, 1, steps)), "to"]
    title = f"Walks between pictures: {' beside '.join(subject.name for subject in subjects)}"
    note = "pictures at equal steps between two codes, on the straight line and on the arc about the origin"
    group = len(walks) * len(subjects)
    pictures = np.stack(rows)
    figure = picture_grid(pictures, title=title, note=note, rows=labels, columns=columns, group=group)
    gif = film(np.stack(moving), group, title=title, note="; ".join(labels))
    return Shown(
        {"images": pictures[:, 1:-1], "ends": pictures[:, [0, -1]]},
        {"interpolate.png": to_png(figure), "interpolate.gif": gif},
    )


def random_interpolation(subject: Subject, key: PRNGKeyArray, *, count: int, steps: int = 10) -> Shown:
    """Walks between random codes of the model's own distribution, which need no encoder."""
    codes = draw(subject.distribution, key, 2 * count).reshape(count, 2, -1)
    ends = [subject.decode(pair, subject.held_class(pair[0], 2)) for pair in codes]
    pairs = [(one, other) for one, other in ends]
    return interpolation([subject], pairs, steps=steps, codes=list(codes), hold_class=True)
