"""The dense layer, with a weight gradient that is fast on CPU too."""

from math import prod

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from rgnn_jax.nn.spectral import SpectralNorm


def weight_gradient(x: Float[Array, "n d"], dy: Float[Array, "n f"]) -> Float[Array, "d f"]:
    """The gradient `x.T @ dy` of a kernel.

    XLA's CPU product contracts two leading axes slowly; with the transpose laid out in memory first it runs
    at full speed. The barrier keeps XLA from folding that transpose back into the product.
    """
    return jax.lax.platform_dependent(
        x,
        dy,
        cpu=lambda x, dy: jax.lax.optimization_barrier(x.T) @ dy,
        default=lambda x, dy: x.T @ dy,
    )


@jax.custom_vjp
def matmul(x: Float[Array, "*n d"], kernel: Float[Array, "d f"]) -> Float[Array, "*n f"]:
    """The product `x @ kernel`, with `weight_gradient` in its backward pass."""
    return x @ kernel


def _matmul_forward(x: Array, kernel: Array) -> tuple[Array, tuple[Array, Array]]:
    return x @ kernel, (x, kernel)


def _matmul_backward(saved: tuple[Array, Array], dy: Array) -> tuple[Array, Array]:
    x, kernel = saved
    rows = prod(x.shape[:-1])
    kernel_gradient = weight_gradient(x.reshape(rows, x.shape[-1]), dy.reshape(rows, dy.shape[-1]))
    return dy @ kernel.T, kernel_gradient


matmul.defvjp(_matmul_forward, _matmul_backward)


def linear(
    x: Float[Array, "*n d"], kernel: Float[Array, "d f"], bias: Float[Array, " f"] | None = None
) -> Float[Array, "*n f"]:
    """The affine map `x @ kernel + bias`."""
    y = matmul(x, kernel)
    return y if bias is None else y + jnp.broadcast_to(bias, y.shape)


class Dense(nn.Module):
    """A dense layer with parameters `kernel` and `bias`, drop-in for `flax.linen.Dense`."""

    features: int
    use_bias: bool = True
    dtype: DTypeLike = jnp.float32
    kernel_init: nn.initializers.Initializer = nn.initializers.lecun_normal()
    spectral: bool = False

    @nn.compact
    def __call__(self, x: Float[Array, "*n d"], *, train: bool = False) -> Float[Array, "*n f"]:
        """Applies `linear` in `dtype`; the parameters stay float32.

        Where `spectral`, the kernel is normalised by `SpectralNorm`, whose vector moves in training.
        """
        kernel = self.param("kernel", self.kernel_init, (x.shape[-1], self.features))
        if self.spectral:
            kernel = SpectralNorm(name="spectral")(kernel, train=train)
        y = matmul(x.astype(self.dtype), kernel.astype(self.dtype))
        if not self.use_bias:
            return y
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        return y + jnp.broadcast_to(bias.astype(self.dtype), y.shape)
