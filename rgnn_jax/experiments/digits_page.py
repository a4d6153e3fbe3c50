"""The page of the reproduction on digits, and its short form for a terminal."""

from collections.abc import Mapping, Sequence

from rgnn_jax.experiments.digits_observations import AE, observe
from rgnn_jax.experiments.digits_pictures import sample_name
from rgnn_jax.experiments.digits_results import TOLERANCE, DigitResults, choose
from rgnn_jax.experiments.judge import SURE
from rgnn_jax.experiments.picture_tables import (
    judge_words,
    networks,
    score_table,
)
from rgnn_jax.experiments.report import (
    Block,
    Column,
    Figure,
    Note,
    Picture,
    Report,
    Section,
    Table,
    agreeing,
    document_section,
    verdict_lines,
)
from rgnn_jax.typography import format_table, number


def make_page(results: DigitResults, curves: Sequence[Figure], pictures: Mapping[str, bytes]) -> Report:
    """The page that shows the results.

    Args:
        results: what was found out.
        curves: of the reconstruction loss and of the KL.
        pictures: PNG files of `draw_pictures`.
    """
    observations = observe(results)
    return Report(
        title="An autoencoder and VAEs learn digits",
        summary=(_reconstructing(results), _sampling(results), agreeing(observations)),
        sections=(
            Section("How the losses fall", (_growing(results), *curves)),
            Section("Reconstructions", _reconstructions(results, pictures)),
            Section("Random samples", _samples(results, pictures)),
            Section("Which beta", (_choosing(results), _choices(results))),
            Section("Walks between digits", _walks(results, pictures)),
            document_section(observations),
            Section(
                "The networks", (networks({name: model.score for name, model in results.models.items()}),)
            ),
        ),
        facts=results.facts,
        observations=observations,
        notice=results.facts.notice("every run is kept to a minute or so on two cores."),
    )


def to_terminal(results: DigitResults) -> str:
    """The models in a table, the chosen weight and the observations, in plain lines."""
    rows = [
        {
            "model": name,
            "-elbo": None if model.score.negative_elbo is None else f"{model.score.negative_elbo:.2f}",
            "kl": None if model.score.kl_loss is None else f"{model.score.kl_loss:.2f}",
            "mse": f"{model.score.mse:.4f}",
            "same class": f"{model.score.agreement:.1%}",
            "sharpness": f"{model.score.sharpness:.0%}",
            "distance": f"{model.unit.distance:.1f}",
            "sure": f"{model.unit.sure:.0%}",
            "knn": f"{model.clusters.knn_accuracy:.1%}",
        }
        for name, model in results.models.items()
    ]
    lines = [
        format_table(rows),
        "test pictures, nats; distance (Frechet, in a classifier's features) and sure: samples from N(0, 1)",
        _choosing(results),
        "",
        *verdict_lines(observe(results)),
    ]
    return "\n".join(lines)


def _reconstructing(results: DigitResults) -> str:
    errors = {name: f"{model.score.mse:.4f}" for name, model in results.models.items()}
    least = min(errors.values(), key=float)
    best = [_the(name) for name, error in errors.items() if error == least]
    rest = ", ".join(f"{error} for {_the(name)}" for name, error in errors.items() if error != least)
    verb = "reconstructs" if len(best) == 1 else "reconstruct"
    told = " and ".join(best)
    return (
        f"{told[0].upper()}{told[1:]} {verb} best: a squared error of {least} a pixel"
        f"{f', against {rest}' if rest else ''}."
    )


def _sampling(results: DigitResults) -> str:
    distances = {name: model.unit.distance for name, model in results.models.items()}
    best = min(distances, key=lambda name: distances[name])
    rest = ", ".join(
        f"{number(value, 1)} for {_the(name)}" for name, value in distances.items() if name != best
    )
    return (
        f"Random codes from N(0, 1) come nearest to real digits through {_the(best)}: a Frechet distance of "
        f"{number(distances[best], 1)} in the features of a classifier trained here, against {rest}."
    )


def _the(name: str) -> str:
    return "the autoencoder" if name == AE else name


def _began(name: str) -> str:
    """The same at the beginning of a sentence."""
    told = _the(name)
    return told[0].upper() + told[1:]


def _growing(results: DigitResults) -> str:
    course, tuned = results.kl_course, results.models[results.tuned].score.kl_loss
    grown = "grows" if course.last > 1.1 * course.first else "does not grow"
    return (
        f"Without a weight on it the KL {grown}: {number(course.first, 0)} nats at step "
        f"{course.first_step:,}, {number(course.last, 0)} at the end, where {results.tuned} has "
        f"{number(tuned or 0.0, 0)}."
    )


def _reconstructions(results: DigitResults, pictures: Mapping[str, bytes]) -> tuple[Block, ...]:
    models = results.models
    kept = ", ".join(f"{model.score.agreement:.1%} with {_the(name)}" for name, model in models.items())
    return (
        f"How many reconstructions keep the class of their original: {kept}. {_blur(results)}",
        Picture(
            pictures["reconstructions"],
            "The first test picture of each class, and each model's reconstruction from the posterior mean.",
            f"Ten digits above their reconstructions by {', '.join(map(_the, models))}.",
        ),
        score_table(
            {name: model.score for name, model in models.items()},
            binarized=results.data.binarized,
            command=f"rgnn evaluate {results.facts.directory}/{models[results.tuned].score.run}",
        ),
    )


