"""One device and many take the same step."""

import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from rgnn_jax.errors import UserError
from rgnn_jax.train.devices import cpu_devices_for, micro_batches_for

PROGRAM = Path(__file__).with_name("parallel_program.py")


def launch(out: Path, *arguments: object) -> subprocess.Popen:
    # Virtual CPU devices can deadlock; the hard limit keeps the suite from hanging with them.
    command = ["timeout", "-s", "KILL", "240", sys.executable, str(PROGRAM), str(out), *map(str, arguments)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen) -> None:
    _, errors = process.communicate()
    assert process.returncode == 0, errors[-2000:]


@pytest.fixture(scope="module")
def one_device(tmp_path_factory: pytest.TempPathFactory) -> dict[str, np.ndarray]:
    out = tmp_path_factory.mktemp("one") / "state.npz"
    finish(launch(out, "jit", 1))
    return dict(np.load(out))


@pytest.mark.parametrize(("parallel", "devices"), [("jit", 2), ("jit", 8), ("pmap", 2), ("pmap", 8)])
def test_many_devices_give_the_parameters_of_one(one_device, parallel, devices, tmp_path):
    out = tmp_path / "state.npz"
    finish(launch(out, parallel, devices))
    many = np.load(out)
    assert set(many) == set(one_device)
    for name, expected in one_device.items():
        np.testing.assert_allclose(many[name], expected, rtol=1e-5, atol=1e-5)


def test_two_processes_give_the_parameters_of_one(one_device, tmp_path):
    out = tmp_path / "state.npz"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for process in [launch(out, "jit", 2, 2, index, port) for index in range(2)]:
        finish(process)
    both = np.load(out)
    for name, expected in one_device.items():
        np.testing.assert_allclose(both[name], expected, rtol=1e-5, atol=1e-5)


def test_micro_batches_are_shared_evenly():
    assert micro_batches_for(32, 0, 2) == 2
    assert micro_batches_for(32, 8, 2) == 8
    assert micro_batches_for(12, 3, 2) == 6
    with pytest.raises(UserError, match="use a multiple of 8"):
        micro_batches_for(12, 0, 8)


def test_a_small_batch_stays_on_one_device(monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: set(range(8)), raising=False)
    assert cpu_devices_for(1) == 1
    assert cpu_devices_for(12) == 2
    assert cpu_devices_for(64) == 8
