"""What a measurement is kept with (hardware, versions, date, commit), and how its rows are shown."""

import datetime
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
_BUSY = 0.2
"""Cores that other work may keep busy before it is said."""

_PACKAGES = ("rgnn-jax", "jax", "jaxlib", "flax", "optax", "numpy", "torch")

Row = dict[str, Any]


class Column(NamedTuple):
    """A row's entry, its heading, and the format of its values."""

    key: str
    heading: str
    format: str = "{}"


def write(name: str, rows: Sequence[Row], settings: dict[str, Any], folder: Path = RESULTS) -> Path:
    """Keeps rows with everything that a reader needs to judge them, as `name`.json."""
    measurement = {
        "benchmark": name,
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": commit(),
        "hardware": hardware(),
        "versions": versions(),
        "settings": settings,
        "rows": list(rows),
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    path.write_text(json.dumps(measurement, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def read(name: str, folder: Path = RESULTS) -> dict[str, Any] | None:
    """What `write` kept, or None where nobody measured."""
    path = folder / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def hardware() -> dict[str, Any]:
    """The machine as its operating system reports it."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "cpu": _cpu_model(),
        "cores": cores,
        "memory_gib": round(memory / 2**30, 1),
        "accelerator": _output("nvidia-smi", "--query-gpu=name", "--format=csv,noheader") or "none",
        "system": f"{platform.system()} {platform.machine()}",
    }


def versions() -> dict[str, str]:
    """Python's version and those of the packages that matter, as far as they are installed."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def commit() -> str:
    """The commit that was measured, marked where tracked files differ from it."""
    described = _output("git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=10")
    return described or "unknown"


def busy_cores() -> float:
    """Cores that other work keeps busy during one second; warns where that is enough to spoil a measurement.

    Threads that wait for each other suffer most from it, PyTorch's above all. Without Linux's counters it is
    the load average, which remembers the minute before.
    """
    counters = Path("/proc/stat")
    if counters.exists():
        before = _core_seconds(counters)
        time.sleep(1.0)
        busy = _core_seconds(counters) - before
    else:
        busy = os.getloadavg()[0]
    if busy > _BUSY:
        message = f"other work keeps {busy:.1f} cores busy: ratios measured now mean little"
        print(message, file=sys.stderr)
    return round(busy, 2)


def _core_seconds(counters: Path) -> float:
    """Seconds that all cores together have worked since the system started: all but idle and waiting."""
    user, nice, system, _, _, irq, softirq, steal, *_ = map(int, counters.read_text().split()[1:11])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def where(measurement: dict[str, Any]) -> str:
    """One line on the circumstances of a measurement."""
    machine, found = measurement["hardware"], measurement["versions"]
    names = {"python": "Python", "jax": "JAX", "flax": "Flax", "torch": "PyTorch"}
    packages = ", ".join(f"{label} {found[name]}" for name, label in names.items() if name in found)
    accelerator = "" if machine["accelerator"] == "none" else f", {machine['accelerator']}"
    busy = measurement["settings"].get("busy_cores_before", 0.0)
    load = f", other work on {busy:.1f} of them" if busy > _BUSY else ""
    return f"{machine['cpu']}, {machine['cores']} cores{load}{accelerator}; {packages}; {measurement['date']}"


def cells(rows: Sequence[Row], columns: Sequence[Column]) -> list[list[str]]:
    """Headings, and under them the formatted values; a dash for what was not measured."""
    table = [[column.heading for column in columns]]
    for row in rows:
        values = [(row.get(column.key), column.format) for column in columns]
        table.append(["-" if value is None else shape.format(value) for value, shape in values])
    return table


def plain(rows: Sequence[Row], columns: Sequence[Column]) -> str:
    """The rows as aligned text."""
    table = cells(rows, columns)
    widths = [max(len(line[i]) for line in table) for i in range(len(columns))]
    padded = [[cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in table]
    return "\n".join("  ".join(line).rstrip() for line in padded)


def markdown(rows: Sequence[Row], columns: Sequence[Column]) -> str:
    """The rows as a Markdown table."""
    head, *body = cells(rows, columns)
    return "\n".join("| " + " | ".join(line) + " |" for line in [head, ["---"] * len(columns), *body])


def _cpu_model() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return _output("sysctl", "-n", "machdep.cpu.brand_string") or platform.processor() or platform.machine()


def _output(*command: str) -> str:
    """What a command prints, or nothing where it is missing or fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
