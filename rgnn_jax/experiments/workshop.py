"""What the reproductions share: runs trained one after the other, and how they are told about."""

import dataclasses
import importlib.util
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from rgnn_jax.config import Experiment, load_experiment
from rgnn_jax.errors import UserError, WorkFailed
from rgnn_jax.experiments.latent.subject import Subject
from rgnn_jax.experiments.report import Figure
from rgnn_jax.models.language import parameter_count
from rgnn_jax.train.session import LoadedRun, load_run, run_training
from rgnn_jax.train.sweep import Member, run_sweep
from rgnn_jax.typography import number

Settings = Mapping[str, str]
_CONFIGS = Path(__file__).parents[1] / "configs"


def config_path(name: str) -> Path:
    """The configuration of a name, in `configs/` and in the installed package."""
    return _CONFIGS / f"{name}.toml"


@dataclasses.dataclass(frozen=True)
class FinishedRun:
    """A finished run, ready to be looked into.

    Attributes:
        label: what the page calls it.
        run: one of its checkpoints, read back.
        seconds: it took to train; of all that trained side by side, where several did.
        rows: its `metrics.jsonl`.
    """

    label: str
    run: LoadedRun
    seconds: float
    rows: Sequence[Mapping[str, Any]]

    @cached_property
    def subject(self) -> Subject:
        """The run as the latent tools take it."""
        return Subject.of(self.run)

    @property
    def parameters(self) -> int:
        """Numbers that it learned."""
        return parameter_count(self.run.params)

    def curve(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Steps and values of one of its metrics."""
        found = [(row["step"], row[name]) for row in self.rows if name in row]
        steps, values = zip(*found, strict=True) if found else ((), ())
        return np.array(steps, float), np.array(values, float)


@dataclasses.dataclass(frozen=True)
class Workshop:
    """Where a reproduction trains its runs, and what they have in common.

    Attributes:
        work: the directory of its runs.
        shared: settings of all of them, such as the seed, the data and how long they train.
        quiet: nothing on standard error.
    """

    work: Path
    shared: tuple[tuple[str, str], ...] = ()
    quiet: bool = False

    def sharing(self, settings: Settings) -> "Workshop":
        """The same workshop for runs that have these settings too in common."""
        return dataclasses.replace(self, shared=(*self.shared, *settings.items()))

    def experiment(self, config: str, settings: Settings) -> Experiment:
        """The settings of `configs/CONFIG.toml` with those that are shared and these."""
        return load_experiment(config_path(config), [*self.shared, *settings.items()])

    def train(
        self,
        label: str,
        name: str,
        config: str,
        settings: Settings,
        *,
        step: str = "latest",
        on_milestone: Callable[[LoadedRun], None] | None = None,
    ) -> FinishedRun:
        """Trains one run and reads one of its checkpoints, "latest" or "best".

        Raises:
            SystemExit: where a signal stopped it.
        """
        experiment = self.experiment(config, settings)
        outcome = run_training(experiment, name, self.work, quiet=self.quiet, on_milestone=on_milestone)
        if outcome.signal:
            raise SystemExit(128 + outcome.signal)
        return self.load(label, name, outcome.seconds, step)

    def train_together(self, labels: Mapping[str, Settings], name: str, config: str) -> list[FinishedRun]:
        """Trains several runs of one shape side by side in one vectorised update.

        Args:
            labels: what sets each apart from the others.
            name: of the directory that they share.
            config: what they have in common.
        """
        members = [Member(dict(settings), self.experiment(config, settings)) for settings in labels.values()]
        rows = run_sweep(members, name, self.work, quiet=self.quiet)
        diverged = [str(row["run"]) for row in rows if row["loss"] is None]
        if diverged:
            raise WorkFailed(f"{', '.join(diverged)}: the loss is not finite; lower optimizer.learning_rate")
        return [
            self.load(label, f"{name}/{member.name}", None)
            for label, member in zip(labels, members, strict=True)
        ]

    def load(self, label: str, name: str, seconds: float | None, step: str = "latest") -> FinishedRun:
        """Reads a finished run back."""
        run = load_run(str(self.work / name), self.work, step=step)
        lines = run.directory.metrics.read_bytes().splitlines()
        rows = [msgspec.json.decode(line) for line in lines]
        return FinishedRun(label, run, rows[-1]["seconds"] if seconds is None else seconds, rows)


def require_page_tools(*, sklearn: bool = True) -> None:
    """Raises UserError, which names the cure, where what a page needs is not installed."""
    needed = {"jinja2": "report", "matplotlib": "report"} | ({"sklearn": "latent"} if sklearn else {})
    for module, extra in needed.items():
        if importlib.util.find_spec(module) is None:
            raise UserError(f'the page needs {module}: pip install "rgnn-jax[{extra}]"')


def loss_curves(runs: Sequence[FinishedRun], metric: str, caption: str, y_label: str) -> Figure:
    """How a metric falls in several runs: on training pictures (light) and on held-out ones."""
    from rgnn_jax.figures import Curve, Series, learning_curves, to_svg

    curves = {}
    for one in runs:
        training, held_out = one.curve(metric), one.curve(f"validation_{metric}")
        # Runs that trained side by side are evaluated once, at their end, which makes no line.
        curves[one.label] = Curve(Series(*training), Series(*held_out) if held_out[0].size > 1 else None)
    figure = learning_curves(curves, x_label="step", y_label=y_label)
    ends = {one.label: float(one.curve(f"validation_{metric}")[1][-1]) for one in runs}
    last = ", ".join(f"{label} {number(end, 1 if end >= 10 else 3)}" for label, end in ends.items())
    return Figure(to_svg(figure), caption, f"{y_label} at the end of training: {last}.")
