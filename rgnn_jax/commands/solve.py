"""`rgnn solve`: a trained run answers sums and differences, in symbols or in handwriting."""

import argparse
import os
from pathlib import Path
from typing import Any

from rgnn_jax.commands.arguments import add_command, add_json, add_run, count, print_json, refuse, seed
from rgnn_jax.errors import UserError

_LONGEST_NAME = 255
"""Bytes of a file's name."""


def register(commands: Any) -> None:
    """Adds the command."""
    parser = add_command(
        commands,
        "solve",
        run,
        "Let a run answer queries such as 56+34, or strips of handwriting.",
        'rgnn solve arithmetic_transformer "56+34" "7-98"',
    )
    add_run(parser)
    parser.add_argument(
        "queries",
        metavar="QUERY",
        nargs="+",
        help="two whole numbers and an operator; for a run that reads handwriting also a picture of them, "
        "square frames side by side",
    )
    parser.add_argument(
        "--beams", type=count, metavar="K", help="also print the K likeliest answers with their probabilities"
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="for a run that reads handwriting: keep the strips that are drawn of queries in symbols; for "
        "one that paints: write a picture of each answer",
    )
    parser.add_argument(
        "--style-seed", type=seed, metavar="N", help="the style in which answers are painted (default: 0)"
    )
    parser.add_argument(
        "--vary-style",
        action="store_true",
        default=None,
        help="paint each symbol of an answer in a style of its own, instead of all in one",
    )
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Prints a line a query."""
    from rgnn_jax.train.devices import set_up

    set_up(1)
    import numpy as np

    from rgnn_jax.tasks.arithmetic import answer_queries, likeliest_answers, read_symbols
    from rgnn_jax.train.session import load_run

    loaded = load_run(args.name, args.ckpt_dir, step=args.step)
    spec = loaded.arithmetic
    _check_options(args, spec)
    source = _strips(args, loaded) if spec.side else _symbols(args, spec)
    symbols = answer_queries(loaded.model, loaded.params, source)
    answers = spec.decode_answers(symbols)
    shown = spec.decode_queries(read_symbols(loaded.model, loaded.params, source) if spec.side else source)
    rows: list[dict[str, Any]] = [
        {"query": query, "answer": answer} for query, answer in zip(shown, answers, strict=True)
    ]
    if spec.side:
        rows = [
            {"given": _printable(given), **row, "is_query": spec.understands(row["query"])}
            for given, row in zip(args.queries, rows, strict=True)
        ]
    if args.out is not None and spec.answer_side:
        _paint(args, loaded, symbols, rows)
    if args.beams is not None:
        found = likeliest_answers(loaded.model, loaded.params, spec, np.asarray(source), args.beams)
        for row, beams in zip(rows, found, strict=True):
            row["beams"] = [{"answer": answer, "probability": p} for answer, p in beams]
    if args.json:
        print_json({"run": str(loaded.directory.path), "step": loaded.step, "answers": rows})
        return 0
    for row in rows:
        given = f"{row['given']}, read as " if "given" in row else ""
        where = f", painted in {row['picture']}" if "picture" in row else ""
        doubt = "" if row.get("is_query", True) else " (no query)"
        print(f"{given}{row['query']}{doubt} = {row['answer']}{where}")
        for beam in row.get("beams", []):
            print(f"  {beam['answer']:<8}{beam['probability']:.6f}")
    return 0


def _check_options(args: argparse.Namespace, spec: Any) -> None:
    of_styles = ("style_seed", "vary_style")
    if not (spec.side or spec.answer_side):
        refuse(args, f"run {args.name} reads symbols and draws nothing", "out")
    if spec.side and not any(map(_in_symbols, args.queries)):
        refuse(args, "every query is a picture already, none is drawn", "out")
    if not spec.answer_side:
        refuse(args, f"run {args.name} paints nothing", *of_styles)
    elif args.out is None:
        why, cure = f"run {args.name} paints where --out says so", "give --out DIR with it"
        refuse(args, why, *of_styles, cure=cure)


def _paint(args: argparse.Namespace, loaded: Any, symbols: Any, rows: list[dict[str, Any]]) -> None:
    """Writes each answer's picture, as a person reads it, and its name into the answer's row."""
    import numpy as np

    from rgnn_jax.datasets.strip_files import write_strip
    from rgnn_jax.sampling.painting import Painted

    style, held = args.style_seed or 0, not args.vary_style
    painted = Painted(loaded.model, loaded.params, symbols, style, held)
    strips = np.asarray(painted[np.arange(len(symbols))])
    for place, (strip, row) in enumerate(zip(strips, rows, strict=True)):
        path = args.out / f"{place + 1}_{row['query']}_answer.png"
        write_strip(loaded.arithmetic.answer_frames(symbols[place], strip), path)
        row["picture"] = str(path)


def _symbols(args: argparse.Namespace, spec: Any) -> Any:
    """Queries in symbols, of a run that reads nothing else."""
    for query in args.queries:
        if not spec.understands(query) and _names_picture(query):
            raise UserError(f"{_printable(query)}: run {args.name} reads symbols and no pictures")
    return _encode(spec, args.queries)


def _encode(spec: Any, queries: list[str]) -> Any:
    import numpy as np

    columns = (np.array(part) for part in zip(*(spec.parse(query) for query in queries), strict=True))
    return np.asarray(spec.encode_queries(*columns))


def _strips(args: argparse.Namespace, loaded: Any) -> Any:
    """Strips that files hold, or that are drawn with the pictures of the run's test split."""
    import numpy as np

    from rgnn_jax.datasets.strip_files import read_strip, write_strip
    from rgnn_jax.train.session import load_task

    spec = loaded.arithmetic
    drawn = [place for place, query in enumerate(args.queries) if _in_symbols(query)]
    symbols = _encode(spec, [args.queries[place] for place in drawn]) if drawn else None
    # Files are read before the data are, so that a wrong one is answered at once.
    strips = {
        place: read_strip(Path(query), spec) for place, query in enumerate(args.queries) if place not in drawn
    }
    if symbols is not None:
        pictures = load_task(loaded).handwriting.strips(symbols, "test")
        strips |= dict(zip(drawn, np.asarray(pictures[np.arange(len(drawn))]), strict=True))
    if args.out is not None and symbols is not None:
        for place, query in zip(drawn, spec.decode_queries(symbols), strict=True):
            write_strip(strips[place], args.out / f"{place + 1}_{query}.png")
    return np.stack([strips[place] for place in range(len(args.queries))])


def _in_symbols(query: str) -> bool:
    """Whether a query is meant as symbols, and not as the name of a file."""
    from rgnn_jax.datasets.arithmetic_spec import QUERY

    # pathlib fails on what is too long for a name.
    if 0 < len(os.fsencode(query)) <= _LONGEST_NAME and Path(query).exists():
        return False
    return QUERY.fullmatch(query) is not None or not ("/" in query or _names_picture(query))


def _names_picture(query: str) -> bool:
    from rgnn_jax.datasets.image_files import SUFFIXES

    return query.lower().endswith(SUFFIXES)


def _printable(name: str) -> str:
    """A file's name, of which bytes that are no UTF-8 are escaped."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")
