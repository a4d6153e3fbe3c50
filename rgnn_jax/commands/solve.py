"""`rgnn solve`: a trained run answers sums and differences."""

import argparse
from typing import Any

from rgnn_jax.commands.arguments import add_command, add_json, add_run, count, print_json


def register(commands: Any) -> None:
    """Adds the command."""
    parser = add_command(
        commands,
        "solve",
        run,
        "Let a run answer queries such as 56+34.",
        'rgnn solve arithmetic_transformer "56+34" "7-98"',
    )
    add_run(parser)
    parser.add_argument("queries", metavar="QUERY", nargs="+", help="two whole numbers and an operator")
    parser.add_argument(
        "--beams", type=count, metavar="K", help="also print the K likeliest answers with their probabilities"
    )
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Prints a line a query."""
    from rgnn_jax.train.devices import set_up

    set_up(1)
    import numpy as np

    from rgnn_jax.tasks.arithmetic import answer_queries, likeliest_answers
    from rgnn_jax.train.session import load_run

    loaded = load_run(args.name, args.ckpt_dir, step=args.step)
    spec = loaded.arithmetic
    parsed = [spec.parse(query) for query in args.queries]
    columns = (np.array(part) for part in zip(*parsed, strict=True))
    source = np.asarray(spec.encode_queries(*columns))
    answers = spec.decode_answers(answer_queries(loaded.model, loaded.params, source))
    rows: list[dict[str, Any]] = [
        {"query": query, "answer": answer}
        for query, answer in zip(spec.decode_queries(source), answers, strict=True)
    ]
    if args.beams is not None:
        found = likeliest_answers(loaded.model, loaded.params, spec, source, args.beams)
        for row, beams in zip(rows, found, strict=True):
            row["beams"] = [{"answer": answer, "probability": p} for answer, p in beams]
    if args.json:
        print_json({"run": str(loaded.directory.path), "step": loaded.step, "answers": rows})
        return 0
    for row in rows:
        print(f"{row['query']} = {row['answer']}")
        for beam in row.get("beams", []):
            print(f"  {beam['answer']:<8}{beam['probability']:.6f}")
    return 0
