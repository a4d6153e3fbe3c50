"""Damaged checkpoints: each is refused by name, and none is restored silently."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from checkpoint_states import adamw_state, assert_same_bits, small_state

from rgnn_jax.errors import UserError
from rgnn_jax.train.checkpoint import Checkpoints


def flip(path: Path, offset: int, bit: int) -> None:
    data = bytearray(path.read_bytes())
    data[offset] ^= 1 << bit
    path.write_bytes(data)


def test_no_flipped_bit_changes_what_is_restored(checkpoints: Checkpoints, directory: Path):
    state = adamw_state()
    checkpoints.save(200, state, metric=1.0)
    checkpoints.save(300, state, metric=2.0)
    random = np.random.default_rng(0)
    refused = dict[str, int]()
    for path in sorted(path for path in (directory / "300").rglob("*") if path.is_file()):
        good = path.read_bytes()
        kind = "data" if path.parent.name == "d" else path.name
        for offset in random.integers(0, len(good), 3):
            flip(path, int(offset), int(random.integers(0, 8)))
            try:
                assert_same_bits(checkpoints.restore(state)[0], state)
            except UserError as error:
                assert str(error).startswith("checkpoint 300 of run lstm is corrupt: ")
                assert str(error).endswith("is 200: pass --step 200, or move 300 away to resume")
                refused[kind] = refused.get(kind, 0) + 1
            path.write_bytes(good)
    assert refused["metadata"] == 3
    # Orbax leaves files behind that it does not read; a flip there is harmless.
    assert refused.keys() >= {"data", "manifest.ocdbt"}
    assert_same_bits(checkpoints.restore(state, 200)[0], state)


def test_a_flip_in_an_array_names_the_leaf(checkpoints: Checkpoints, directory: Path):
    # Noise is stored uncompressed, so the flip is in the array's own bytes and no decoder objects.
    state = {"noise": np.random.default_rng(0).integers(0, 256, 5000, dtype=np.uint8)}
    checkpoints.save(1, state)
    largest = max(
        (path for path in directory.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size
    )
    flip(largest, largest.stat().st_size // 2, 3)
    with pytest.raises(
        UserError, match=r"is corrupt: leaf noise is not what was saved; no other is good: restore"
    ):
        checkpoints.restore(state)


@pytest.mark.parametrize("size", [0, 1, 100])
def test_truncated_files_are_refused(checkpoints: Checkpoints, directory: Path, size: int):
    state = small_state(5)
    checkpoints.save(5, state, keep=True)
    checkpoints.save(6, state, keep=True)
    for path in (directory / "6" / "meta" / "metadata", directory / "6" / "state" / "manifest.ocdbt"):
        good = path.read_bytes()
        path.write_bytes(good[:size])
        with pytest.raises(UserError, match=r"checkpoint 6 of run lstm is corrupt: .*pass --step 5"):
            checkpoints.restore(state)
        path.unlink()
        with pytest.raises(UserError, match=r"checkpoint 6 of run lstm is corrupt: .*pass --step 5"):
            checkpoints.restore(state)
        path.write_bytes(good)
    assert_same_bits(checkpoints.restore(state)[0], state)


def test_a_step_of_which_parts_are_gone_stays_the_latest_and_is_refused(
    checkpoints: Checkpoints, directory: Path
):
    state = small_state(5)
    checkpoints.save(5, state, keep=True)
    checkpoints.save(6, state)
    shutil.rmtree(directory / "6" / "state")
    assert checkpoints.steps() == [5, 6]
    with pytest.raises(UserError, match=r"checkpoint 6 of run lstm is corrupt: .*pass --step 5"):
        checkpoints.restore(state)


def test_the_arrays_of_another_step_are_refused(checkpoints: Checkpoints, directory: Path):
    checkpoints.save(5, small_state(5), keep=True)
    checkpoints.save(6, small_state(6), keep=True)
    shutil.copytree(directory / "5", directory / "9")
    with pytest.raises(UserError, match=r"checkpoint 9 .*it is a copy of checkpoint 5; .*pass --step 6"):
        checkpoints.restore(small_state(5))
    shutil.rmtree(directory / "9")
    shutil.rmtree(directory / "6" / "state")
    shutil.copytree(directory / "5" / "state", directory / "6" / "state")
    with pytest.raises(UserError, match=r"checkpoint 6 .*leaf a is not what was saved; .*pass --step 5"):
        checkpoints.restore(small_state(5))


def test_foreign_entries_are_no_steps(checkpoints: Checkpoints, directory: Path):
    checkpoints.save(5, small_state(5))
    for name in ("999", "notes", "0007", "6.orbax-checkpoint-tmp", "5.abandoned-1", "٣"):
        (directory / name).mkdir()
    (directory / "8").write_text("a file")
    assert (checkpoints.steps(), checkpoints.latest_step()) == ([5], 5)
    with Checkpoints(directory, read_only=True) as reader:
        assert reader.restore(small_state(5))[1].step == 5
        with pytest.raises(UserError, match="run lstm has no checkpoint 999: it holds 5"):
            reader.restore(small_state(5), 999)
    checkpoints.save(6, small_state(6))
    for taken in (8, 999):
        with pytest.raises(UserError, match=f"{taken} is in the way and is no checkpoint"):
            checkpoints.save(taken, small_state(8))
    assert (directory / "8").read_text() == "a file"
    assert checkpoints.steps() == [6]


def test_half_written_and_half_removed_steps_are_swept_when_a_training_opens_the_run(
    checkpoints: Checkpoints, directory: Path
):
    checkpoints.save(5, small_state(5))
    (directory / "6.orbax-checkpoint-tmp" / "state").mkdir(parents=True)
    (directory / ".4.removed" / "state").mkdir(parents=True)
    with Checkpoints(directory, read_only=True) as reader:
        assert reader.steps() == [5]
    assert len(list(directory.iterdir())) == 3
    with Checkpoints(directory) as writer:
        writer.save(6, small_state(6))
    assert [path.name for path in directory.iterdir()] == ["6"]


def test_best_is_not_guessed_where_a_description_is_damaged(checkpoints: Checkpoints, directory: Path):
    checkpoints.save(1, small_state(1), metric=1.0, keep=True)
    checkpoints.save(2, small_state(2), metric=2.0)
    (directory / "1" / "meta" / "metadata").write_text("{}")
    with pytest.raises(UserError, match=r"checkpoint 1 of run lstm is corrupt: .*move .*/1 elsewhere"):
        checkpoints.restore(small_state(0), "best")
    checkpoints.save(3, small_state(3), metric=3.0)
    assert checkpoints.steps() == [1, 2, 3]
