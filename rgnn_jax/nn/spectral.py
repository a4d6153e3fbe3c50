"""Spectral normalisation: a kernel divided by its largest singular value."""

import jax
import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float

from rgnn_jax.nn.batch_norm import move


class SpectralNorm(nn.Module):
    """A kernel divided by its spectral norm as a matrix of all inputs by outputs (Miyato et al., 2018).

    The norm is found by one step of the power method from the vector `u`, which lies among the parameters and
    is moved by that step in training; see `batch_norm.move`. Until it has converged the norm is
    underestimated.
    """

    @nn.compact
    def __call__(self, kernel: Float[Array, "*n d f"], *, train: bool) -> Float[Array, "*n d f"]:
        """The kernel, normalised."""
        features = kernel.shape[-1]
        u = self.param("u", _unit_normal, (features,))
        matrix = kernel.reshape(-1, features)
        fixed = jax.lax.stop_gradient(matrix)
        v = _unit(fixed @ jax.lax.stop_gradient(u))
        u = _unit(v @ fixed)
        if train:
            move(self, "u", u)
        return kernel / (v @ matrix @ u)


def _unit(vector: Float[Array, " d"]) -> Float[Array, " d"]:
    return vector * jax.lax.rsqrt(jnp.sum(jnp.square(vector)) + 1e-12)


def _unit_normal(key: Array, shape: tuple[int, ...]) -> Float[Array, " d"]:
    return _unit(jax.random.normal(key, shape))
