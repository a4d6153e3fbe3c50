"""Imports go down only, and the training path stays free of what it does not need."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import rgnn_jax

PACKAGE = Path(rgnn_jax.__file__).parent

# Lowest first; a module may import from its own room and from rooms on lower floors.
FLOORS = [
    ["errors", "fields", "contracts", "typography", "muon", "in_batches", "__init__"],
    ["losses", "nn", "datasets", "sampling.rules", "optimizer"],
    ["models", "sampling", "evaluate", "figures"],
    ["config"],
    ["tasks"],
    ["train"],
    ["experiments"],
    ["commands"],
    ["cli"],
    ["__main__"],
]


def room_of(module: str) -> str:
    inside = module.removeprefix("rgnn_jax").lstrip(".") or "__init__"
    rooms = [room for floor in FLOORS for room in floor if inside == room or inside.startswith(room + ".")]
    assert rooms, f"{module} has no room: give it one in FLOORS"
    return max(rooms, key=len)


def floor_of(room: str) -> int:
    return next(i for i, floor in enumerate(FLOORS) if room in floor)


def modules() -> list[tuple[str, Path]]:
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        parts = parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts
        found.append((".".join(("rgnn_jax", *parts)), path))
    return found


@pytest.mark.parametrize(
    ("module", "path"), modules(), ids=lambda value: str(value) if "." in str(value) else ""
)
def test_imports_go_down_only(module, path):
    room = room_of(module)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        for name in names:
            if name.startswith("rgnn_jax"):
                other = room_of(name)
                allowed = other == room or floor_of(other) < floor_of(room)
                assert allowed, f"{module} imports {name}, which does not lie below it"


HEAVY = ("tensorflow", "matplotlib", "sklearn", "torch", "jinja2", "tensorflow_datasets", "grain")


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("rgnn_jax", ("jax", "numpy", *HEAVY)),
        ("rgnn_jax.cli", ("jax", "numpy", "flax", "orbax", "rich", *HEAVY)),
        ("rgnn_jax.train.session", HEAVY),
    ],
)
def test_nothing_heavy_is_imported_unasked(module, absent):
    program = f"import sys, {module}; print(*[name for name in {absent!r} if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.split() == []


def test_every_public_name_is_where_the_package_says():
    for name in dir(rgnn_jax):
        assert getattr(rgnn_jax, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = rgnn_jax.nothing
