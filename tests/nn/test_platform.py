"""Which GPU there is, and what is computed in there."""

from types import SimpleNamespace

import jax
import pytest

from rgnn_jax.config import TrainingConfig
from rgnn_jax.nn.platform import cuda_capability


@pytest.mark.parametrize(
    ("platform", "device", "capability", "dtype"),
    [
        ("gpu", {"compute_capability": "7.5"}, 7.5, "float32"),
        ("gpu", {"compute_capability": "8.0"}, 8.0, "bfloat16"),
        ("gpu", {"compute_capability": "gfx90a"}, 0.0, "bfloat16"),
        ("tpu", {}, 0.0, "bfloat16"),
        ("cpu", {}, 0.0, "float32"),
    ],
)
def test_half_precision_is_taken_where_it_is_fast(platform, device, capability, dtype, monkeypatch):
    monkeypatch.setattr(jax, "local_devices", lambda: [SimpleNamespace(**device)])
    monkeypatch.setattr(jax, "default_backend", lambda: platform)
    assert cuda_capability() == capability
    assert TrainingConfig().dtype == dtype
    assert TrainingConfig(compute_dtype="bfloat16").dtype == "bfloat16"
