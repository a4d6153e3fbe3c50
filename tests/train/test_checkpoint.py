import json
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
import optax
import orbax.checkpoint as ocp
import pytest
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from rgnn_jax.errors import UserError, WorkFailed
from rgnn_jax.train.checkpoint import Checkpoints
from rgnn_jax.train.manifest import Leaf, Manifest, seal, unseal

# Reads that Orbax still had under way when another failed complain of a closed event loop.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@flax.struct.dataclass
class State:
    step: Any
    params: Any
    opt_state: Any
    ema: Any = None


def adamw_state(step: int = 3, seed: int = 0) -> State:
    kernel, bias = jax.random.split(jax.random.key(seed))
    params = {
        "cell": {"kernel": jax.random.normal(kernel, (8, 12)), "bias": jax.random.normal(bias, (12,))},
        "half": jnp.arange(3.0, dtype=jnp.bfloat16),
        "none": jnp.zeros((0, 3)),
    }
    optimizer = optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(1e-3))
    opt_state = optimizer.init(params)
    _, opt_state = optimizer.update(jax.tree.map(jnp.ones_like, params), opt_state, params)
    return State(step=jnp.int32(step), params=params, opt_state=opt_state)


def small_state(value: int) -> dict[str, np.ndarray]:
    return {"a": np.full((4, 5), value, np.float32), "b": np.arange(value, value + 3)}


def assert_same_bits(got: Any, wanted: Any) -> None:
    assert jax.tree.structure(got) == jax.tree.structure(wanted)
    for one, other in zip(jax.tree.leaves(got), jax.tree.leaves(wanted), strict=True):
        one, other = np.asarray(one), np.asarray(other)
        assert (one.dtype, one.shape, one.tobytes()) == (other.dtype, other.shape, other.tobytes())


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "lstm" / "checkpoints"


@pytest.fixture
def checkpoints(directory: Path):
    directory.mkdir(parents=True)
    with Checkpoints(directory) as opened:
        yield opened


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
                assert str(error).endswith("; the newest good step is 200: pass --step 200")
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
    with pytest.raises(UserError, match=r"is corrupt: leaf noise is not what was saved; no other is good"):
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


def test_latest_best_and_milestones_are_kept(checkpoints: Checkpoints):
    scores = {10: 3.0, 20: 1.0, 30: 2.0, 40: None, 50: float("nan"), 60: 1.0}
    for step, score in scores.items():
        checkpoints.save(step, small_state(step), metric=score, keep=step == 30)
    assert checkpoints.steps() == [20, 30, 60]
    assert (checkpoints.best_step(), checkpoints.best_metric(), checkpoints.latest_step()) == (20, 1.0, 60)
    for choice, step in {"best": 20, "latest": 60, None: 60, 30: 30, "30": 30}.items():
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


def test_best_is_not_guessed_where_a_description_is_damaged(checkpoints: Checkpoints, directory: Path):
    checkpoints.save(1, small_state(1), metric=1.0, keep=True)
    checkpoints.save(2, small_state(2), metric=2.0)
    (directory / "1" / "meta" / "metadata").write_text("{}")
    with pytest.raises(UserError, match=r"checkpoint 1 of run lstm is corrupt: .*move .*/1 elsewhere"):
        checkpoints.restore(small_state(0), "best")
    checkpoints.save(3, small_state(3), metric=3.0)
    assert checkpoints.steps() == [1, 2, 3]


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


def test_training_goes_on_from_an_earlier_step_and_sets_the_later_aside(
    checkpoints: Checkpoints, directory: Path
):
    for _ in range(2):
        for step in (5, 6, 7):
            if step not in checkpoints.steps():
                checkpoints.save(step, small_state(step), keep=True)
        checkpoints.rewind(5)
        assert checkpoints.steps() == [5]
    assert sorted(path.name for path in directory.iterdir()) == [
        "5", "6.abandoned-1", "6.abandoned-2", "7.abandoned-1", "7.abandoned-2",
    ]  # fmt: skip
    checkpoints.save(6, small_state(16))
    assert_same_bits(checkpoints.restore(small_state(0))[0], small_state(16))


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


SAVE_SHARDED = """
import sys
from pathlib import Path
import jax, numpy as np
jax.config.update("jax_num_cpu_devices", 8)
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from rgnn_jax.train.checkpoint import Checkpoints
mesh = Mesh(np.array(jax.devices()), "d")
host = np.arange(32, dtype=np.float32).reshape(8, 4)
state = {
    "everywhere": jax.device_put(host, NamedSharding(mesh, PartitionSpec())),
    "shared": jax.device_put(host, NamedSharding(mesh, PartitionSpec("d"))),
}
with Checkpoints(Path(sys.argv[1])) as checkpoints:
    checkpoints.save(1, state)
"""


def run_python(code: str, *arguments: str) -> None:
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


def test_eight_devices_save_and_one_or_two_restore(directory: Path):
    directory.mkdir(parents=True)
    run_python(SAVE_SHARDED, str(directory))
    host = np.arange(32, dtype=np.float32).reshape(8, 4)
    wanted = {"everywhere": host, "shared": host}
    shared = NamedSharding(Mesh(np.array(jax.devices()), "d"), PartitionSpec("d"))
    one = jax.sharding.SingleDeviceSharding(jax.devices()[0])
    with Checkpoints(directory, read_only=True) as reader:
        for sharding in (None, one, shared):
            target = jax.tree.map(
                lambda a, s=sharding: jax.ShapeDtypeStruct(a.shape, a.dtype, sharding=s), wanted
            )
            restored, _ = reader.restore(target)
            assert_same_bits(restored, wanted)
            assert all(getattr(leaf, "sharding", None) == sharding for leaf in restored.values())


