"""Test set-up: two virtual CPU devices, strict numerics, shapes checked at run time, a warm compile cache."""

import os
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

os.environ.setdefault("JAX_PLATFORMS", "cpu")
# Programs of tests are so small that to compile them well takes longer than to run them; XLA's older
# emitters, which there are before jaxlib 0.11, compile twice as fast. The slow suite runs what users run.
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "true")
if tuple(map(int, version("jaxlib").split(".")[:2])) < (0, 11):
    os.environ.setdefault("XLA_FLAGS", "--xla_cpu_use_fusion_emitters=false")

import jax
import numpy as np
import pytest
from jaxtyping import install_import_hook

jax.config.update("jax_num_cpu_devices", 2)
jax.config.update("jax_numpy_rank_promotion", "raise")
CACHE = os.environ.get("RGNN_TEST_CACHE", str(Path.home() / ".cache/rgnn_jax/tests"))
jax.config.update("jax_compilation_cache_dir", CACHE)
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)

install_import_hook("rgnn_jax", "beartype.beartype")


@pytest.fixture(autouse=True, scope="module")
def programs_are_let_go() -> Iterator[None]:
    """Those of a module, at its end: thousands of them would fill a laptop's memory."""
    yield
    jax.clear_caches()


@pytest.fixture
def rng() -> np.random.Generator:
    """Draws that no other test has part in."""
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def ckpt_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the run `tiny`: five steps of an LSTM; for reading only."""
    from small_runs import LSTM, TINY

    from rgnn_jax.cli import main

    folder = tmp_path_factory.mktemp("ckpt")
    assert main(["train", LSTM, *TINY, "--name", "tiny", "--ckpt-dir", str(folder), "--quiet"]) == 0
    return folder
