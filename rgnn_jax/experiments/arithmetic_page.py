"""The page of the reproduction on arithmetic, and its short form for a terminal."""

from collections.abc import Mapping, Sequence

import numpy as np

from rgnn_jax.datasets.arithmetic_spec import SYMBOLS
from rgnn_jax.experiments.arithmetic_observations import observe
from rgnn_jax.experiments.arithmetic_results import (
    BASELINE,
    COMPARED,
    DOCUMENT_BASELINE,
    DOCUMENT_IMPROVED,
    DOCUMENT_WRONG,
    GRU,
    LSTM,
    TRANSFORMER,
    TWO_LAYERS,
    ArithmeticResults,
    Trained,
)
from rgnn_jax.experiments.handwriting_page import handwriting_sections, in_lines
from rgnn_jax.experiments.report import (
    Block,
    Cell,
    Column,
    Figure,
    Report,
    Section,
    Table,
    agreeing,
    document_section,
    verdict_lines,
)
from rgnn_jax.typography import format_table

_SHORT = (
    "networks of symbols train for at most two minutes on two cores, the one that paints for seven and the "
    "one that reads handwriting for ten."
)


def make_page(
    results: ArithmeticResults,
    curves: Figure,
    pictures: Mapping[str, bytes] | None = None,
    attention: Sequence[Figure] = (),
) -> Report:
    """The page that shows the results.

    Args:
        results: what was found out.
        curves: of the loss.
        pictures: of handwriting, where there is some.
        attention: maps of the Transformer's.
    """
    handwriting: tuple[Section, ...] = ()
    if results.handwriting is not None:
        handwriting = handwriting_sections(results.handwriting, pictures or {}, results.facts.directory)
    observations = observe(results)
    return Report(
        title="Networks that add and subtract",
        summary=(_best(results), _leaks(results), agreeing(observations)),
        sections=(
            Section(
                "Text to text, with twins on one side",
                (
                    "A sum and the sum with its operands exchanged are one question, and so is a difference "
                    "with its opposite: here both are either trained on or held out.",
                    _scores(results, "twins"),
                    curves,
                ),
            ),
            Section("The same on the document's split", (_leaks(results), _scores(results, "leaking"))),
            Section("Wrong answers", (_misclassified(results), *_errors(results))),
            Section("Layers and kinds", (_kinds(results),)),
            Section("Beyond what was trained on", (_beyond(results),)),
            *((Section("Attention", tuple(attention)),) if attention else ()),
            *handwriting,
            document_section(observations),
        ),
        facts=results.facts,
        observations=observations,
        notice=results.facts.notice(_SHORT),
    )


def to_terminal(results: ArithmeticResults) -> str:
    """The networks and the observations in plain lines."""
    rows = [
        {
            "model": run.model,
            "split": run.split,
            "share": f"{run.share}%",
            "answers": f"{run.test.whole.accuracy:.2%}",
            "symbols": f"{run.test.accuracy:.2%}",
            "wrong": run.test.whole.count - run.test.whole.right,
            "of": run.test.whole.count,
            "steps": run.steps,
            "seconds": f"{run.seconds:.0f}",
        }
        for run in results.runs
    ]
    lines = [format_table(rows), "test queries", ""]
    if results.handwriting is not None:
        lines += [*in_lines(results.handwriting), ""]
    return "\n".join([*lines, *verdict_lines(observe(results))])


def _best(results: ArithmeticResults) -> str:
    runs = [run for run in results.of("twins") if run.model == TRANSFORMER]
    said = ", ".join(f"{run.test.whole.accuracy:.2%} with {run.share}%" for run in runs)
    return (
        f"A Transformer that reads a query and writes the answer's units first answers held-out queries "
        f"wholly right: {said} of the queries in training, twins on one side."
    )


def _leaks(results: ArithmeticResults) -> str:
    said = ", ".join(f"{leaked:.0%} at {share}%" for share, leaked in results.leaked.items())
    return (
        "The document deals a+b and b+a apart, so that many test queries have been trained on with their "
        f"operands exchanged ({said} of the queries in training)."
    )


def _scores(results: ArithmeticResults, split: str) -> Table:
    rows, shown = list[tuple[Cell, ...]](), list[Trained]()
    for share in dict.fromkeys(run.share for run in results.of(split)):
        for name, theirs in ((BASELINE, DOCUMENT_BASELINE), (TRANSFORMER, DOCUMENT_IMPROVED)):
            if share in theirs:
                kind = "baseline" if name == BASELINE else "improved"
                train, test = theirs[share]
                rows.append((f"Document, {kind}, {share}%", 100 * train, 100 * test, None, None, None))
        runs = [run for name in COMPARED if (run := results.find(name, split, share)) is not None]
        rows += map(_score, runs)
        shown += runs
    return Table(
        (
            Column("Network, queries in training"), Column("Symbols, training, %"),
            Column("Symbols, test, %", best="highest"), Column("Answers, training, %"),
            Column("Answers, test, %", best="highest"), Column("Wrong, of test queries"),
        ),
        tuple(rows),
        "Symbols count blanks, as the document does; an answer is right where every symbol is. The "
        "document's figures are its own, on its split.",
        command=f"rgnn evaluate {results.facts.directory}/{shown[-1].run}",
    )  # fmt: skip


