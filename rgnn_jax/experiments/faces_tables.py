"""The tables and the sentences of the page about faces: each follows from the numbers that it names."""

from collections.abc import Sequence

from rgnn_jax.experiments.faces_judges import SLACK
from rgnn_jax.experiments.faces_observations import ERROR, KEPT, PHOTOGRAPHS, SPAN, reaches
from rgnn_jax.experiments.faces_pictures import KNOWN
from rgnn_jax.experiments.faces_results import FaceRun, FacesResults, How, Turn
from rgnn_jax.experiments.picture_tables import looks
from rgnn_jax.experiments.report import Cell, Column, Observation, Table, agreeing
from rgnn_jax.train.log import format_duration
from rgnn_jax.typography import number, unbroken

_HOW: dict[How, str] = {
    "factor": "fitted course",
    "pictures": "without labels",
    "dimension": "one dimension",
}
_WAYS: dict[How, str] = {
    "factor": "along the course fitted to the known turn",
    "pictures": "along the direction found in pictures alone",
    "dimension": "by the one dimension that goes with the turn best",
}


def summarise(results: FacesResults, observations: Sequence[Observation]) -> tuple[str, ...]:
    """The findings in three sentences."""
    return (turning_sentence(results), meaning_sentence(results), agreeing(observations))


def turning_sentence(results: FacesResults) -> str:
    """Whether the head turns as asked, and who says so."""
    run = results.runs[results.chosen]
    turn = run.turns.get("factor", run.turns["pictures"])
    if turn.span is None:
        return (
            f"{run.label} turns {results.turned} held-out faces along a direction that it found in pictures "
            "alone; nothing is known of these pictures that could tell how far."
        )
    verdict = "as it must" if reaches(turn) else "less well than it must"
    if turn.error is not None and turn.kept is not None:
        least = min(turn.unchanged, key=lambda name: turn.unchanged[name])
        return (
            f"{run.label} turns held-out faces {verdict}: by {number(turn.span, 0)} degrees as a network "
            f"reads it that never met the model, {number(turn.error, 1)} beside the angle asked for; hair, "
            f"glasses and hat stay in {turn.kept:.0%} of cases ({_word(least)}, the worst, in "
            f"{turn.unchanged[least]:.0%})."
        )
    return (
        f"{run.label} turns {turn.monotone:.0%} of {results.turned} held-out people from left to right "
        f"without falling back, {verdict}, by {number(turn.span, 0)} degrees as a regression on photographs "
        f"reads it; the turned person is {number(turn.identity or 0, 2)} away from the original, where "
        "strangers are 1 apart."
    )


def meaning_sentence(results: FacesResults) -> str:
    """Which beta keeps the factors apart, and which is sharp."""
    runs = list(results.runs.values())
    sharp = max(runs, key=lambda run: run.samples.sharpness)
    close = min(runs, key=lambda run: run.samples.distance)
    looks = (
        f"samples of {sharp.label} are the sharpest ({sharp.samples.sharpness:.2%} of their power is fine "
        f"detail, of the data's {results.data.sharpness:.2%}), those of {close.label} nearest to the data."
    )
    if any(run.factors is None for run in runs):
        return looks[0].upper() + looks[1:]
    gaps = {run.label: run.factors.mig for run in runs if run.factors}
    best = max(gaps, key=lambda label: gaps[label])
    rest = ", ".join(f"{gaps[label]:.2f} for {label}" for label in gaps if label != best)
    return f"{best} keeps the known factors apart best (MIG {gaps[best]:.2f}; {rest}); {looks}"


