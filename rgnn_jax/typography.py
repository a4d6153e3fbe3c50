"""Characters and numbers as people read them, on a page and in a figure."""

from collections.abc import Mapping, Sequence
from typing import Any

Number = int | float


def printable(character: str) -> str:
    """The character, or a visible sign for one that has no shape or may not stand in a file."""
    code = ord(character)
    if character == "\n":
        return "¶"
    if character == "\t":
        return "⇥"
    if code < 0x20:
        return chr(0x2400 + code)
    forbidden = 0x7F <= code < 0xA0 or 0xD800 <= code < 0xE000 or code in (0xFFFE, 0xFFFF)
    return "\ufffd" if forbidden else character


def number(value: Number, decimals: int) -> str:
    """The value with this many decimals, thousands set off, and a true minus sign."""
    return f"{value:,.{decimals}f}".replace("-", "\u2212")


def signed(value: float, decimals: int) -> str:
    """The same of an amount of either sign: what is above nothing, as it is shown, has a plus."""
    shown = round(value, decimals) + 0.0  # no minus before a zero
    return ("+" if shown > 0 else "") + number(shown, decimals)


def unbroken(text: str) -> str:
    """The text with spaces at which no line ends."""
    return text.replace(" ", "\u00a0")


def counted(count: int, noun: str) -> str:
    """`1 picture`, `2 pictures`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def format_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """The rows as aligned columns."""
    columns = list(rows[0])
    text = [columns, *([_cell(row[column]) for column in columns] for row in rows)]
    widths = [max(len(line[i]) for line in text) for i in range(len(columns))]
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in text
    )


def _cell(value: Any) -> str:
    return f"{value:.4f}" if isinstance(value, float) else "-" if value is None else str(value)
