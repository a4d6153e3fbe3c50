"""States on disk: what is restored is, bit for bit, what was saved, or the step is refused by name.

Orbax writes the arrays and publishes a step by renaming its directory. It restores a flipped bit as a wrong
weight and casts a changed dtype, so each step also holds a SHA-256 of every leaf, checked after every save
and at every restore.
"""

import contextlib
import math
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp
from jaxtyping import PyTree

from rgnn_jax.errors import UserError, WorkFailed
from rgnn_jax.train.failures import one_line, silenced
from rgnn_jax.train.manifest import Leaf, Manifest, difference, named_leaves, place, seal, to_host, unseal
from rgnn_jax.train.run import RunDirectory, flush


class Checkpoints:
    """The checkpoints of one run: the latest, the best and the milestones.

    A state is any pytree of arrays; structure that holds no array (None, `optax.EmptyState`) comes from the
    target that it is restored to. On several processes every method is called by all of them: the first
    writes, all read. One training at a time may write; see `RunDirectory.lock`.

    Args:
        directory: `<run>/checkpoints`.
        read_only: change nothing on disk.

    Raises:
        UserError: where there is no such run.
    """

    def __init__(self, directory: Path, *, read_only: bool = False) -> None:
        self._directory = directory.absolute()
        self._run = self._directory.parent.name
        self._writes = not read_only and jax.process_index() == 0
        if not self._directory.parent.is_dir():
            raise UserError(f"there is no run at {self._directory.parent}: train one first with rgnn train")
        if self._writes:
            for removed in self._directory.glob(".*.removed"):
                shutil.rmtree(removed)
        # Saving waits for the disk anyway, to verify; which steps stay is decided here, not by the manager.
        write = not read_only
        options = ocp.CheckpointManagerOptions(
            create=write, cleanup_tmp_directories=write, enable_async_checkpointing=False
        )
        self._manager = ocp.CheckpointManager(self._directory, options=options)

    def __enter__(self) -> "Checkpoints":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Lets go of the directory; everything saved is on disk already."""
        self._manager.close()

    def steps(self) -> list[int]:
        """The steps on disk, ascending, sound or damaged; empty or foreign directories are none."""
        return RunDirectory(self._directory.parent).steps()

    def latest_step(self) -> int | None:
        """The last step on disk."""
        return max(self.steps(), default=None)

    def best_step(self) -> int | None:
        """The first step of the lowest validation loss, or None where none was measured.

        Raises:
            UserError: for a damaged step, since it may be the best.
        """
        return min(self._scores(), default=(math.inf, None))[1]

    def best_metric(self) -> float:
        """The validation loss of `best_step`, with its errors; infinite where none was measured."""
        return min(self._scores(), default=(math.inf, None))[0]

    def save(
        self,
        step: int,
        state: PyTree,
        *,
        metric: float | None = None,
        keep: bool = False,
        info: Mapping[str, Any] | None = None,
    ) -> None:
        """Writes a state, reads it back, and only then removes what is neither latest, best nor kept.

        Args:
            step: training steps taken; above every step on disk.
            state: arrays on any devices; copied to the host first.
            metric: validation loss.
            keep: never remove this step.
            info: values for JSON, returned by `restore`.

        Raises:
            UserError: where the step, or a later one, is on disk already.
            WorkFailed: where the state did not reach the disk intact; earlier checkpoints are untouched.
        """
        self._refuse_taken(step)
        arrays = to_host(named_leaves(state))
        meta = Manifest(
            step=step,
            metric=None if metric is None or not math.isfinite(metric) else float(metric),
            keep=keep,
            info=dict(info or {}),
            leaves={name: Leaf.of(array) for name, array in arrays.items()},
        )
        # Orbax cannot write arrays without elements; their shape says everything.
        written = {name: array for name, array in arrays.items() if array.size}
        items = ocp.args.Composite(state=ocp.args.StandardSave(written), meta=ocp.args.JsonSave(seal(meta)))
        try:
            with silenced():
                self._manager.save(step, args=items, force=True)
        except Exception as error:
            raise WorkFailed(f"{self._name(step)} could not be written: {one_line(error)}") from error
        self._check_written(meta)
        if self._writes:
            path = self._directory / str(step)
            for entry in (*path.rglob("*"), path, self._directory):
                flush(entry)
            self._retire()

    def restore(self, abstract_state: PyTree, step: int | str = "latest") -> tuple[PyTree, Manifest]:
        """Reads a state and checks every bit of it.

        Args:
            abstract_state: a state's structure, shapes and dtypes, as from `jax.eval_shape`. Leaves with a
                sharding are restored to it, the others to numpy arrays.
            step: a step on disk, `latest` or `best`.

        Returns:
            The state and what was saved with it.

        Raises:
            UserError: for a step that is missing, damaged or of another model; no other is restored instead.
        """
        chosen = self._resolve(step)
        targets = named_leaves(abstract_state)
        try:
            meta = self._meta(chosen)
            if mismatch := difference(meta.leaves, targets):
                raise UserError(
                    f"{self._name(chosen)} is of another model: {mismatch}; "
                    "use the settings in the run's config.json"
                )
            arrays = self._arrays(meta)
        except _DamagedError as damage:
            raise self._refusal(chosen, damage) from damage
        leaves = [place(arrays[name], target) for name, target in targets.items()]
        return jax.tree.unflatten(jax.tree.structure(abstract_state), leaves), meta

    def _refuse_taken(self, step: int) -> None:
        latest = self.latest_step()
        if latest is not None and step <= latest:
            raise UserError(
                f"{self._name(step)} cannot be saved: the run holds {latest} already; "
                "continue from there with --resume, or choose another --name"
            )
        path = self._directory / str(step)
        if path.exists():
            raise UserError(f"{path} is in the way and is no checkpoint: move it elsewhere")

    def _check_written(self, meta: Manifest) -> None:
        try:
            if self._meta(meta.step).leaves != meta.leaves:
                raise _DamagedError("other arrays were read than were written")
            self._arrays(meta)
        except _DamagedError as damage:
            if self._writes:
                self._remove(meta.step)
            self._manager.reload()
            raise WorkFailed(f"{self._name(meta.step)} was not written intact: {damage}") from damage

    def _retire(self) -> None:
        metas = list[Manifest]()
        for step in self.steps():
            # A damaged step is left for a person to look at.
            with contextlib.suppress(_DamagedError):
                metas.append(self._meta(step))
        best = min(_scores(metas), default=(math.inf, None))[1]
        for meta in metas[:-1]:
            if meta.step != best and not meta.keep:
                self._remove(meta.step)

    def _remove(self, step: int) -> None:
        """Renames first: a kill then leaves a step whole or gone, never in part."""
        removed = (self._directory / str(step)).rename(self._directory / f".{step}.removed")
        shutil.rmtree(removed)

    def _resolve(self, step: int | str) -> int:
        steps = self.steps()
        if not steps:
            raise UserError(f"run {self._run} holds no checkpoint yet: train it on with --resume")
        if step == "latest":
            return steps[-1]
        if step == "best":
            best = self.best_step()
            if best is None:
                raise UserError(f"run {self._run} measured no validation loss, so none is best: use latest")
            return best
        named = {str(number): number for number in steps}
        if str(step) not in named:
            raise UserError(f"run {self._run} has no checkpoint {step}: it holds {', '.join(named)}")
        return named[str(step)]

    def _scores(self) -> list[tuple[float, int]]:
        metas = []
        for step in self.steps():
            path = self._directory / str(step)
            try:
                metas.append(self._meta(step))
            except _DamagedError as damage:
                if path.exists():
                    advice = f"move {path} elsewhere to go on without it"
                    raise UserError(f"{self._name(step)} is corrupt: {damage}; {advice}") from damage
        return _scores(metas)

    def _meta(self, step: int) -> Manifest:
        try:
            meta = unseal((self._directory / str(step) / "meta" / "metadata").read_bytes())
        except (OSError, ValueError) as error:
            raise _DamagedError(f"its description does not read ({one_line(error)})") from error
        if meta.step != step:
            raise _DamagedError(f"it is a copy of checkpoint {meta.step}")
        return meta

    def _arrays(self, meta: Manifest) -> dict[str, np.ndarray]:
        arrays = {name: np.zeros(leaf.shape, jnp.dtype(leaf.dtype)) for name, leaf in meta.leaves.items()}
        target = {name: array for name, array in arrays.items() if array.size}
        try:
            items = ocp.args.Composite(state=ocp.args.StandardRestore(target))
            with silenced():
                arrays |= self._manager.restore(meta.step, args=items)["state"]
        except Exception as error:
            raise _DamagedError(f"its arrays do not read ({one_line(error)})") from error
        for name, leaf in meta.leaves.items():
            if Leaf.of(arrays[name]) != leaf:
                raise _DamagedError(f"leaf {name} is not what was saved")
        return arrays

    def _refusal(self, step: int, damage: "_DamagedError") -> UserError:
        if not (self._directory / str(step)).exists():
            return UserError(f"{self._name(step)} was just removed by a training of that run: try again")
        good = next((other for other in self.steps()[::-1] if other != step and self._is_good(other)), None)
        advice = "no other is good: restore it from a copy, or train again under another name"
        if good is not None:
            advice = f"the newest good step is {good}: pass --step {good}, or move {step} away to resume"
        return UserError(f"{self._name(step)} is corrupt: {damage}; {advice}")

    def _is_good(self, step: int) -> bool:
        try:
            self._arrays(self._meta(step))
        except _DamagedError:
            return False
        return True

    def _name(self, step: int) -> str:
        return f"checkpoint {step} of run {self._run}"


class _DamagedError(Exception):
    """A step on disk that cannot be trusted."""


def _scores(manifests: Iterable[Manifest]) -> list[tuple[float, int]]:
    return [(manifest.metric, manifest.step) for manifest in manifests if manifest.metric is not None]
