"""Which devices a run uses, and the three ways to compile the same update for them."""

import contextlib
import math
import os
import warnings
from pathlib import Path
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, NamedSharding, PartitionSpec
from jaxtyping import Array, PyTree

from rgnn_jax.errors import UserError
from rgnn_jax.train.state import TrainState
from rgnn_jax.train.step import Clock, StepResult, Training

Parallel = Literal["auto", "jit", "pmap"]
_AXIS = "devices"


def set_up(cpu_devices: int, *, distributed: bool = False) -> None:
    """Prepares JAX before its first use: virtual CPU devices, compilation cache, processes.

    Args:
        cpu_devices: virtual devices to split this machine's CPU into; no effect on a GPU or TPU.
        distributed: join the other processes of the run (`jax.distributed`), found from the cluster's
            environment or from JAX_COORDINATOR_ADDRESS, JAX_NUM_PROCESSES and JAX_PROCESS_ID.
    """
    if not jax.config.values["jax_compilation_cache_dir"]:
        home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        jax.config.update("jax_compilation_cache_dir", str(Path(home) / "rgnn_jax" / "xla"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    # JAX writes entries in place, and never again one that a kill cut short: such a program is compiled anew.
    warnings.filterwarnings("ignore", "Error reading persistent compilation cache entry")
    # In a process where JAX is awake already, as in a notebook, it keeps the devices that it has.
    with contextlib.suppress(RuntimeError):
        jax.config.update("jax_num_cpu_devices", cpu_devices)
    if distributed:
        _join()


def _join() -> None:
    names = ("JAX_COORDINATOR_ADDRESS", "JAX_NUM_PROCESSES", "JAX_PROCESS_ID")
    values = [os.environ.get(name) for name in names]
    missing = [name for name, value in zip(names, values, strict=True) if not value]
    if missing and any(values):
        raise UserError(f"distributed: {', '.join(missing)} not set; set all of {', '.join(names)}, or none")
    try:
        if missing:
            jax.distributed.initialize()
        else:
            jax.distributed.initialize(values[0], int(str(values[1])), int(str(values[2])))
    except ValueError as error:
        raise UserError(
            f"distributed: no other processes can be found ({error}); "
            f"start it on a cluster, or set {', '.join(names)}"
        ) from None


def cpu_devices_for(batch_size: int, least: int = 4) -> int:
    """How many virtual CPU devices pay: one a core, while each still gets `least` examples a step."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    devices = 1
    while devices * 2 <= cores and batch_size % (devices * 2) == 0 and batch_size // (devices * 2) >= least:
        devices *= 2
    return devices


def micro_batches_for(batch_size: int, wanted: int, devices: int) -> int:
    """Micro-batches of a step: at least one a device, and an equal number on each.

    Raises:
        UserError: where the batch cannot be shared evenly.
    """
    count = math.lcm(max(wanted, 1), devices)
    if batch_size % count:
        raise UserError(
            f"training.batch_size {batch_size} cannot be shared by {devices} devices "
            f"in {count} micro-batches; use a multiple of {count}"
        )
    return count


class Compiled:
    """The update compiled for a set of devices; owns where the state and the data live.

    `jit` shards the micro-batches over a named mesh of all devices of all hosts (`jax.shard_map`), and
    `pmap` is the same update in the classic spelling, on one host. On one device `jit` is plain `jax.jit`.
    """

    def __init__(self, training: Training, parallel: Parallel, devices: list[jax.Device]) -> None:
        if parallel == "pmap" and jax.process_count() > 1:
            raise UserError("--parallel pmap runs on one host; use --parallel jit with several processes")
        self.training = training
        self.pmap = parallel == "pmap"
        self.mesh = jax.make_mesh((len(devices),), (_AXIS,), axis_types=(AxisType.Auto,), devices=devices)
        self.replicated = NamedSharding(self.mesh, PartitionSpec())
        axis = _AXIS if self.pmap or len(devices) > 1 else None

        def run(state: PyTree, data: PyTree, seed: Array, count: Array, clock: Clock) -> PyTree:
            return training.run(state, data, seed, count, clock, axis)

        if self.pmap:
            self._run = jax.pmap(
                run, _AXIS, in_axes=(0, 0, None, None, None), donate_argnums=0, devices=devices
            )
        elif axis is None:
            self._run = jax.jit(run, donate_argnums=0)
        else:
            spec = PartitionSpec()
            shared = jax.shard_map(run, mesh=self.mesh, in_specs=spec, out_specs=spec, check_vma=False)
            self._run = jax.jit(shared, donate_argnums=0)

    def init(self, seed: int) -> TrainState:
        """Fresh state in its place."""
        # A host copy of an array whose memory did not suffice would wait for ever; this raises.
        return self.place(jax.block_until_ready(jax.jit(self.training.init)(np.uint32(seed))))

    def place(self, tree: PyTree) -> PyTree:
        """Copies host arrays (or one device's) to every device; the source is never aliased."""
        host = jax.tree.map(np.asarray, tree)
        if self.pmap:
            count = self.mesh.size
            return jax.tree.map(lambda a: jnp.broadcast_to(a[None], (count, *a.shape)), host)
        if jax.process_count() > 1:
            return jax.tree.map(
                lambda a: jax.make_array_from_process_local_data(self.replicated, a, a.shape), host
            )
        return jax.tree.map(lambda a: jnp.array(jax.device_put(a, self.replicated), copy=True), host)

    def fetch(self, tree: PyTree) -> PyTree:
        """One copy of what `place` or `run` spread, as arrays of this process's first device."""
        if self.pmap:
            return jax.tree.map(lambda a: a[0], tree)
        return jax.tree.map(lambda a: a.addressable_data(0), tree)

    def run(
        self, state: TrainState, data: PyTree, seed: int, count: int, clock: Clock
    ) -> tuple[TrainState, StepResult]:
        """Takes `count` steps and waits for them: unsynchronised calls deadlock on virtual CPU devices."""
        state, result = self._run(state, data, np.uint32(seed), np.int32(count), clock)
        return state, jax.device_get(self.fetch(result))
