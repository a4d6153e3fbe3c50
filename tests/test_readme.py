"""The README's figures are those that were measured."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
SCRIPT = ROOT / "benchmarks" / "update_readme.py"
EMPTY = "# Title\n\n<!-- benchmarks -->\n<!-- /benchmarks -->\n\nThe end.\n"
ROW = """{"benchmark": "startup", "date": "2026-01-02 03:04 UTC", "settings": {},
 "hardware": {"cpu": "A CPU", "cores": 2, "accelerator": "none"},
 "versions": {"python": "3.11.0", "jax": "0.1"},
 "rows": [{"label": "rgnn --help", "seconds": 0.256, "spread": "0.2 - 0.3", "goal": 1.0}]}"""


def update(readme: Path, results: Path, *options: str) -> subprocess.CompletedProcess:
    command = [sys.executable, str(SCRIPT), "--readme", str(readme), "--results", str(results), *options]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def readme(tmp_path: Path) -> Path:
    path = tmp_path / "README.md"
    path.write_text(EMPTY)
    (tmp_path / "startup.json").write_text(ROW)
    return path


def test_readme_agrees_with_the_kept_measurements() -> None:
    done = update(README, ROOT / "benchmarks" / "results", "--check")
    assert done.returncode == 0, done.stderr


def test_tables_come_from_the_measurements(readme: Path) -> None:
    assert update(readme, readme.parent).returncode == 0
    text = readme.read_text()
    assert "| rgnn --help | 0.26 | 0.2 - 0.3 | 1 | - |" in text
    assert "Measured on A CPU, 2 cores; Python 3.11.0, JAX 0.1; 2026-01-02 03:04 UTC." in text
    assert text.count("Not measured yet.") == 12
    assert text.startswith("# Title\n\n<!-- benchmarks -->\n")
    assert text.endswith("<!-- /benchmarks -->\n\nThe end.\n")


def test_check_notices_a_figure_that_was_changed(readme: Path) -> None:
    update(readme, readme.parent)
    assert update(readme, readme.parent, "--check").returncode == 0
    readme.write_text(readme.read_text().replace("0.26", "0.25"))
    done = update(readme, readme.parent, "--check")
    assert done.returncode == 1
    assert "update_readme.py" in done.stderr
    assert "0.25" in readme.read_text()


def test_missing_markers_are_named(readme: Path) -> None:
    readme.write_text("# Title\n")
    done = update(readme, readme.parent, "--check")
    assert done.returncode == 2
    assert "<!-- benchmarks -->" in done.stderr
