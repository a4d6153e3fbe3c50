"""`rgnn train --distributed`, from the command to the result."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
CONFIG = str(ROOT / "configs" / "lstm_chapter.toml")
TINY = [
    "--model.layers=1", "--model.width=8", "--data.window=16", "--training.batch-size=4",
    "--training.micro-batches=2", "--training.evaluate-every=0", "--quiet", "--json",
]  # fmt: skip


def train(command: list[str], ckpt_dir: Path, *options: str) -> float:
    """The held-out loss that the first process reports."""
    # Virtual CPU devices can deadlock; the hard limit keeps the suite from hanging with them.
    limited = ["timeout", "-s", "TERM", "-k", "10", "120", *command, CONFIG, *TINY]
    done = subprocess.run(
        [*limited, "--ckpt-dir", str(ckpt_dir), *options], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return next(json.loads(line)["loss"] for line in done.stdout.splitlines() if line.startswith("{"))


@pytest.mark.slow
def test_two_processes_stopped_and_resumed_give_the_loss_of_one(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:/usr/bin:/bin")
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")
    alone = train(["rgnn", "train"], tmp_path / "one", "--training.steps=12", "--training.devices=1")
    script = ["bash", str(ROOT / "scripts" / "train_multihost.sh"), "2"]
    train(script, tmp_path / "two", "--training.steps=6")
    together = train(script, tmp_path / "two", "--training.steps=12", "--resume")
    np.testing.assert_allclose(together, alone, rtol=1e-5)
