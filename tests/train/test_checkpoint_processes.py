import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import jax
import numpy as np
import pytest
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from rgnn_jax.train.checkpoint import Checkpoints

HOST = np.arange(32, dtype=np.float32).reshape(8, 4)
WANTED = {"everywhere": HOST, "shared": HOST}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    path = tmp_path / "lstm" / "checkpoints"
    path.mkdir(parents=True)
    return path


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
    run_python(SAVE_SHARDED, str(directory))
    shared = NamedSharding(Mesh(np.array(jax.devices()), "d"), PartitionSpec("d"))
    one = jax.sharding.SingleDeviceSharding(jax.devices()[0])
    with Checkpoints(directory, read_only=True) as reader:
        for sharding in (None, one, shared):
            leaf = jax.ShapeDtypeStruct(HOST.shape, HOST.dtype, sharding=sharding)
            target = dict.fromkeys(WANTED, leaf)
            restored, _ = reader.restore(target)
            jax.tree.map(np.testing.assert_array_equal, restored, WANTED)
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
"""


def test_two_processes_save_once_and_both_restore(directory: Path, unused_port: int):
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
    with Checkpoints(directory, read_only=True) as reader:
        assert reader.steps() == [3, 4]
        jax.tree.map(np.testing.assert_array_equal, reader.restore(WANTED)[0], WANTED)


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


@pytest.fixture
def at_end() -> Iterator[contextlib.ExitStack]:
    """What is to be done though the test fails."""
    with contextlib.ExitStack() as stack:
        yield stack


def test_a_kill_at_any_instant_leaves_the_last_step_that_was_saved(tmp_path: Path, at_end):
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
    for training in trainings:
        at_end.callback(training.kill)
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
