"""The page of the reproduction on faces, and the short form for a terminal."""

from collections.abc import Mapping, Sequence

import numpy as np

from rgnn_jax.datasets.pictures import Images
from rgnn_jax.experiments import faces_pictures
from rgnn_jax.experiments.faces_observations import observe
from rgnn_jax.experiments.faces_results import FaceRun, FacesResults
from rgnn_jax.experiments.faces_tables import (
    dimension_sentence,
    disentanglement_table,
    judge_table,
    look_table,
    moved_table,
    score_table,
    summarise,
    target_sentence,
    turn_table,
)
from rgnn_jax.experiments.latent.meanings import turning_curve
from rgnn_jax.experiments.latent.subject import Subject
from rgnn_jax.experiments.picture_gans import show_pairs
from rgnn_jax.experiments.report import Block, Figure, Picture, Report, Section, document_section
from rgnn_jax.experiments.workshop import FinishedRun, loss_curves
from rgnn_jax.typography import Number, format_table, number

_STRIPS, _FILMED = 6, 8


def draw_pictures(results: FacesResults, subjects: Mapping[str, Subject], data: Images) -> dict[str, bytes]:
    """All pictures of the page, and a moving one, by file name."""
    test = data.test.images
    strips = np.asarray(test[: min(_STRIPS, results.turned)])
    subject, run = subjects[results.chosen], results.runs[results.chosen]
    drawn = {
        "samples.png": faces_pictures.compare_samples(subjects, test, results.facts.seed),
        "reconstructions.png": faces_pictures.compare_reconstructions(subjects, test),
        "turn_by_pictures.png": faces_pictures.turning(subject, run, strips, "pictures"),
    }
    for label, each in results.runs.items():
        drawn[_dimensions_name(each)] = faces_pictures.dimensions(subjects[label], each)
    if "factor" in run.turns:
        drawn["turn.png"] = faces_pictures.turning(subject, run, strips, "factor")
        drawn["turn_by_dimension.png"] = faces_pictures.turning_by_dimension(
            subjects, results.runs, strips[:2]
        )
    curve, _ = turning_curve(subject)
    drawn["turn.gif"] = faces_pictures.turning_film(
        subject, np.asarray(test[: min(_FILMED, results.turned)]), curve
    )
    return drawn


def make_page(
    results: FacesResults,
    runs: Sequence[FinishedRun],
    pairs: Sequence[FinishedRun],
    pictures: Mapping[str, bytes],
) -> Report:
    """The page that shows the results."""
    observations = observe(results)
    return Report(
        title="A head turns in the latent space",
        summary=summarise(results, observations),
        sections=(
            Section("Faces that nobody has", _samples(results, pictures)),
            Section("Turning a head", _turns(results, pictures)),
            Section("What each dimension means", _meanings(results, pictures)),
            Section("Sharper or blurrier", (_spectra(results), look_table(results))),
            Section("A GAN beside the VAEs", _pairs(results, pairs, pictures)),
            Section("How the loss falls", (*_curves(runs), score_table(results))),
            document_section(observations, "trained beta 0 and 20 and judged by eye"),
            Section("Who judges", (judge_table(results),)),
        ),
        facts=results.facts,
        observations=observations,
        notice=results.facts.notice(),
    )


def _pairs(
    results: FacesResults, runs: Sequence[FinishedRun], pictures: Mapping[str, bytes]
) -> tuple[Block, ...]:
    others = [("The data", results.data)]
    others += [(f"{run.label}, samples", run.samples) for run in results.runs.values()]
    return show_pairs(results.pairs, runs, others, pictures, results.facts.directory)


def to_terminal(results: FacesResults) -> str:
    """Scores and turns of each model, in plain lines."""
    rows = []
    for run in results.runs.values():
        turn = run.turns.get("factor", run.turns["pictures"])
        rows.append({
            "model": run.label,
            "reconstruction": f"{run.reconstruction_loss:.1f}",
            "KL": f"{run.kl_loss:.1f}",
            "active": str(run.active),
            "detail %": f"{100 * run.samples.sharpness:.2f}",
            "MIG": f"{run.factors.mig:.3f}" if run.factors else "-",
            "rising %": _cell(turn.monotone, 100),
            "span": _cell(turn.span),
            "error": _cell(turn.error),
            "kept %": _cell(turn.kept, 100),
        })  # fmt: skip
    judge = results.judge
    pairs = [
        {
            "pair": label,
            "distance": f"{one.samples.distance:.3f}",
            "of the VAEs": ", ".join(f"{run.samples.distance:.3f}" for run in results.runs.values()),
            "texture": f"{one.samples.texture:.1f}",
            "detail %": f"{100 * one.samples.sharpness:.2f}",
            "spread": f"{one.spread:.0%}",
        }
        for label, one in results.pairs.items()
    ]
    lines = [
        format_table(rows),
        format_table(pairs),
        f"nats a picture; turns of {results.turned} held-out faces, in degrees",
    ]
    if judge is not None:
        read = [f"{name.replace('_', ' ')} {value:.1%}" for name, value in judge.accuracy.items()]
        read += [
            f"{name} \u00b1{value:.1f}\u00b0"
            for name, value in judge.error.items()
            if name in ("turn", "yaw")
        ]
        if judge.recognition is not None:
            read.append(f"one person nearer than strangers {judge.recognition:.1%}")
        lines.append(f"the judge reads held-out faces: {', '.join(read)}")
    return "\n".join(lines)


