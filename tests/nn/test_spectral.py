"""Spectral normalisation, equal to PyTorch's."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from rgnn_jax.nn.spectral import SpectralNorm

GOLDEN = dict(np.load(Path(__file__).parents[1] / "golden" / "adversarial.npz"))


def test_the_spectral_norm_and_its_vector_equal_torch():
    u = jnp.asarray(GOLDEN["spectral/before/u"])
    kernel, kept = SpectralNorm().apply(
        {"params": {"u": u}}, jnp.asarray(GOLDEN["spectral/kernel"]), train=True, mutable=["moved"]
    )
    np.testing.assert_allclose(kernel, GOLDEN["spectral/normalised"], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(kept["moved"]["u"], GOLDEN["spectral/after/u"], rtol=1e-4, atol=1e-6)


def test_no_gradient_moves_the_vector_of_the_spectral_norm():
    kernel, u = (jnp.asarray(GOLDEN[f"spectral/{name}"]) for name in ("kernel", "before/u"))

    def total(u):
        return SpectralNorm().apply({"params": {"u": u}}, kernel, train=False).sum()

    np.testing.assert_array_equal(jax.grad(total)(u), jnp.zeros_like(u))
