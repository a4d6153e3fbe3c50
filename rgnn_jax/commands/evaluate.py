"""`rgnn evaluate`: how well a run predicts held-out data, or a text that is given."""

import argparse
import sys
from pathlib import Path
from typing import Any

from rgnn_jax.commands.arguments import add_command, add_json, add_run, count, print_json
from rgnn_jax.errors import UserError


def register(commands: Any) -> None:
    """Adds the command."""
    parser = add_command(
        commands,
        "evaluate",
        run,
        "Score a run on a split of its data or on a text of yours; --data.path changes the data.",
        "rgnn evaluate lstm_chapter --split test --rule carried",
        takes_settings=True,
    )
    add_run(parser)
    parser.add_argument(
        "--split", default="test", choices=("train", "validation", "test"), help="default: test"
    )
    parser.add_argument(
        "--rule",
        default="windows",
        choices=("windows", "carried"),
        help="windows: each from a reset state; carried: with all the context that the model can use",
    )
    parser.add_argument("--window", type=count, help="tokens a window (default: the run's data.window)")
    text = parser.add_mutually_exclusive_group()
    text.add_argument("--text", help="score this text instead of a split")
    text.add_argument("--text-file", type=Path, help="score this UTF-8 file instead of a split")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Prints the score."""
    from rgnn_jax.train.devices import set_up

    set_up(1)
    from rgnn_jax.datasets.text_file import read_text
    from rgnn_jax.evaluate.likelihood import score_carried, score_windows
    from rgnn_jax.train.session import load_run, load_task

    loaded = load_run(args.name, args.ckpt_dir, step=args.step)
    window = args.window or loaded.experiment.data.window
    text, split = args.text, args.split
    if args.text_file is not None:
        text = read_text(args.text_file)
    if text is not None:
        text = loaded.experiment.data.normalise(text)
        codes, split = loaded.vocabulary.encode(text), "text"
    else:
        codes = getattr(load_task(loaded, args.settings).text, split)
        if not codes.size:
            raise UserError(f"the {split} split is empty: choose another --split, or give --text-file")
    if args.rule == "windows":
        score = score_windows(loaded.model, loaded.params, codes, window)
    else:
        score = score_carried(loaded.model, loaded.params, codes)
    result: dict[str, Any] = {
        **score.metrics(),
        "step": loaded.step,
        "split": split,
        "rule": args.rule,
        "window": window,
        "run": str(loaded.directory.path),
    }
    if args.json:
        if text is not None:
            result["log_probs"] = [round(float(value), 6) for value in score.log_probs]
        print_json(result)
        return 0
    print(
        f"{loaded.directory.path} step {loaded.step}, {split}: {result['loss']:.4f} nats a character, "
        f"{result['bits_per_char']:.4f} bits, over {score.count:,} characters ({args.rule})"
    )
    if text is not None and sys.stdout.isatty():
        print("least likely: " + ", ".join(_least_likely(text, score.log_probs)))
    return 0


def _least_likely(text: str, log_probs: Any, count: int = 5) -> list[str]:
    worst = sorted(range(len(log_probs)), key=lambda i: log_probs[i])[:count]
    return [f"{text[i + 1]!r} after {text[max(0, i - 9) : i + 1]!r} ({log_probs[i]:.2f})" for i in worst]
