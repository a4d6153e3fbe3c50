"""A run's checkpoint directory, opened for writing."""

from pathlib import Path

import pytest

from rgnn_jax.train.checkpoint import Checkpoints


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "lstm" / "checkpoints"


@pytest.fixture
def checkpoints(directory: Path):
    directory.mkdir(parents=True)
    with Checkpoints(directory) as opened:
        yield opened
