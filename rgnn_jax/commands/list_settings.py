"""`rgnn settings`: what a configuration may say."""

import argparse
import inspect
import re
import shutil
import textwrap
from typing import Any, NamedTuple, get_type_hints

from rgnn_jax.commands.arguments import add_command
from rgnn_jax.errors import UserError


class Setting(NamedTuple):
    """A field of a section: its name, its default, which values it takes, and what it does."""

    name: str
    default: str
    values: str
    text: str


def register(commands: Any) -> None:
    """Adds the command."""
    parser = add_command(
        commands,
        "settings",
        run,
        "Say what each field of a configuration does, which values it takes, and its default.",
        "rgnn settings lstm",
    )
    parser.add_argument(
        "kind", nargs="?", help="a model.kind or data.kind, optimizer or training (default: lists the kinds)"
    )


def run(args: argparse.Namespace) -> int:
    """Prints the kinds, or the fields of one."""
    from rgnn_jax.config import KINDS, Experiment

    hints = get_type_hints(Experiment)
    sections = {name: hints[name] for name in Experiment.__struct_fields__ if name not in KINDS}
    for kinds in KINDS.values():
        sections |= kinds
    if args.kind is None:
        for section in Experiment.__struct_fields__:
            print(f"[{section}]" + (f"  kind: {', '.join(KINDS[section])}" if section in KINDS else ""))
        print("\nrgnn settings KIND, optimizer or training says what the fields are.")
        return 0
    if args.kind not in sections:
        raise UserError(f"{args.kind}: no such kind; use one of {', '.join(sections)}")
    width = max(60, min(shutil.get_terminal_size().columns, 110))
    for setting in describe(sections[args.kind]):
        print(f"{setting.name} = {setting.default}  ({setting.values})")
        print(textwrap.fill(setting.text, width, initial_indent="    ", subsequent_indent="    "))
    return 0


def describe(kind: type) -> list[Setting]:
    """The fields of a section, in the words of the docstrings of its class and of those above it."""
    import msgspec

    texts: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        texts |= _attributes(inspect.cleandoc(base.__doc__ or ""))
    info: Any = msgspec.inspect.type_info(kind)
    return [
        Setting(field.name, _default(field), _values(field.type), texts.get(field.name, ""))
        for field in info.fields
    ]


def _attributes(doc: str) -> dict[str, str]:
    """What a docstring says of each attribute."""
    _, _, listed = doc.partition("\nAttributes:\n")
    entries = re.findall(r"^    (\w+): (.*(?:\n {8}.*)*)", listed, re.MULTILINE)
    return {name: re.sub(r"\s+", " ", text) for name, text in entries}


def _default(field: Any) -> str:
    import msgspec

    if field.required:
        return "?"
    value = field.default_factory() if field.default is msgspec.NODEFAULT else field.default
    return "none" if value is None else msgspec.json.encode(value).decode()


def _values(kind: Any) -> str:
    """What a type takes, in words."""
    match type(kind).__name__:
        case "LiteralType":
            return " | ".join(map(str, kind.values))
        case "BoolType":
            return "true | false"
        case "IntType" | "FloatType":
            whole = "whole number" if type(kind).__name__ == "IntType" else "number"
            bounds = {"from": kind.ge, "above": kind.gt, "to": kind.le, "below": kind.lt}
            # A bound that only says what a computer can count is of no interest.
            shown = [
                f"{word} {bound:g}" for word, bound in bounds.items() if bound is not None and bound < 1e9
            ]
            return " ".join([whole, *shown])
        case "UnionType":
            return " | ".join(_values(one) for one in kind.types if type(one).__name__ != "NoneType")
        case "VarTupleType":
            return f"list of: {_values(kind.item_type)}"
    return "text"
