"""`rgnn evaluate` of models of arithmetic."""

import argparse
from typing import Any

from rgnn_jax.commands.arguments import empty_split, origin, print_json


def evaluate_arithmetic(args: argparse.Namespace, loaded: Any) -> int:
    """Prints right answers, and what is read in handwriting."""
    import msgspec

    from rgnn_jax.evaluate.arithmetic import report_answers
    from rgnn_jax.tasks.arithmetic import answer_queries
    from rgnn_jax.train.session import load_task

    task = load_task(loaded, args.settings)
    judge = _judge(args, task)
    examples = task.arithmetic.examples(args.split)
    if not len(examples):
        setting = "operands_below" if args.split == "beyond" else f"{args.split}_fraction above 0"
        raise empty_split(args.split, f"train a run with data.{setting}")
    predicted = answer_queries(loaded.model, loaded.params, examples.given)
    report = report_answers(loaded.arithmetic, examples, predicted)
    readings = _readings(judge, loaded, examples) if loaded.arithmetic.side else {}
    if judge is not None and loaded.arithmetic.answer_side:
        from rgnn_jax.experiments.answer_judge import judge_answers

        style_seed = args.style_seed or 0
        readings = {
            "painted": judge_answers(judge, loaded, task.handwriting, args.split, predicted, style_seed)
        }
    if args.json:
        scores = {"whole_accuracy": report.whole.accuracy, **msgspec.to_builtins(report)}
        print_json({**scores, **msgspec.to_builtins(readings), **origin(loaded, args.split)})
        return 0
    print(
        f"{loaded.directory.path} step {loaded.step}, {args.split}: {100 * report.whole.accuracy:.2f}% of "
        f"{report.whole.count:,} whole answers right, {100 * report.accuracy:.2f}% of symbols"
    )
    _print_readings(readings, args.split)
    for kind, share in {**report.by_operator, **report.by_carries, **report.by_length}.items():
        print(f"  {kind:<28}{100 * share.accuracy:7.2f}%  {share.right:,} of {share.count:,}")
    for size, wrong in report.by_error.items():
        if wrong:
            print(f"  {size:<28}{wrong:8,} wrong")
    for mistake in report.mistakes[:5]:
        print(f"  {mistake.query} = {mistake.answer}, answered {mistake.said}")
    return 0


def _judge(args: argparse.Namespace, task: Any) -> Any:
    """The judge, where one is named; refused before anything is answered."""
    if args.judge is None:
        return None
    from rgnn_jax.experiments.strip_judge import StripJudge
    from rgnn_jax.train.session import load_run

    return StripJudge.of(load_run(args.judge, args.ckpt_dir), task.handwriting)


def _readings(judge: Any, loaded: Any, examples: Any) -> dict[str, Any]:
    """How well the pictures of the queries are read: by the run's own front end, and by a judge."""
    from rgnn_jax.evaluate.arithmetic import report_reading
    from rgnn_jax.experiments.strip_judge import judge_strips
    from rgnn_jax.tasks.arithmetic import read_symbols

    read = read_symbols(loaded.model, loaded.params, examples.given)
    readings: dict[str, Any] = {"reading": report_reading(examples.source, read)}
    if judge is not None:
        readings["judge"] = judge_strips(judge, examples.given, examples.source)
    return readings


def _print_readings(readings: dict[str, Any], split: str) -> None:
    if "painted" in readings:
        seen = readings["painted"]
        print(
            f"  painted answers read by {seen.judge}, right in {100 * seen.judge_accuracy:.2f}% of its own "
            f"test pictures: {100 * seen.answers.whole.accuracy:.2f}% wholly right, where it reads "
            f"{100 * seen.real:.2f}% of the true answers in {split} handwriting"
        )
        looks = seen.looks
        if looks is not None:
            print(
                f"  its mean confidence {looks.confidence:.4f} ({split} {looks.real_confidence:.4f}); of "
                f"{looks.digits:,} digits, Frechet distance in its features {looks.distance:.2f} (another "
                f"split's {looks.real_distance:.2f}), style distance {looks.style:.2f} of the real in its "
                f"features and {looks.style_pixels:.2f} in pixels, sharpness {looks.sharpness:.2f} of it"
            )
    if "reading" in readings:
        own = readings["reading"]
        print(
            f"  read by its front end: {100 * own.pictures.accuracy:.2f}% of {own.pictures.count:,} "
            f"pictures, every one of {100 * own.queries.accuracy:.2f}% of the queries"
        )
    if "judge" in readings:
        verdict = readings["judge"]
        seen = verdict.reading
        print(
            f"  read by {verdict.run}, right in {100 * verdict.accuracy:.2f}% of its own test pictures: "
            f"{100 * seen.pictures.accuracy:.2f}% of the pictures, every one of "
            f"{100 * seen.queries.accuracy:.2f}% of the queries; reading a picture at a time as well as it "
            "does, about so many answers can be right"
        )
