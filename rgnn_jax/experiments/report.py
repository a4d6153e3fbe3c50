"""What a reproduction shows of itself: plain data, and the one self-contained HTML page made of them."""

import base64
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Literal

import msgspec

from rgnn_jax.errors import UserError
from rgnn_jax.experiments.facts import Facts
from rgnn_jax.train.log import format_duration
from rgnn_jax.train.run import write_atomically
from rgnn_jax.typography import Number, number, printable

Verdict = Literal["agrees", "differs", "not tested"]
Cell = str | Number | None


@dataclass(frozen=True)
class Figure:
    """A drawing.

    Attributes:
        svg: one `<svg>` element, as `rgnn_jax.figures.to_svg` makes it; it enters the page as it is.
        caption: what to see in it.
        description: the same for who cannot see it.
        command: the command that made it.
    """

    svg: str
    caption: str
    description: str
    command: str | None = None


@dataclass(frozen=True)
class Picture:
    """Pixels, such as a grid of samples.

    Attributes:
        png: the file's content, which the page carries in itself.
        caption: what to see in it.
        description: the same for who cannot see it.
        command: the command that made it.
    """

    png: bytes
    caption: str
    description: str
    command: str | None = None

    @property
    def url(self) -> str:
        """The content as a `data:` URL."""
        return "data:image/png;base64," + base64.b64encode(self.png).decode()


@dataclass(frozen=True)
class Column:
    """The head of a table's column, and how its numbers are set.

    Attributes:
        decimals: for its numbers; whole numbers stay whole.
        best: which of its numbers is set in bold.
    """

    heading: str
    decimals: int = 2
    best: Literal["lowest", "highest"] | None = None


@dataclass(frozen=True)
class Table:
    """Rows of cells; the first of each row names it."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    caption: str
    command: str | None = None


@dataclass(frozen=True)
class Continuations:
    """How several models continue one text at several stages of training, beside the true text.

    Attributes:
        prompt: what every model was given.
        truth: what follows it in the data.
        models: the columns.
        stages: the rows, such as "epoch 10".
        texts: what the model wrote, `texts[stage][model]`; a model may be missing at a stage.
    """

    prompt: str
    truth: str
    models: tuple[str, ...]
    stages: tuple[str, ...]
    texts: Mapping[str, Mapping[str, str]]
    caption: str
    command: str | None = None


@dataclass(frozen=True)
class Observation:
    """Something the document says, what we saw, and the numbers that decide between them."""

    document: str
    ours: str
    numbers: str
    verdict: Verdict


def verdict(holds: bool) -> Verdict:
    """Of an observation that was tested."""
    return "agrees" if holds else "differs"


def tested_at(scale: str, rows: tuple[Observation, ...]) -> tuple[Observation, ...]:
    """The observations as far as a scale tests them: models as tiny as those of "smoke" test none."""
    if scale != "smoke":
        return rows
    return tuple(Observation(row.document, row.ours, row.numbers, "not tested") for row in rows)


def agreeing(observations: Sequence[Observation]) -> str:
    """How many of the document's observations hold here."""
    verdicts = [row.verdict for row in observations]
    tested = len(verdicts) - verdicts.count("not tested")
    if not tested:
        return f"The document's {len(verdicts)} observations are not tested at this scale."
    held, left = verdicts.count("agrees"), len(verdicts) - tested
    holding = f"{held} {'holds' if held == 1 else 'hold'} here"
    others = f"{tested - held} {'does' if tested - held == 1 else 'do'} not"
    untested = f"; {left} {'was' if left == 1 else 'were'} not tested" if left else ""
    return f"Of the document's {len(verdicts)} observations, {holding} and {others}{untested}."


@dataclass(frozen=True)
class Observations:
    """The document's observations, one by one."""

    rows: tuple[Observation, ...]
    caption: str
    command: str | None = None


@dataclass(frozen=True)
class Note:
    """A remark for the margin."""

    text: str


Block = str | Note | Figure | Picture | Table | Continuations | Observations


@dataclass(frozen=True)
class Section:
    """A heading, and under it paragraphs (plain strings) and other blocks in reading order."""

    heading: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Report:
    """One page. Between backticks, the words of a summary, a paragraph, a note or a caption are set as code.

    Attributes:
        summary: the findings, in a few sentences.
        facts: how it was made.
        observations: the document's, each with its verdict.
        notice: a warning above everything, such as that the numbers are from a smoke run.
    """

    title: str
    summary: tuple[str, ...]
    sections: tuple[Section, ...]
    facts: Facts
    observations: tuple[Observation, ...]
    notice: str | None = None


