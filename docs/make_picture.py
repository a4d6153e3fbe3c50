"""Draws runs for the README: their learning curves, and what each network writes at each stage beside them.

python docs/make_picture.py RUN... [--ckpt-dir ckpt] [--out docs/learning_to_write.svg]
    every run needs training.milestones; all runs continue the same held-out paragraph
"""

import argparse
import json
import sys
import textwrap
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from rgnn_jax.errors import UserError
from rgnn_jax.experiments.continuations import Continuation, continue_paragraphs
from rgnn_jax.figures import Curve, Series, learning_curves, save
from rgnn_jax.figures.style import INK, MUTED, RULE, colour, styled
from rgnn_jax.sampling.rules import GREEDY
from rgnn_jax.train.checkpoint import Checkpoints
from rgnn_jax.train.loop import Limits
from rgnn_jax.train.run import RunDirectory
from rgnn_jax.train.session import load_run, load_task
from rgnn_jax.typography import printable

COLUMNS, WRITTEN, ROW = 62, 110, 0.155


def read_curve(directory: RunDirectory, steps_per_epoch: float) -> Curve:
    """A run's losses against epochs, in nats a character."""
    rows = [json.loads(line) for line in directory.metrics.read_text(encoding="utf-8").splitlines()]

    def series(name: str) -> Series:
        found = [(row["step"] / steps_per_epoch, row[name]) for row in rows if name in row]
        if not found:
            raise UserError(f"{directory.metrics}: no {name}; train longer, or with smaller intervals")
        return Series(*np.array(found, float).T)

    return Curve(series("loss"), series("validation_loss"))


def read_run(name: str, ckpt_dir: Path) -> tuple[str, Curve, dict[float, Continuation]]:
    """A run's kind, its curve, and what it wrote at each milestone, by epoch.

    Raises:
        UserError: for a run that cannot be read, or that kept no milestone.
    """
    run = load_run(name, ckpt_dir)
    task = load_task(run)
    milestones = Limits.of(run.experiment.training, task.steps_per_epoch).milestones
    with Checkpoints(run.directory.checkpoints, read_only=True) as checkpoints:
        steps = [step for step in checkpoints.steps() if step in milestones]
    if not steps:
        raise UserError(f"{run.directory.path} kept no milestone; train it with training.milestones set")
    paragraphs = task.text.paragraphs("test")
    written = {}
    for step in steps:
        early = load_run(name, ckpt_dir, step=step)
        written[step / task.steps_per_epoch] = continue_paragraphs(
            early, paragraphs, rule=GREEDY, count=1, max_new_tokens=WRITTEN
        )[0]
    kind = str(run.experiment.model.__struct_config__.tag)
    title = kind.title() if kind == "transformer" else kind.upper()
    return title, read_curve(run.directory, task.steps_per_epoch), written


@styled
def draw(runs: list[tuple[str, Curve, dict[float, Continuation]]]) -> Figure:
    """The curves with a panel of writing to their right."""
    figure = learning_curves(
        {title: curve for title, curve, _ in runs}, x_label="epoch (logarithmic)", log_x=True
    )
    lines = _lines(runs)
    height = max(figure.get_figheight(), ROW * (len(lines) + 1.5))
    left = figure.get_figwidth()
    figure.set_layout_engine("none")
    figure.set_size_inches(left + 5.2, height)
    figure.axes[0].set_position(
        (0.6 / (left + 5.2), 0.55 / height, (left - 1.9) / (left + 5.2), 1 - 0.9 / height)
    )
    panel = figure.add_axes((left / (left + 5.2), 0, 5.2 / (left + 5.2), 1))
    panel.set(xlim=(0, 1), ylim=(len(lines) + 1.5, 0))
    panel.set_axis_off()
    for row, (text, shade, weight) in enumerate(lines, start=1):
        panel.text(
            0, row, text, color=shade, fontweight=weight, family="monospace", fontsize=7.5, va="center"
        )
    return figure


def _lines(runs: list[tuple[str, Curve, dict[float, Continuation]]]) -> list[tuple[str, str, str]]:
    """The writing as lines of (text, colour, weight)."""
    first = next(iter(runs[0][2].values()))
    lines = [(f"continue: {_visible(first.prompt)}", INK, "bold"), ("", RULE, "normal")]
    for index, (title, _, written) in enumerate(runs):
        for epoch, continuation in written.items():
            lines.append((f"{title}, epoch {round(epoch, 1):g}", colour(index), "bold"))
            wrapped = textwrap.wrap(_visible(continuation.continuation), COLUMNS)
            lines += [(line, INK, "normal") for line in wrapped or ["(blanks)"]]
        lines.append(("", RULE, "normal"))
    true = first.text[len(first.prompt) :]
    lines.append(("the true text", MUTED, "bold"))
    return lines + [(line, MUTED, "normal") for line in textwrap.wrap(_visible(true), COLUMNS)]


def _visible(text: str) -> str:
    return "".join(map(printable, text))


def main() -> int:
    """Reads the command line, draws, and says where the picture is."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("runs", metavar="RUN", nargs="+", help="names under --ckpt-dir, or paths")
    parser.add_argument("--ckpt-dir", type=Path, default=Path("ckpt"), help="default: ckpt")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("learning_to_write.svg"))
    args = parser.parse_args()
    try:
        save(draw([read_run(name, args.ckpt_dir) for name in args.runs]), args.out)
    except UserError as error:
        print(f"make_picture.py: {error}", file=sys.stderr)
        return error.exit_code
    print(args.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
