"""On what and with what a page was made, as the operating system and the installed packages say it."""

import datetime
import importlib.metadata
import os
import platform
from pathlib import Path

import jax

_PACKAGES = ("rgnn-jax", "jax", "flax", "optax", "numpy")


def versions() -> dict[str, str]:
    """Python's version and those of the packages that the numbers depend on."""
    found = {"Python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:  # run from a source tree that is not installed
            continue
    return found


def hardware() -> str:
    """The devices that JAX computes on, such as `1 x NVIDIA H100`, or `2 cores of AMD EPYC 7B12`."""
    devices = jax.devices()
    if devices[0].platform != "cpu":
        return f"{len(devices)} x {devices[0].device_kind}"
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return f"{cores} {'core' if cores == 1 else 'cores'} of {_cpu_model()}"


def today() -> str:
    """The date in UTC, as 2025-01-31."""
    return datetime.datetime.now(datetime.UTC).date().isoformat()


def _cpu_model() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8", errors="replace").splitlines() if info.is_file() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()