def _samples(results: FacesResults, pictures: Mapping[str, bytes]) -> tuple[Block, ...]:
    first = next(iter(results.runs.values()))
    return (
        Picture(
            pictures["samples.png"],
            "Held-out faces, and codes from N(0, 1) decoded by each model: the same noise in every model.",
            f"Rows of faces: data, then samples of {', '.join(results.runs)}.",
            f"rgnn latent {results.facts.directory}/{first.run} random",
        ),
        Picture(
            pictures["reconstructions.png"],
            "Held-out faces above what each model makes of their codes.",
            "Reconstructions explain "
            + ", ".join(f"{100 * run.explained:.0f}% ({run.label})" for run in results.runs.values())
            + " of the variance.",
            f"rgnn latent {results.facts.directory}/{first.run} reconstruct",
        ),
    )


def _turns(results: FacesResults, pictures: Mapping[str, bytes]) -> tuple[Block, ...]:
    run = results.runs[results.chosen]
    command = f"rgnn latent {results.facts.directory}/{run.run} rotate"
    blocks: list[Block] = [target_sentence(results)]
    if "turn.png" in pictures:
        blocks.append(
            Picture(
                pictures["turn.png"],
                f"Held-out faces turned by {run.label} along the course that codes take as heads turn: for "
                "each face a cubic, fitted to the known turn of the training faces most like it.",
                f"Strips of faces read as {_angles(run.turns['factor'].read)} degrees.",
                command,
            )
        )
    blocks += [
        turn_table(results),
        Picture(
            pictures["turn_by_pictures.png"],
            f"The same, by the direction that the tool finds in {run.label} without any label, from the "
            "left-right asymmetry that it causes.",
            f"Strips of faces{_read(run)}.",
            f"{command} --by asymmetry",
        ),
    ]
    if "turn_by_dimension.png" in pictures:
        blocks.append(
            Picture(
                pictures["turn_by_dimension.png"],
                "As the document did it: the one dimension that goes with the turn best, from \u22123 to 3.",
                "Two faces in each model, turned by one dimension.",
            )
        )
    return (*blocks, *moved_table(results))


def _meanings(results: FacesResults, pictures: Mapping[str, bytes]) -> tuple[Block, ...]:
    blocks: list[Block] = []
    for run in results.runs.values():
        blocks.append(
            Picture(
                pictures[_dimensions_name(run)],
                f"{run.label}: from the mean code, one dimension at a time set to the value above.",
                dimension_sentence(run) or f"Rows are the dimensions of {run.label} by KL.",
                f"rgnn latent {results.facts.directory}/{run.run} traverse",
            )
        )
    sentences = [sentence for run in results.runs.values() if (sentence := dimension_sentence(run))]
    return (*([" ".join(sentences)] if sentences else []), *blocks, *disentanglement_table(results))


def _spectra(results: FacesResults) -> Figure:
    """Power against spatial frequency, of the data and of each model's samples."""
    from rgnn_jax.figures import Curve, Series, learning_curves, to_svg

    looks = {"data": results.data} | {run.label: run.samples for run in results.runs.values()}
    # The lowest frequency is the mean, which is subtracted.
    curves = {
        name: Curve(Series(np.array(look.frequencies[1:]), np.log10(np.maximum(look.spectrum[1:], 1e-12))))
        for name, look in looks.items()
    }
    drawn = learning_curves(curves, x_label="cycles a pixel", y_label="power, log10")
    ends = ", ".join(f"{name} {look.sharpness:.2%}" for name, look in looks.items())
    return Figure(
        to_svg(drawn),
        "Mean power of training faces and of samples by spatial frequency: where a line falls below the "
        "data's, the pictures are blurred.",
        f"Share of power above an eighth of a cycle a pixel: {ends}.",
    )


def _curves(runs: Sequence[FinishedRun]) -> tuple[Figure, ...]:
    return (
        loss_curves(
            runs,
            "reconstruction_loss",
            "Reconstruction loss: heavy on validation faces, light on training faces.",
            "nats a picture",
        ),
        loss_curves(
            runs, "kl_loss", "KL divergence to the prior, of the same: what beta is the price of.", "nats"
        ),
    )


def _dimensions_name(run: FaceRun) -> str:
    return f"dimensions_beta_{run.beta:g}.png"


def _read(run: FaceRun) -> str:
    read = run.turns["pictures"].read
    return f" read as {_angles(read)} degrees" if read else ""


def _angles(values: Sequence[float]) -> str:
    return ", ".join(number(value, 0) for value in values)


def _cell(value: float | None, scale: Number = 1) -> str:
    return "-" if value is None else f"{scale * value:.1f}"