def document_section(observations: tuple[Observation, ...], did: str = "judged by eye") -> Section:
    """What a document that `did` this saw, beside what we see."""
    return Section(
        "What the document saw, and what we see",
        (
            f"The document {did}. Here a number decides, against a threshold that was fixed before the run.",
            Observations(observations, "The document's observations, one by one."),
        ),
    )


def verdict_lines(observations: Sequence[Observation]) -> list[str]:
    """The observations for a terminal, a line each."""
    return [f"{row.verdict:>10}  {row.document}  {row.numbers}" for row in observations]


def render(report: Report) -> str:
    """The report as one HTML file that asks the network for nothing.

    Raises:
        UserError: jinja2 is not installed.
    """
    try:
        import jinja2
    except ImportError as error:
        raise UserError('a report needs jinja2: pip install "rgnn-jax[report]"') from error
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    environment.filters |= {
        "best_rows": best_rows,
        "code_spans": code_spans,
        "duration": format_duration,
        "formatted": formatted,
        "is_numeric": is_numeric,
        "kind": lambda block: type(block).__name__,
        "visible": visible,
        "with_ids": with_ids,
    }
    template = resources.files("rgnn_jax.experiments").joinpath("report.html").read_text(encoding="utf-8")
    return environment.from_string(template).render(report=report)


def publish(report: Report, results: msgspec.Struct, path: Path, files: Mapping[str, bytes]) -> None:
    """Writes the rendered report and beside it, as JSON, all numbers and what they decided, and its pictures.

    Args:
        report: the page.
        results: what it was made from.
        path: of the page, NAME.html; the numbers are NAME.json.
        files: content of further files by their path beside the page.
    """
    for name, content in files.items():
        (path.parent / name).parent.mkdir(exist_ok=True)
        write_atomically(path.parent / name, content)
    numbers = {**msgspec.structs.asdict(results), "observations": report.observations}
    write_atomically(path.with_suffix(".json"), msgspec.json.format(msgspec.json.encode(numbers), indent=2))
    write_atomically(path, render(report).encode("utf-8", "replace"))


def formatted(cell: Cell, decimals: int) -> str:
    """A table's cell in words: a dash for nothing, whole numbers whole, others with this many decimals."""
    match cell:
        case None:
            return "\u2013"
        case str():
            return cell
        case int():
            return number(cell, 0)
        case _:
            return number(cell, decimals) if math.isfinite(cell) else str(cell)


def is_numeric(table: Table, column: int) -> bool:
    """Whether the column holds numbers, and nothing else but gaps."""
    cells = [row[column] for row in table.rows if row[column] is not None]
    return bool(cells) and not any(isinstance(cell, str) for cell in cells)


def best_rows(table: Table, column: int) -> frozenset[int]:
    """The rows whose number is the column's best as shown: a tie on the page is a tie in bold."""
    head = table.columns[column]
    cells = {row: cells[column] for row, cells in enumerate(table.rows)}
    numbers = {row: cell for row, cell in cells.items() if isinstance(cell, Number) and math.isfinite(cell)}
    if head.best is None or not numbers:
        return frozenset()
    best = formatted((min if head.best == "lowest" else max)(numbers.values()), head.decimals)
    return frozenset(row for row, cell in numbers.items() if formatted(cell, head.decimals) == best)


def code_spans(text: str) -> list[tuple[bool, str]]:
    """The text in pieces, each with whether it stood between backticks."""
    return [(bool(place % 2), piece) for place, piece in enumerate(re.split(r"`([^`]+)`", text)) if piece]


def visible(text: str) -> list[tuple[bool, str]]:
    """The text in pieces, each with whether it is a sign for what could not be seen.

    A line's end is a pilcrow, and a run of them is as many pilcrows in one line; spaces in a run are dots.
    """
    pieces = re.split(r"(\n+| {2,}|[\x00-\x1f\x7f-\x9f\ud800-\udfff])", text)
    return [
        (bool(place % 2), _sign(piece) if place % 2 else piece) for place, piece in enumerate(pieces) if piece
    ]


def _sign(piece: str) -> str:
    signs = "".join("\u00b7" if character == " " else printable(character) for character in piece)
    return signs + "\n" if piece.endswith("\n") else signs


def with_ids(svg: str, prefix: str) -> str:
    """The drawing with this prefix on its ids, so that two on one page do not borrow each other's parts."""
    return re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{prefix}-", svg)
