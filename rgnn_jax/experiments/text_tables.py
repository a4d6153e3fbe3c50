"""The tables of the text reproduction's page."""

import numpy as np

from rgnn_jax.experiments.report import Column, Table
from rgnn_jax.experiments.text_observations import epochs
from rgnn_jax.experiments.text_results import TextResults
from rgnn_jax.train.log import format_duration
from rgnn_jax.typography import Number, unbroken


def score_table(results: TextResults) -> Table:
    """Losses of the best and the last checkpoint of each model."""
    rows = []
    for name, model in results.models.items():
        for which, score in (("best", model.best), ("last", model.last)):
            rows.append((
                f"{name}, {which}", _epochs(score.epoch), score.training, score.validation,
                score.test_windows, score.test_carried, score.test_carried / np.log(2),
            ))  # fmt: skip
    return Table(
        (
            Column("Checkpoint"), Column("Epoch"), Column("Training", 3), Column("Validation", 3),
            Column("Test, windows", 3, "lowest"), Column("Test, carried", 3, "lowest"),
            Column("Bits", 2, "lowest"),
        ),
        tuple(rows),
        "Nats a character without dropout. The validation text chose the best checkpoint; the test text was "
        "scored once, at the end: in windows, reset as in training, and carried, with all the context that "
        "the model can use; the last column is the carried loss in bits.",
        command=f"rgnn evaluate {results.facts.directory}/lstm --step best",
    )  # fmt: skip


def writing_tables(results: TextResults) -> tuple[Table, Table]:
    """What the measures say of the style of held-out continuations, and of what is remembered."""
    rows = [
        (f"{name}, {epochs(stage.epoch)}", stage.measures)
        for name, model in results.models.items()
        for stage in model.stages
    ]
    count = results.measured
    style = Table(
        (
            Column("Model, epoch"), Column("Known words, %", 0), Column("Known pairs, %", 0),
            Column("Top word, %", 0), Column("Five commonest, %", 0), Column("Repeats, %", 0),
            Column("Loops, %", 0), Column("Longest run", 1),
        ),
        tuple(
            (
                name, 100 * m.known_words, 100 * m.known_pairs, 100 * m.top_word, 100 * m.common_characters,
                100 * m.repeated_fourgrams, 100 * m.loops, m.longest_run,
            )
            for name, m in ((name, measures["held-out"]) for name, measures in rows)
        ),
        f"Greedy continuations of {count['held-out']} held-out paragraphs. Words, and pairs of neighbouring "
        "words, that the training text has; the share of the commonest word; characters among the text's "
        f"five commonest ({results.common[1]:.0%} of the text); groups of four characters written before; "
        "continuations that end in a loop; the longest run of one character.",
    )  # fmt: skip
    memory = Table(
        (
            Column("Model, epoch"), Column("As the training text, %", 0), Column("As the test text, %", 0),
            Column("Copied, training", 0), Column("Copied, test", 0),
        ),
        tuple(
            (
                name, 100 * measures["training"].agreement, 100 * measures["held-out"].agreement,
                measures["training"].longest_copy, measures["held-out"].longest_copy,
            )
            for name, measures in rows
        ),
        f"Means over the greedy continuations of {count['training']} training paragraphs and of "
        f"{count['held-out']} of the test: characters equal to the true ones at the same place, and the "
        "longest stretch, in characters, that stands somewhere in the training text.",
    )  # fmt: skip
    return style, memory


def comparison_table(results: TextResults) -> Table:
    """The LSTMs of several widths and learning rates."""
    return Table(
        (Column("Width"), Column("Learning rate"), Column("Epochs"), Column("Validation", 3, "lowest")),
        tuple(
            (str(row.width), f"{row.learning_rate:g}", _epochs(row.epochs), row.validation)
            for row in results.sweep
        ),
        "Validation loss of each, in nats a character. Those of one width were trained side by side in one "
        "compiled step.",
    )


def networks(results: TextResults) -> tuple[str | Table, ...]:
    """Sizes and times, and what a scale sets otherwise than the configurations."""
    table = Table(
        (
            Column("Model"), Column("Network"), Column("Parameters"), Column("Learning rate"),
            Column("Epochs"), Column("Time"),
        ),
        tuple(
            (
                name, model.network, model.parameters, f"{model.learning_rate:g}",
                _epochs(model.epochs), unbroken(format_duration(model.seconds)),
            )
            for name, model in results.models.items()
        ),
        "The three networks. Time includes compiling, evaluating and saving.",
    )  # fmt: skip
    changed = tuple(
        f"Of `configs/{model.run}_chapter.toml` this scale changes: "
        + ", ".join(f"`{change}`" for change in model.changed)
        + "."
        for model in results.models.values()
        if model.changed
    )
    same = () if changed else ("All settings but seed and text are those of the files in `configs/`.",)
    return table, *changed, *same


def _epochs(value: float) -> Number:
    return round(value) if value >= 10 else round(value, 2)
