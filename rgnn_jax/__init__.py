"""Recurrent and generative neural networks in JAX and Flax.

The names below load what they need when they are first used, so that `import rgnn_jax` stays quick.
"""

import importlib
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "load_experiment": "rgnn_jax.config",
    "override": "rgnn_jax.config",
    "run_training": "rgnn_jax.train.session",
    "load_run": "rgnn_jax.train.session",
    "generate": "rgnn_jax.sampling.decode",
    "stream_text": "rgnn_jax.sampling.text",
    "SamplingRule": "rgnn_jax.sampling.rules",
    "GREEDY": "rgnn_jax.sampling.rules",
    "score_windows": "rgnn_jax.evaluate.likelihood",
    "score_carried": "rgnn_jax.evaluate.likelihood",
    "score_images": "rgnn_jax.evaluate.elbo",
    "render_faces": "rgnn_jax.datasets.faces",
    "read_image": "rgnn_jax.datasets.image_files",
    "UserError": "rgnn_jax.errors",
    "WorkFailed": "rgnn_jax.errors",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return ["__version__", *_HOMES]