def target_sentence(results: FacesResults) -> str:
    """What a turn must reach."""
    if results.judge is None:
        return "Nothing is known of these pictures that could judge a turn; give `--poses` where it is known."
    if results.judge.recognition is not None:
        return (
            f"At least {PHOTOGRAPHS:.0%} of held-out people must turn monotonously. The judge is itself "
            f"{number(results.judge.error['yaw'], 1)} degrees wrong on photographs."
        )
    return (
        f"A turn must be read as rising at every step in {KEPT:.0%} of faces, span at least {SPAN:.0f} "
        f"degrees, miss the asked angle by at most {ERROR:.0f}, and leave each other categorical factor "
        f"as it was in at least {KEPT:.0%} of cases. The run whose faces are shown was chosen on "
        "validation pictures; the table is of test pictures."
    )


def turn_table(results: FacesResults) -> Table:
    """How faces turned in each model, in each way; without the columns that nobody could fill."""
    turns = [(run, how, turn) for run in results.runs.values() for how, turn in run.turns.items()]
    columns: list[tuple[Column, list[Cell]]] = [
        (Column("Model, way"), [f"{run.label}, {_HOW[how]}" for run, how, _ in turns]),
        (Column("Rising, %", 0), [_percent(turn.monotone) for _, _, turn in turns]),
        (Column("Span, \u00b0", 1), [turn.span for _, _, turn in turns]),
        (Column("Error, \u00b0", 1), [turn.error for _, _, turn in turns]),
    ]
    for name in turns[0][2].unchanged:
        kept = [_percent(turn.unchanged.get(name)) for _, _, turn in turns]
        columns.append((Column(f"{_word(name).capitalize()} kept, %", 0), [*kept]))
    columns += [
        (Column("Person", 2), [turn.identity for _, _, turn in turns]),
        (Column("Target"), [_reached(turn, how) for _, how, turn in turns]),
    ]
    filled = [(head, cells) for head, cells in columns if any(cell is not None for cell in cells)]
    person = (
        f" Between two pictures it may fall by {SLACK:.0f} degrees, which is the judge's noise. Person: "
        "distance from the original; strangers are 1 apart."
        if turns[0][2].identity
        else ""
    )
    ways = [words for how, words in _WAYS.items() if any(how == one for _, one, _ in turns)]
    same = " Kept: pictures read as the original is." if turns[0][2].unchanged else ""
    return Table(
        tuple(head for head, _ in filled),
        tuple(zip(*(cells for _, cells in filled), strict=True)),
        f"{results.turned} held-out faces, nine pictures each: {', or '.join(ways)}. Rising: faces whose "
        f"turn is read as rising from each picture to the next.{same}{person}",
    )


def moved_table(results: FacesResults) -> tuple[Table, ...]:
    """By how much what should stay moved as the head turned; none where nobody can read it."""
    run, judge = results.runs[results.chosen], results.judge
    turn = run.turns.get("factor")
    if turn is None or judge is None or not turn.moved:
        return ()
    return (
        Table(
            (Column("Factor"), Column("Changed by", 2), Column("The judge's own error", 2)),
            tuple((_word(name), moved, judge.error.get(name)) for name, moved in turn.moved.items()),
            f"{run.label}: mean absolute change, as read, of what should stay along the fitted course. Tilt "
            "is in degrees; skin, hair colour and background go from 0 to 1, the others from \u22121 to 1.",
        ),
    )


def judge_table(results: FacesResults) -> Table | str:
    """How well the judge reads held-out faces whose truth is known."""
    judge = results.judge
    if judge is None:
        return "No judge."
    soft = judge.blurred
    rows: list[tuple[Cell, ...]] = [
        (_word(name), "accuracy, %", 100 * value, _percent(soft.get(name)))
        for name, value in judge.accuracy.items()
    ]
    rows += [(_word(name), _unit(name), value, soft.get(name)) for name, value in judge.error.items()]
    if judge.recognition is not None:
        rows.append(("one person beside strangers", "nearer, %", 100 * judge.recognition, None))
    if judge.correlation is not None:
        rows.append(("turn", "correlation with the truth", judge.correlation, None))
    columns = [Column("What it reads"), Column("Measure"), Column("On faces it never saw", 2)]
    if soft:
        columns.append(Column("The same, blurred by a pixel", 2))
    return Table(
        tuple(columns),
        tuple(row[: len(columns)] for row in rows),
        f"The judge: {judge.kind}; trained on {judge.trained_on:,} faces, tested on {judge.tested_on:,} of "
        "other seeds or people. What it cannot read it cannot judge.",
    )