def _score(run: Trained) -> tuple[Cell, ...]:
    whole = run.test.whole
    return (
        f"{run.model}, {run.share}%", 100 * run.train.accuracy, 100 * run.test.accuracy,
        100 * run.train.whole.accuracy, 100 * whole.accuracy,
        f"{whole.count - whole.right:,} of {whole.count:,}",
    )  # fmt: skip


def _misclassified(results: ArithmeticResults) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for run in results.of("twins"):
        if run.model in COMPARED:
            theirs = DOCUMENT_WRONG.get(run.share) if run.model == BASELINE else None
            shares = run.test.by_operator
            wrong = {sign: 100 * (1 - share.accuracy) for sign, share in shares.items()}
            rows.append((
                f"{run.model}, {run.share}%", None if theirs is None else 100 * theirs,
                100 * (1 - run.test.whole.accuracy), wrong.get("+"), wrong.get("-"),
            ))  # fmt: skip
    return Table(
        (
            Column("Network, queries in training"), Column("Document, %"), Column("Wrong, %", best="lowest"),
            Column("Sums, %"), Column("Differences, %"),
        ),
        tuple(rows),
        "Wrong whole answers to test queries.",
    )  # fmt: skip


def _errors(results: ArithmeticResults) -> tuple[Block, ...]:
    """Where the honest baseline and the well trained networks err, by carries and by size."""
    runs = [run for run in results.of("twins") if run.model in COMPARED]
    smallest = min(run.share for run in runs)
    shown = [run for run in runs if run.share == smallest]
    names = tuple(Column(run.model) for run in shown)
    by_carries = Table(
        (Column("Queries"), Column("Number", 0), *names),
        tuple(
            (kind, share.count, *(100 * (1 - run.test.by_carries[kind].accuracy) for run in shown))
            for kind, share in shown[0].test.by_carries.items()
        ),
        f"Wrong answers in percent by carries and borrows, with {smallest}% of the queries in training.",
    )
    by_size = Table(
        (Column("Error"), *(Column(run.model, 0) for run in shown)),
        tuple((size, *(run.test.by_error[size] for run in shown)) for size in shown[0].test.by_error),
        "Wrong answers by the size of the error.",
    )
    return by_carries, by_size, _confusion(shown[0])


def _confusion(run: Trained) -> Figure:
    from rgnn_jax.figures import heatmap, to_svg

    counts = np.array(run.test.confusion, float)
    # A symbol that no answer holds has no row to divide by.
    shares = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    used = [place for place, symbol in enumerate(SYMBOLS) if symbol != "+"]
    names = ["blank" if SYMBOLS[place] == " " else SYMBOLS[place] for place in used]
    figure = heatmap(
        shares[np.ix_(used, used)],
        names,
        names,
        label="% of the true symbol",
        x_label="answered",
        y_label="true",
        decimals=0,
    )
    return Figure(
        to_svg(figure),
        f"Which symbols are taken for which: {run.model}, {run.share}% of the queries in training.",
        "A matrix of true against answered symbols; right ones lie on the diagonal.",
    )


def _kinds(results: ArithmeticResults) -> Table:
    varied = next(run for run in results.runs if run.model == TWO_LAYERS)
    names = (LSTM, TWO_LAYERS, GRU, TRANSFORMER)
    runs = (results.find(name, varied.split, varied.share) for name in names)
    return Table(
        (
            Column("Network"), Column("Parameters", 0), Column("Steps", 0), Column("Seconds", 0),
            Column("Answers, training, %"), Column("Answers, test, %", best="highest"),
        ),
        tuple(
            (
                run.model, run.parameters, run.steps, run.seconds, 100 * run.train.whole.accuracy,
                100 * run.test.whole.accuracy,
            )
            for run in runs
            if run is not None
        ),
        f"With {varied.share}% of the queries in training. The document leaves GRU and Transformer to future "
        "work.",
    )  # fmt: skip


def _beyond(results: ArithmeticResults) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for run in results.beyond:
        signs = run.beyond.by_operator
        rows.append((
            f"{run.model}, 0 to {run.below - 1}", f"up to {10**run.digits - 1}",
            100 * run.test.whole.accuracy, 100 * run.beyond.whole.accuracy, 100 * signs["+"].accuracy,
            100 * signs["-"].accuracy, f"{run.beyond.whole.count:,}",
        ))  # fmt: skip
    return Table(
        (
            Column("Network, operands in training"), Column("Operands asked"),
            Column("Answers, test, %", best="highest"), Column("Answers beyond, %", best="highest"),
            Column("Sums beyond, %"), Column("Differences beyond, %"), Column("Queries beyond"),
        ),
        tuple(rows),
        "Test queries have operands as in training; of a query beyond at least one operand is larger: in the "
        "first rows tens of 8 and 9, which were seen as units alone, in the others a place that was always "
        "blank.",
        command=f"rgnn evaluate {results.facts.directory}/{results.beyond[-1].run} --split beyond",
    )  # fmt: skip