def _blur(results: DigitResults) -> str:
    shares = {name: model.score.sharpness for name, model in results.models.items()}
    dullest, sharpest = (extreme(shares, key=lambda name: shares[name]) for extreme in (min, max))
    return (
        f"The least sharp are those of {_the(dullest)}, with {shares[dullest]:.0%} of the originals' "
        f"sharpness; the sharpest those of {_the(sharpest)}, with {shares[sharpest]:.0%}."
    )


def _samples(results: DigitResults, pictures: Mapping[str, bytes]) -> tuple[Block, ...]:
    models, judge = results.models, results.judge
    sets = [(f"{name}, unit Gaussian", model.unit) for name, model in models.items()]
    sets.append((f"{AE}, fitted Gaussian", models[AE].fitted))
    rows = tuple((name, s.distance, s.kernel_distance, 100 * s.sure) for name, s in sets)
    table = Table(
        (
            Column("Samples"), Column("Frechet distance", 2),
            Column("Kernel distance", 3), Column("Sure of, %", 0),
        ),
        (*rows, ("training pictures", judge.real.distance, judge.real.kernel_distance, 100 * judge.sure)),
        f"{models[AE].unit.count:,} samples of each against as many test pictures, in the classifier's "
        f"features; and the share of whose class it is at least {SURE:.0%} sure (in the last row, of test "
        "pictures).",
    )  # fmt: skip
    grids = [_grid(results, name, pictures[sample_name(name)], fitted=False) for name in models]
    grids.insert(1, _grid(results, AE, pictures[sample_name(AE, fitted=True)], fitted=True))
    return (judge_words(judge), *grids, table)


def _grid(results: DigitResults, name: str, png: bytes, *, fitted: bool) -> Picture:
    model = results.models[name]
    score, source = (model.fitted, "the fitted Gaussian") if fitted else (model.unit, "N(0, 1)")
    caption = (
        f"{_began(name)}, codes from {source}: distance {number(score.distance, 1)}, the "
        f"classifier is sure of {score.sure:.0%}."
    )
    codes = "codes" if fitted else "prior"
    command = (
        f"rgnn latent {results.facts.directory}/{model.score.run} random --from {codes} "
        f"--seed {results.facts.seed}"
    )
    return Picture(png, caption, f"A grid of samples. {caption}", command)


def _choosing(results: DigitResults) -> str:
    chosen = choose(results.choices)
    return (
        f"Of the weights {', '.join(f'{choice.beta:g}' for choice in results.choices)}, those count whose "
        f"validation bound is within {TOLERANCE - 1:.0%} of the best; of these, beta {chosen.beta:g} has the "
        f"samples nearest to the validation pictures, at a distance of {number(chosen.distance, 1)}, and is "
        "the tuned one."
    )


def _choices(results: DigitResults) -> Table:
    return Table(
        (
            Column("Beta"), Column("\u2212ELBO", 2, "lowest"),
            Column("Frechet distance of samples", 2, "lowest"),
        ),
        tuple((f"{choice.beta:g}", choice.negative_elbo, choice.distance) for choice in results.choices),
        "Validation pictures, nats a picture; samples from N(0, 1), in the classifier's features.",
    )  # fmt: skip


def _walks(results: DigitResults, pictures: Mapping[str, bytes]) -> tuple[Block, ...]:
    rows = tuple(
        (f"{pair}, {name}", walk.unevenness, 100 * walk.sureness, walk.changes, 100 * walk.between)
        for pair in results.walks[AE]
        for name, walks in results.walks.items()
        for walk in (walks[pair],)
    )
    count = results.all_walks[AE].count
    table = Table(
        (
            Column("Walk"), Column("Largest step", 2), Column("Sureness, %", 1),
            Column("Changes of class", 2), Column("Elsewhere, %", 1),
        ),
        rows,
        f"{count} straight walks of ten steps in each model. The largest change between neighbours over the "
        "mean one; how sure the classifier is at the points in between; how often its class changes from one "
        "end to the other; and how many of these points it gives to neither of the two classes.",
    )  # fmt: skip
    ae, vae = results.all_walks[AE], results.all_walks[results.tuned]
    smoother = "more evenly" if vae.unevenness < ae.unevenness else "less evenly"
    surer = "more" if vae.sureness > ae.sureness else "less"
    return (
        f"Along a straight walk the pictures of {results.tuned} change {smoother} than the autoencoder's "
        f"(largest step {vae.unevenness:.2f} times the mean one, against {ae.unevenness:.2f}), and the "
        f"classifier is {surer} sure of what it sees on the way ({vae.sureness:.1%} against "
        f"{ae.sureness:.1%}).",
        Note("The pictures at the ends are the first test pictures of their classes."),
        Picture(
            pictures["walks"],
            f"From one digit to another, in the codes of the autoencoder and of {results.tuned}.",
            f"Rows of digits that change from one class to another: {', '.join(results.walks[AE])}.",
        ),
        table,
    )
