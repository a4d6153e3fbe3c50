"""`rgnn evaluate`: how well a run predicts held-out data, or a text that is given."""

import argparse
import math
import sys
from pathlib import Path
from typing import Any

from rgnn_jax.commands.arguments import (
    add_command,
    add_json,
    add_run,
    add_temperature,
    count,
    empty_split,
    origin,
    print_json,
    refuse,
    seed,
)
from rgnn_jax.commands.evaluate_arithmetic import evaluate_arithmetic
from rgnn_jax.errors import UserError
from rgnn_jax.typography import counted

_FOR_JUDGE = 20
"""Pictures without which a kernel distance is not to be had."""


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
        "--split",
        choices=("train", "validation", "test", "beyond"),
        help="default: test; beyond, of arithmetic only: queries with an operand larger than in training, "
        "which data.operands_below sets",
    )
    _add_options_of_text(parser)
    _add_options_of_pictures(parser)
    _add_options_of_judges(parser)
    add_json(parser)


def _add_options_of_text(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("models of text")
    group.add_argument(
        "--rule",
        choices=("windows", "carried"),
        help="windows (default): each from a reset state; carried: with all the context the model can use",
    )
    group.add_argument(
        "--window", type=count, help="with windows: tokens of each (default: the run's data.window)"
    )
    text = group.add_mutually_exclusive_group()
    text.add_argument("--text", help="score this text instead of a split")
    text.add_argument("--text-file", type=Path, help="score this UTF-8 file instead of a split")


def _add_options_of_pictures(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("models of pictures")
    group.add_argument(
        "--importance-samples",
        type=count,
        metavar="K",
        help="also estimate the negative log-likelihood from K draws a picture (IWAE's bound)",
    )
    group.add_argument(
        "--disentanglement",
        action="store_true",
        default=None,
        help="also MIG, DCI, SAP, FactorVAE and beta-VAE scores, for pictures whose factors are known",
    )


def _add_options_of_judges(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("models of pictures with a latent space, and of handwriting")
    group.add_argument(
        "--judge",
        metavar="RUN",
        help="also let a classifier, another run, look at random samples, or read what is in handwriting",
    )
    add_temperature(group)
    group.add_argument(
        "--style-seed",
        type=seed,
        metavar="N",
        help="with --judge: of the styles in which answers are painted (default: 0)",
    )


def run(args: argparse.Namespace) -> int:
    """Prints the score."""
    from rgnn_jax.train.devices import set_up

    set_up(1)
    from rgnn_jax.datasets.arithmetic_spec import ArithmeticSpec
    from rgnn_jax.datasets.vocabulary import Vocabulary
    from rgnn_jax.train.session import load_run

    loaded = load_run(args.name, args.ckpt_dir, step=args.step)
    if args.split == "beyond" and not isinstance(loaded.spec, ArithmeticSpec):
        raise UserError(
            f"--split beyond: run {args.name} is no model of arithmetic; choose train, validation or test"
        )
    if isinstance(loaded.spec, Vocabulary):
        of_others = ("importance_samples", "disentanglement", "judge", "style_seed", "temperature")
        refuse(args, f"run {args.name} is a model of text", *of_others)
        return _text(args, loaded)
    args.split = args.split or "test"
    if isinstance(loaded.spec, ArithmeticSpec):
        of_text = ("rule", "window", "text", "text_file")
        of_codes = ("importance_samples", "disentanglement", "temperature")
        refuse(args, f"run {args.name} is a model of arithmetic", *of_text, *of_codes)
        if not (loaded.spec.side or loaded.spec.answer_side):
            refuse(args, f"run {args.name} reads and writes symbols", "judge")
        if not loaded.spec.answer_side:
            refuse(args, f"run {args.name} paints nothing", "style_seed")
        if args.judge is None:
            refuse(args, f"run {args.name} is not judged (--judge)", "style_seed")
        return evaluate_arithmetic(args, loaded)
    of_others = ("rule", "window", "text", "text_file", "style_seed")
    refuse(args, f"run {args.name} is a model of pictures", *of_others)
    if args.judge is None:
        refuse(args, f"run {args.name} is not judged (--judge)", "temperature")
    of_encoders = ("importance_samples", "disentanglement")
    if not hasattr(loaded.model, "decode"):
        refuse(args, f"run {args.name} only reads pictures and has no codes", *of_encoders, "judge")
    elif not hasattr(loaded.model, "encode"):
        refuse(args, f"run {args.name} cannot read pictures", *of_encoders)
    return _pictures(args, loaded)


def _check_text_options(args: argparse.Namespace) -> None:
    if args.rule == "carried":
        refuse(args, "--rule carried resets no state", "window")
    if args.text is not None or args.text_file is not None:
        why = "a text of yours is scored, and no split of data"
        refuse(args, why, "split")
        for name, _ in args.settings:
            raise UserError(f"--{name}: {why}; leave this setting out")


def _text(args: argparse.Namespace, loaded: Any) -> int:
    from rgnn_jax.datasets.text_file import read_text
    from rgnn_jax.evaluate.likelihood import score_carried, score_windows
    from rgnn_jax.train.session import load_task

    _check_text_options(args)
    text, split, rule = args.text, args.split or "test", args.rule or "windows"
    if args.text_file is not None:
        text = read_text(args.text_file)
    if text is not None:
        text = loaded.experiment.data.normalise(text)
        codes, split = loaded.vocabulary.encode(text), "text"
    else:
        codes = getattr(load_task(loaded, args.settings).text, split)
        if not codes.size:
            raise empty_split(split, "give --text-file")
    how: dict[str, Any] = {"rule": rule}
    if rule == "windows":
        how["window"] = args.window or loaded.experiment.data.window
        score = score_windows(loaded.model, loaded.params, codes, how["window"])
    else:
        score = score_carried(loaded.model, loaded.params, codes)
    result: dict[str, Any] = {**score.metrics(), **origin(loaded, split), **how}
    if args.json:
        if text is not None:
            result["log_probs"] = [round(float(value), 6) for value in score.log_probs]
        print_json(result)
        return 0
    print(
        f"{loaded.directory.path} step {loaded.step}, {split}: {result['loss']:.4f} nats a character, "
        f"{result['bits_per_char']:.4f} bits, over {score.count:,} characters ({rule})"
    )
    if text is not None and sys.stdout.isatty():
        print("least likely: " + ", ".join(_least_likely(text, score.log_probs)))
    return 0


def _pictures(args: argparse.Namespace, loaded: Any) -> int:
    from rgnn_jax.train.session import load_task

    task = load_task(loaded, args.settings)
    scores: dict[str, Any] = dict(task.evaluate(loaded.params, args.split))
    if not scores:
        raise empty_split(args.split, f"train a run with data.{args.split}_fraction above 0")
    if args.importance_samples is not None:
        scores |= _likelihood(args, loaded, task)
    if args.disentanglement:
        scores |= _disentanglement(args, loaded, task)
    verdict = _judged(args, loaded, task)
    result = {
        **scores,
        **verdict,
        "count": len(getattr(task.images, args.split)),
        **origin(loaded, args.split),
    }
    if args.json:
        print_json(result)
        return 0
    print(f"{loaded.directory.path} step {loaded.step}, {args.split}, {result['count']:,} pictures")
    for name, value in scores.items():
        if isinstance(value, float | int):
            print(f"  {name.replace('_', ' '):<40}{value:.4f}")
    _print_verdict(verdict)
    return 0


def _judged(args: argparse.Namespace, loaded: Any, task: Any) -> dict[str, Any]:
    """What a classifier makes of random samples, where one is named."""
    if args.judge is None:
        return {}
    import msgspec

    from rgnn_jax.experiments.judge import refuse_acquainted
    from rgnn_jax.experiments.sample_judge import judge_samples
    from rgnn_jax.train.resolve import with_other_data
    from rgnn_jax.train.session import load_run

    judge = load_run(args.judge, args.ckpt_dir)
    held_out = getattr(task.images, args.split)
    if len(held_out) < _FOR_JUDGE:
        raise UserError(
            f"--judge: the {args.split} split of run {args.name} has {counted(len(held_out), 'picture')}, "
            f"and {_FOR_JUDGE} are needed; choose another --split, or give more pictures"
        )
    if args.split != "train":
        data = with_other_data(loaded.experiment, args.settings).of_pictures[1]
        refuse_acquainted(judge, data, held_out.images)
    return msgspec.to_builtins(judge_samples(loaded, judge, held_out, temperature=args.temperature or 1.0))


def _print_verdict(verdict: dict[str, Any]) -> None:
    if not verdict:
        return
    print(
        f"  {verdict['samples']:,} samples at temperature {verdict['temperature']:g}, judged by "
        f"{verdict['judge']}, right in {100 * verdict['judge_accuracy']:.2f}% of real pictures: Frechet "
        f"distance {verdict['distance']:.2f} and kernel distance {verdict['kernel_distance']:.4f} from "
        f"{verdict['compared']:,} real pictures; sure of {100 * verdict['sure']:.1f}% of the samples"
    )
    for name, share in verdict["shares"].items():
        print(f"    {name:<38}{100 * share:7.2f}%")
    if verdict["class_accuracy"] is not None:
        print(f"  {'class as asked for':<40}{100 * verdict['class_accuracy']:.2f}%")


def _likelihood(args: argparse.Namespace, loaded: Any, task: Any) -> dict[str, float]:
    import numpy as np

    from rgnn_jax.evaluate.elbo import importance_weighted_nll
    from rgnn_jax.tasks.images import evaluation_images

    pictures = evaluation_images(loaded.experiment.data, getattr(task.images, args.split))
    settings, k = loaded.experiment.model, args.importance_samples
    nll = importance_weighted_nll(
        loaded.model, loaded.params, pictures, k, likelihood=settings.likelihood, scale=settings.scale
    )
    spread = float(nll.std(ddof=1)) if len(nll) > 1 else 0.0
    return {
        "importance_weighted_nll": float(nll.mean(dtype=np.float64)),
        "importance_weighted_nll_standard_error": spread / math.sqrt(len(nll)),
        "importance_samples": k,
    }


def _disentanglement(args: argparse.Namespace, loaded: Any, task: Any) -> dict[str, Any]:
    from rgnn_jax.evaluate.factor_scores import score_factors
    from rgnn_jax.sampling.latent import encode
    from rgnn_jax.tasks.images import evaluation_images

    pictures = getattr(task.images, args.split)
    if pictures.factors is None:
        raise UserError(
            f"--disentanglement: the factors of run {args.name}'s pictures are not known; leave it out"
        )
    shown = evaluation_images(loaded.experiment.data, pictures)
    codes = encode(loaded.model, loaded.params, shown).z_mean
    return score_factors(codes, pictures.factors, task.images.spec.factors)


def _least_likely(text: str, log_probs: Any, count: int = 5) -> list[str]:
    worst = sorted(range(len(log_probs)), key=lambda i: log_probs[i])[:count]
    return [f"{text[i + 1]!r} after {text[max(0, i - 9) : i + 1]!r} ({log_probs[i]:.2f})" for i in worst]