@pytest.fixture
def unused_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


TWO_PROCESSES = """
import sys
from pathlib import Path
import jax, numpy as np
process, port, directory = int(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
jax.distributed.initialize("127.0.0.1:" + port, 2, process)
from jax.experimental import multihost_utils
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from rgnn_jax.errors import UserError
from rgnn_jax.train.checkpoint import Checkpoints
from rgnn_jax.train.run import RunDirectory
mesh = Mesh(np.array(jax.devices()), "d")
host = np.arange(32, dtype=np.float32).reshape(8, 4)
spread = {"everywhere": PartitionSpec(), "shared": PartitionSpec("d")}
make = lambda spec: jax.make_array_from_callback(host.shape, NamedSharding(mesh, spec), lambda i: host[i])
state = {name: make(spec) for name, spec in spread.items()}
target = {n: jax.ShapeDtypeStruct(a.shape, a.dtype, sharding=a.sharding) for n, a in state.items()}
with RunDirectory(directory.parent).lock(), Checkpoints(directory) as checkpoints:
    for step in (1, 2, 3):
        checkpoints.save(step, state, metric=1.0 / step, info={"seconds": 1.0 + process})
    multihost_utils.sync_global_devices("saved")
    assert checkpoints.steps() == [3], checkpoints.steps()
    restored, meta = checkpoints.restore(target, "best")
    assert meta.info == {"seconds": 1.0}
    for name, array in restored.items():
        assert array.sharding == state[name].sharding
        for shard in array.addressable_shards:
            np.testing.assert_array_equal(np.asarray(shard.data), host[shard.index])
    checkpoints.save(4, state)
    checkpoints.rewind(3)
    checkpoints.save(4, state)
"""


def test_two_processes_save_once_and_both_restore(directory: Path, unused_port: int):
    directory.mkdir(parents=True)
    arguments = (str(unused_port), str(directory))
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", TWO_PROCESSES, str(process), *arguments], stderr=subprocess.PIPE
        )
        for process in range(2)
    ]
    try:
        errors = [worker.communicate(timeout=120)[1] for worker in workers]
    finally:
        for worker in workers:
            worker.kill()
    assert [worker.returncode for worker in workers] == [0, 0], b"\n".join(errors).decode()
    host = np.arange(32, dtype=np.float32).reshape(8, 4)
    with Checkpoints(directory, read_only=True) as reader:
        assert reader.steps() == [3, 4]
        assert_same_bits(
            reader.restore({"everywhere": host, "shared": host})[0], {"everywhere": host, "shared": host}
        )


SAVE_FOREVER = """
import itertools, sys
from pathlib import Path
import numpy as np
from rgnn_jax.train.checkpoint import Checkpoints
with Checkpoints(Path(sys.argv[1])) as checkpoints:
    for step in itertools.count(1):
        checkpoints.save(step, {"a": np.full((4, 5), step, np.float32)}, metric=1.0 / step)
        print(step, flush=True)
"""


def test_a_kill_at_any_instant_leaves_the_last_step_that_was_saved(tmp_path: Path):
    delays = np.random.default_rng(0).uniform(0.0, 0.5, 3)
    directories = [tmp_path / str(n) / "checkpoints" for n in range(len(delays))]
    for directory in directories:
        directory.mkdir(parents=True)
    trainings = [
        subprocess.Popen(
            [sys.executable, "-c", SAVE_FOREVER, str(directory)], stdout=subprocess.PIPE, text=True
        )
        for directory in directories
    ]
    for training, directory, delay in zip(trainings, directories, delays, strict=True):
        with training:
            try:
                assert training.stdout is not None
                said = [training.stdout.readline()]
                time.sleep(delay)
            finally:
                training.kill()
            said += training.stdout.readlines()
        told = max(int(line) for line in said if line.endswith("\n"))
        with Checkpoints(directory) as checkpoints:
            state, meta = checkpoints.restore({"a": np.zeros((4, 5), np.float32)})
            assert meta.step in (told, told + 1)
            np.testing.assert_array_equal(state["a"], np.full((4, 5), meta.step, np.float32))
            checkpoints.save(meta.step + 1, state, metric=0.0)
            assert checkpoints.steps() == [meta.step + 1]
        assert len(list(directory.iterdir())) == 1


def test_an_unsealed_manifest_is_exactly_what_was_sealed():
    leaf = Leaf.of(np.arange(3.0))
    manifest = Manifest(
        step=1, metric=0.1 + 0.2, keep=True, info={"b": [1, 2.5, "ü"], "a": None}, leaves={"x": leaf}
    )
    sealed = seal(manifest)
    assert unseal(json.dumps(sealed).encode()) == manifest
    sealed["manifest"]["metric"] = 0.3
    with pytest.raises(ValueError, match="digest does not match"):
        unseal(json.dumps(sealed).encode())


def test_a_digest_depends_on_type_shape_and_every_byte():
    array = np.arange(6, dtype=np.float32)
    others = [array.view(np.int32), array.reshape(2, 3), array.reshape(3, 2), array[::-1], -array, array + 0]
    digests = [Leaf.of(other).sha256 for other in others]
    assert len(set(digests)) == len(others)
    assert Leaf.of(array).sha256 == digests[-1]
    assert Leaf.of(np.zeros(2, np.float32)) != Leaf.of(-np.zeros(2, np.float32))
