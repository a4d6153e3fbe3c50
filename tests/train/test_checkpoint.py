"""Checkpoints: what is saved comes back to the bit, and what is kept is what was promised."""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp
import pytest
from checkpoint_states import adamw_state, assert_same_bits, small_state
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from rgnn_jax.errors import UserError, WorkFailed
from rgnn_jax.train.checkpoint import Checkpoints

# Reads that Orbax still had under way when another failed complain of a closed event loop.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def test_a_real_optimizer_state_returns_bit_for_bit(checkpoints: Checkpoints, directory: Path):
    state = adamw_state()
    checkpoints.save(3, state, metric=1.5, info={"seconds": 12.5})
    with Checkpoints(directory, read_only=True) as reader:
        restored, meta = reader.restore(jax.eval_shape(adamw_state))
    assert_same_bits(restored, state)
    assert all(isinstance(leaf, np.ndarray) for leaf in jax.tree.leaves(restored))
    assert (meta.step, meta.metric, meta.keep, meta.info) == (3, 1.5, False, {"seconds": 12.5})
    assert meta.leaves["params/cell/kernel"].shape == (8, 12)
    assert meta.versions["jax"] == jax.__version__


def test_a_moving_average_returns_too_and_its_absence_is_noticed(checkpoints: Checkpoints):
    state = adamw_state()
    averaged = state.replace(ema=state.params)
    checkpoints.save(3, averaged)
    assert_same_bits(checkpoints.restore(averaged)[0], averaged)
    with pytest.raises(
        UserError, match=r"another model: leaf ema/cell/bias is float32\[12\] on disk and missing"
    ):
        checkpoints.restore(state)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (
            {"a": np.zeros((4, 5), np.int32)},
            r"leaf a is float32\[4,5\] on disk and int32\[4,5\] in the model",
        ),
        ({"a": np.zeros((4, 5), jnp.bfloat16)}, r"float32\[4,5\] on disk and bfloat16\[4,5\]"),
        ({"a": np.zeros((5, 4), np.float32)}, r"float32\[4,5\] on disk and float32\[5,4\]"),
        ({"a": np.zeros(20, np.float32)}, r"float32\[4,5\] on disk and float32\[20\]"),
        ({"c": np.zeros(1, np.float32)}, r"leaf c is missing on disk and float32\[1\] in the model"),
    ],
)
def test_a_target_of_another_type_shape_or_structure_is_refused(
    checkpoints: Checkpoints, change: dict[str, np.ndarray], complaint: str
):
    checkpoints.save(7, small_state(7))
    with pytest.raises(UserError, match=r"checkpoint 7 of run lstm is of another model: .*" + complaint):
        checkpoints.restore({**small_state(7), **change})


def test_latest_best_and_milestones_are_kept(checkpoints: Checkpoints):
    scores = {10: 3.0, 20: 1.0, 30: 2.0, 40: None, 50: float("nan"), 60: 1.0}
    for step, score in scores.items():
        checkpoints.save(step, small_state(step), metric=score, keep=step == 30)
    assert checkpoints.steps() == [20, 30, 60]
    assert (checkpoints.best_step(), checkpoints.best_metric(), checkpoints.latest_step()) == (20, 1.0, 60)
    for choice, step in {"best": 20, "latest": 60, 30: 30, "30": 30}.items():
        state, meta = checkpoints.restore(small_state(0), choice)
        assert meta.step == step
        assert_same_bits(state, small_state(step))
    checkpoints.save(70, small_state(70), metric=0.5)
    assert checkpoints.steps() == [30, 70]


def test_nothing_to_restore_is_said(checkpoints: Checkpoints):
    assert (checkpoints.latest_step(), checkpoints.best_step(), checkpoints.best_metric()) == (
        None,
        None,
        np.inf,
    )
    with pytest.raises(UserError, match="run lstm holds no checkpoint yet"):
        checkpoints.restore(small_state(0))
    checkpoints.save(1, small_state(1))
    with pytest.raises(UserError, match="measured no validation loss"):
        checkpoints.restore(small_state(0), "best")
    with pytest.raises(UserError, match="has no checkpoint 2: it holds 1"):
        checkpoints.restore(small_state(0), 2)


def test_a_mistyped_run_is_not_created(tmp_path: Path):
    for read_only in (True, False):
        with pytest.raises(UserError, match="there is no run at"):
            Checkpoints(tmp_path / "lstn" / "checkpoints", read_only=read_only)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("step", [5, 4])
def test_a_step_at_or_below_the_latest_is_refused(checkpoints: Checkpoints, step: int):
    checkpoints.save(5, small_state(5))
    with pytest.raises(
        UserError, match=f"checkpoint {step} of run lstm cannot be saved: the run holds 5 already"
    ):
        checkpoints.save(step, small_state(9))
    assert_same_bits(checkpoints.restore(small_state(0))[0], small_state(5))


def test_a_save_that_fails_leaves_the_earlier_step(
    checkpoints: Checkpoints, directory: Path, monkeypatch: pytest.MonkeyPatch
):
    checkpoints.save(5, small_state(5))

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(ocp.CheckpointManager, "save", full)
        with pytest.raises(
            WorkFailed, match=r"checkpoint 6 of run lstm could not be written: .*No space left"
        ):
            checkpoints.save(6, small_state(6))
    assert checkpoints.steps() == [5]
    checkpoints.save(6, small_state(6))
    assert checkpoints.steps() == [6]


def test_a_step_written_wrongly_is_removed_before_it_replaces_a_good_one(
    checkpoints: Checkpoints, monkeypatch: pytest.MonkeyPatch
):
    checkpoints.save(5, small_state(5))
    write = ocp.CheckpointManager.save

    def write_another(self: ocp.CheckpointManager, step: int, args: Any, force: bool) -> Any:
        state = ocp.args.StandardSave(small_state(step + 1))
        return write(self, step, args=ocp.args.Composite(state=state, meta=args.meta), force=force)

    with monkeypatch.context() as patch:
        patch.setattr(ocp.CheckpointManager, "save", write_another)
        with pytest.raises(
            WorkFailed, match=r"checkpoint 6 .*not written intact: leaf a is not what was saved"
        ):
            checkpoints.save(6, small_state(6))
    assert checkpoints.steps() == [5]
    checkpoints.save(6, small_state(6))
    assert_same_bits(checkpoints.restore(small_state(0))[0], small_state(6))


def test_arrays_restored_to_several_devices_survive_the_donation_of_each_other(checkpoints: Checkpoints):
    checkpoints.save(1, {"a": np.arange(64, dtype=np.float32)})
    everywhere = NamedSharding(Mesh(np.array(jax.devices()), "d"), PartitionSpec())
    target = {"a": jax.ShapeDtypeStruct((64,), jnp.float32, sharding=everywhere)}
    once, again = (checkpoints.restore(target)[0]["a"] for _ in range(2))
    assert once.sharding == everywhere
    doubled = jax.jit(lambda a: 2.0 * a, donate_argnums=0)(once)
    doubled.block_until_ready()
    np.testing.assert_array_equal(np.asarray(again), np.arange(64))
    np.testing.assert_array_equal(np.asarray(doubled), 2.0 * np.arange(64))
