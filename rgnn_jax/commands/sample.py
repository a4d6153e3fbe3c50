"""`rgnn sample`: a trained run continues a prompt."""

import argparse
import sys
from pathlib import Path
from typing import Any

from rgnn_jax.commands.arguments import add_command, add_json, add_run, count, print_json, refuse, seed
from rgnn_jax.errors import UserError

_OF_DRAWS = ("temperature", "top_k", "top_p", "min_p")


def register(commands: Any) -> None:
    """Adds the command."""
    parser = add_command(
        commands,
        "sample",
        run,
        "Continue a prompt, or the beginnings of a split's paragraphs beside the true text.",
        'rgnn sample lstm_chapter --prompt "the gate " --max-new-tokens 200 --temperature 0.8 --stream',
    )
    add_run(parser)
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--prompt", help="the text to continue (default: a new line, or the first symbol)")
    source.add_argument("--prompt-file", type=Path, help="a UTF-8 file with the text to continue")
    source.add_argument(
        "--paragraphs",
        choices=("train", "validation", "test"),
        help="the exercise's test: continue each paragraph's first --prompt-length characters greedily",
    )
    parser.add_argument(
        "--prompt-length", type=count, metavar="N", help="with --paragraphs: characters given (default: 30)"
    )
    parser.add_argument(
        "--max-new-tokens", type=count, help="characters to write (default: 200; 100 with --paragraphs)"
    )
    parser.add_argument(
        "--greedy", action="store_true", help="always the most likely character, as with --paragraphs"
    )
    drawn = parser.add_argument_group("how characters are drawn, where the writing is not greedy")
    drawn.add_argument("--temperature", type=float, metavar="T", help="divides the logits (default: 1)")
    drawn.add_argument("--top-k", type=int, metavar="K", help="of the K most likely (default: 0, off)")
    drawn.add_argument(
        "--top-p",
        type=float,
        metavar="P",
        help="of the most likely, up to this probability (default: 1, off)",
    )
    drawn.add_argument(
        "--min-p",
        type=float,
        metavar="P",
        help="of those P times as likely as the likeliest (default: 0, off)",
    )
    parser.add_argument(
        "--repetition-penalty",
        type=float,
        default=1.0,
        metavar="R",
        help="makes what occurred before less likely (default: 1, off)",
    )
    parser.add_argument(
        "--num-samples", type=count, default=1, help="continuations, or paragraphs (default: 1)"
    )
    parser.add_argument(
        "--stop", action="append", metavar="TEXT", help="of a prompt: end where this appears; repeatable"
    )
    drawn.add_argument("--seed", type=seed, metavar="N", help="of what is drawn (default: 0)")
    parser.add_argument("--stream", action="store_true", help="print characters as they are written")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Prints what the run writes."""
    from rgnn_jax.train.devices import set_up

    set_up(1)
    from rgnn_jax.sampling.rules import SamplingRule
    from rgnn_jax.train.session import load_run

    _check_options(args)
    given = {name: value for name in _OF_DRAWS if (value := getattr(args, name)) is not None}
    greedy, penalty = bool(args.greedy or args.paragraphs), args.repetition_penalty
    rule = SamplingRule(do_sample=not greedy, repetition_penalty=penalty, **given)
    if args.stream and (args.json or args.num_samples > 1 or args.paragraphs):
        raise UserError(
            "--stream writes one plain continuation: leave out --json, --num-samples and --paragraphs"
        )
    if "" in (args.stop or ()):
        raise UserError("--stop: the text is empty, which appears everywhere; give at least one character")
    loaded = load_run(args.name, args.ckpt_dir, step=args.step)
    if args.paragraphs:
        return _paragraphs(args, loaded, rule)
    return _prompt(args, loaded, rule)


def _check_options(args: argparse.Namespace) -> None:
    if args.paragraphs is None:
        cure = "give --paragraphs SPLIT with it, or leave it out"
        refuse(args, "a prompt of yours is continued as it is", "prompt_length", cure=cure)
    else:
        refuse(args, "--paragraphs continues greedily", *_OF_DRAWS, "seed")
        refuse(args, "--paragraphs continues for --max-new-tokens characters", "stop")
    if args.greedy:
        refuse(args, "--greedy takes the most likely character", *_OF_DRAWS, "seed")


def _prompt(args: argparse.Namespace, loaded: Any, rule: Any) -> int:
    import jax

    from rgnn_jax.datasets.text_file import read_text
    from rgnn_jax.sampling.decode import generate
    from rgnn_jax.sampling.text import cut_at_stop, stream_text

    vocabulary, normalise = loaded.vocabulary, loaded.experiment.data.normalise
    prompt, stop = args.prompt, [normalise(text) for text in args.stop or ()]
    if args.prompt_file is not None:
        prompt = read_text(args.prompt_file)
    elif prompt is None:
        prompt = "\n" if "\n" in vocabulary.symbols else vocabulary.symbols[0]
    prompt = normalise(prompt)
    codes = vocabulary.encode(prompt)[None]
    key = jax.random.key(args.seed or 0)
    length = args.max_new_tokens or 200
    if args.stream:
        print(prompt, end="", flush=True)
        for piece in stream_text(
            loaded.model, loaded.params, codes, vocabulary.decode, stop,
            rule=rule, max_new_tokens=length, key=key,
        ):  # fmt: skip
            print(piece, end="", flush=True)
        print()
        return 0
    tokens = generate(
        loaded.model, loaded.params, codes,
        rule=rule, max_new_tokens=length, key=key, num_return_sequences=args.num_samples,
    )  # fmt: skip
    texts = [cut_at_stop(vocabulary.decode(row), stop) for row in tokens]
    if args.json:
        print_json(
            {"run": str(loaded.directory.path), "step": loaded.step, "prompt": prompt, "samples": texts}
        )
        return 0
    for i, text in enumerate(texts):
        if args.num_samples > 1:
            print(f"--- {i + 1}")
        print(prompt + text)
    return 0


def _paragraphs(args: argparse.Namespace, loaded: Any, rule: Any) -> int:
    from rgnn_jax.experiments.continuations import continue_paragraphs
    from rgnn_jax.train.session import load_task

    text = load_task(loaded).text
    pairs = continue_paragraphs(
        loaded, text.paragraphs(args.paragraphs),
        rule=rule, count=args.num_samples, prompt_length=args.prompt_length or 30,
        max_new_tokens=args.max_new_tokens or 100,
    )  # fmt: skip
    if args.json:
        print_json(
            {
                "run": str(loaded.directory.path),
                "step": loaded.step,
                "pairs": [pair._asdict() for pair in pairs],
            }
        )
        return 0
    for pair in pairs:
        print(f"Text:  {pair.text}\nModel: {pair.prompt}{pair.continuation}\n", file=sys.stdout)
    return 0
