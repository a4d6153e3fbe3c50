"""Batch normalisation whose sums are matrix products, which XLA computes faster than reductions on a CPU."""

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax.typing import DTypeLike
from jaxtyping import Array, Float

EPSILON = 1e-5
MOMENTUM = 0.9
"""Share of the running moments that a step keeps."""


def column_means(x: Float[Array, "n d"]) -> Float[Array, " d"]:
    """Means over the rows, by a product with ones."""
    ones = jnp.ones((len(x),), x.dtype)
    return jnp.matmul(ones, x, precision=jax.lax.Precision.HIGHEST) / len(x)


def moments(x: Float[Array, "n d"]) -> tuple[Float[Array, " d"], Float[Array, " d"]]:
    """Mean and variance of each column, the variance as that of the whole population."""
    mean = column_means(x)
    return mean, column_means(jnp.square(x - mean[None]))


@jax.custom_vjp
def normalise_columns(
    x: Float[Array, "n d"], scale: Float[Array, " d"], bias: Float[Array, " d"]
) -> Float[Array, "n d"]:
    """Columns of mean `bias` and standard deviation `scale` (Ioffe and Szegedy 2015, algorithm 1)."""
    return _forward(x, scale, bias)[0]


def _forward(x: Array, scale: Array, bias: Array) -> tuple[Array, tuple[Array, Array, Array, Array]]:
    mean, variance = moments(x)
    inverse = jax.lax.rsqrt(variance + EPSILON)
    y = (x - mean[None]) * (inverse * scale)[None] + bias[None]
    return y, (x, mean, inverse, scale)


def _backward(saved: tuple[Array, Array, Array, Array], dy: Array) -> tuple[Array, Array, Array]:
    x, mean, inverse, scale = saved
    normal = (x - mean[None]) * inverse[None]
    dy_mean, slope = column_means(dy), column_means(dy * normal)
    dx = (inverse * scale)[None] * (dy - dy_mean[None] - normal * slope[None])
    return dx, slope * len(x), dy_mean * len(x)


normalise_columns.defvjp(_forward, _backward)


class BatchNorm(nn.Module):
    """Batch normalisation over all axes but the last, of a micro-batch in training.

    With `running`, the moving averages of the moments lie among the parameters as `mean` and `variance`,
    where no gradient moves them: a call in training puts their next values into the collection "moved". Other
    calls use them, so that a picture does not depend on those beside it. Without, every call takes the
    moments of what it is given.
    """

    running: bool = True
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: Float[Array, "*n d"], *, train: bool) -> Float[Array, "*n d"]:
        """Normalises in float32."""
        features = x.shape[-1]
        scale = self.param("scale", nn.initializers.ones, (features,))
        bias = self.param("bias", nn.initializers.zeros, (features,))
        flat = x.reshape(-1, features).astype(jnp.float32)
        if self.running:
            mean = self.param("mean", nn.initializers.zeros, (features,))
            variance = self.param("variance", nn.initializers.ones, (features,))
            if not train:
                y = (flat - mean[None]) * (jax.lax.rsqrt(variance + EPSILON) * scale)[None] + bias[None]
                return y.reshape(x.shape).astype(self.dtype)
            new_mean, new_variance = moments(jax.lax.stop_gradient(flat))
            move(self, "mean", MOMENTUM * mean + (1 - MOMENTUM) * new_mean)
            move(self, "variance", MOMENTUM * variance + (1 - MOMENTUM) * new_variance)
        return normalise_columns(flat, scale, bias).reshape(x.shape).astype(self.dtype)


def move(module: nn.Module, name: str, value: Array) -> None:
    """Notes the next value of a parameter that no gradient moves, in the collection "moved"."""
    module.sow(
        "moved", name, jax.lax.stop_gradient(value), reduce_fn=lambda _, new: new, init_fn=lambda: None
    )
