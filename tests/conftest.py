"""Test set-up: two virtual CPU devices, strict numerics, shapes checked at run time, a warm compile cache."""

import os
from pathlib import Path

os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax
from jaxtyping import install_import_hook

jax.config.update("jax_num_cpu_devices", 2)
jax.config.update("jax_numpy_rank_promotion", "raise")
CACHE = os.environ.get("RGNN_TEST_CACHE", str(Path.home() / ".cache/rgnn_jax/tests"))
jax.config.update("jax_compilation_cache_dir", CACHE)
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)

install_import_hook("rgnn_jax", "beartype.beartype")