def score_table(results: FacesResults) -> Table:
    """Losses, reconstruction and time of each model."""
    return Table(
        (
            Column("Model"), Column("Reconstruction, nats", 1, "lowest"), Column("KL, nats", 1),
            Column("Squared error", 4, "lowest"), Column("Variance kept, %", 1, "highest"),
            Column("Active"), Column("Steps"), Column("Time"),
        ),
        tuple(
            (
                run.label, run.reconstruction_loss, run.kl_loss, run.mse, 100 * run.explained, run.active,
                run.steps, unbroken(format_duration(run.seconds)),
            )
            for run in results.runs.values()
        ),
        "Of held-out pictures. Reconstruction is summed over pixels, KL over dimensions; squared error is a "
        "pixel's, of values from 0 to 1; active dimensions are those whose posterior mean varies.",
        command=f"rgnn evaluate {results.facts.directory}/{next(iter(results.runs.values())).run}",
    )  # fmt: skip


def look_table(results: FacesResults) -> Table:
    """Samples and reconstructions beside the data."""
    rows = [("The data", results.data)]
    rows += [(f"{run.label}, samples", run.samples) for run in results.runs.values()]
    rows += [(f"{run.label}, reconstructions", run.reconstructions) for run in results.runs.values()]
    return looks(rows, "Beside held-out faces.")


def disentanglement_table(results: FacesResults) -> tuple[Table, ...]:
    """Scores on known factors; none where there are no factors."""
    runs = [(run, run.factors) for run in results.runs.values() if run.factors]
    if not runs:
        return ()
    scores = Table(
        (
            Column("Model"), Column("MIG", 3, "highest"), Column("Disentanglement", 2, "highest"),
            Column("Completeness", 2, "highest"), Column("Informativeness", 2, "highest"),
            Column("Turn in one dimension", 2, "highest"), Column("Alike", 2, "lowest"),
        ),
        tuple(
            (
                run.label, found.mig, found.disentanglement, found.completeness, found.informativeness,
                found.turn_correlation, run.alike,
            )
            for run, found in runs
        ),
        "Mutual information gap; the three scores of DCI; the greatest squared correlation of one dimension "
        "with the turn; mean absolute cosine between what pairs of dimensions do to the pixels.",
    )  # fmt: skip
    names = list(runs[0][1].gaps)
    gaps = Table(
        (Column("Factor"), *(Column(run.label, 2, None) for run, _ in runs)),
        tuple((_word(name), *(found.gaps[name] for _, found in runs)) for name in names),
        "The gap of each factor: how much more of it the best dimension knows than the second best, as a "
        "share of what there is to know.",
    )
    return scores, gaps


def dimension_sentence(run: FaceRun) -> str:
    """What the dimensions of the greatest KL know most of."""
    if run.factors is None:
        return ""
    told = [one for one in run.factors.dimensions[:8] if one.known >= KNOWN]
    if not told:
        return f"None of the first eight dimensions of {run.label} knows a tenth of any factor."
    words = ", ".join(f"z{one.place} {_word(one.factor)} ({one.known:.0%})" for one in told)
    return f"Of {run.label}, these know at least a tenth of a factor: {words}."


def _reached(turn: Turn, how: How) -> str | None:
    if how == "dimension" or (how == "pictures" and turn.identity is None):
        return None
    reached = reaches(turn)
    return None if reached is None else "reached" if reached else "missed"


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _unit(name: str) -> str:
    if name in ("turn", "tilt", "yaw"):
        return "mean error, degrees"
    return "distance, strangers 1 apart" if "person" in name else "mean error, in its range"


def _word(name: str) -> str:
    return name.replace("_", " ")
