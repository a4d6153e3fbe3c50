"""Dilated causal convolutions, plain and in a form that is fast on CPU, and their weight normalisation."""

from functools import partial

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from rgnn_jax.nn.linear import linear, weight_gradient


def causal_conv(
    x: Float[Array, "b t d"],
    kernel: Float[Array, "k d f"],
    dilation: int,
    history: Float[Array, "b s d"] | None = None,
) -> Float[Array, "b t f"]:
    """Convolution that sees the present and the past: y[t] = sum_j x[t - (k - 1 - j) * dilation] kernel[j].

    Args:
        x: the sequence.
        kernel: one matrix a tap, the oldest first.
        dilation: steps between taps.
        history: the `s = (k - 1) * dilation` steps before x; zeros where there is none.
    """
    span = (kernel.shape[0] - 1) * dilation
    if history is None:
        return dilated_conv(jnp.pad(x, ((0, 0), (span, 0), (0, 0))), kernel, dilation)
    return dilated_conv(jnp.concatenate([history.astype(x.dtype), x], axis=1), kernel, dilation)


def plain_dilated_conv(
    x: Float[Array, "b s d"], kernel: Float[Array, "k d f"], dilation: int
) -> Float[Array, "b t f"]:
    """Dilated convolution without padding, by XLA's convolution; t = s - (k - 1) * dilation."""
    return jax.lax.conv_general_dilated(
        x, kernel, (1,), "VALID", rhs_dilation=(dilation,), dimension_numbers=("NWC", "WIO", "NWC")
    )


def taps_dilated_conv(
    x: Float[Array, "b s d"], kernel: Float[Array, "k d f"], dilation: int
) -> Float[Array, "b t f"]:
    """The same as one product: each step's taps side by side, times the taps' matrices stacked."""
    k, d, f = kernel.shape
    return _taps(x, k, dilation) @ kernel.reshape(k * d, f)


def _taps(x: Float[Array, "b s d"], kernel_size: int, dilation: int) -> Float[Array, "b t kd"]:
    t = x.shape[1] - (kernel_size - 1) * dilation
    return jnp.concatenate([x[:, j * dilation : j * dilation + t] for j in range(kernel_size)], axis=-1)


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def dilated_conv(
    x: Float[Array, "b s d"], kernel: Float[Array, "k d f"], dilation: int
) -> Float[Array, "b t f"]:
    """`taps_dilated_conv` on CPU, `plain_dilated_conv` elsewhere, in the backward pass too.

    The choice is made inside each pass: a gradient through `platform_dependent` would keep what either
    branch needs. The backward pass makes the taps again, since to keep them costs more than to copy.
    """
    return jax.lax.platform_dependent(
        x,
        kernel,
        cpu=partial(taps_dilated_conv, dilation=dilation),
        default=partial(plain_dilated_conv, dilation=dilation),
    )


def _forward(x: Array, kernel: Array, dilation: int) -> tuple[Array, tuple[Array, Array]]:
    return dilated_conv(x, kernel, dilation), (x, kernel)


def _backward(dilation: int, saved: tuple[Array, Array], dy: Array) -> tuple[Array, Array]:
    return jax.lax.platform_dependent(
        *saved,
        dy,
        cpu=partial(_taps_gradients, dilation=dilation),
        default=partial(_plain_gradients, dilation=dilation),
    )


dilated_conv.defvjp(_forward, _backward)


def _plain_gradients(x: Array, kernel: Array, dy: Array, dilation: int) -> tuple[Array, Array]:
    _, pull_back = jax.vjp(partial(plain_dilated_conv, dilation=dilation), x, kernel)
    return pull_back(dy)


def _taps_gradients(x: Array, kernel: Array, dy: Array, dilation: int) -> tuple[Array, Array]:
    k, d, f = kernel.shape
    b, t, _ = dy.shape
    flat_taps = _taps(x, k, dilation).reshape(b * t, k * d)
    kernel_gradient = weight_gradient(flat_taps, dy.reshape(b * t, f)).reshape(k, d, f)
    taps_gradient = (dy @ kernel.reshape(k * d, f).T).reshape(b, t, k, d)
    span = (k - 1) * dilation
    x_gradient = sum(
        jnp.pad(taps_gradient[:, :, j], ((0, 0), (j * dilation, span - j * dilation), (0, 0)))
        for j in range(k)
    )
    return jnp.asarray(x_gradient), kernel_gradient


def weight_norm(direction: Float[Array, "k d f"], magnitude: Float[Array, " f"]) -> Float[Array, "k d f"]:
    """A kernel whose output channels have the norms `magnitude` (Salimans & Kingma, 2016, equation 2)."""
    norm = jnp.sqrt(jnp.sum(jnp.square(direction), axis=(0, 1)))
    return direction * (magnitude / norm)[None, None]


class CausalConv(nn.Module):
    """A weight-normalised dilated causal convolution with parameters `direction`, `magnitude` and `bias`.

    At the start every output channel's kernel has norm `gain`; with sqrt(2), the norm of He et al. (2015),
    a convolution and a ReLU keep the mean square of their input.
    """

    in_features: int
    features: int
    kernel_size: int
    dilation: int
    gain: float = 2**0.5
    dtype: DTypeLike = jnp.float32

    def setup(self) -> None:
        """Declares the parameters, float32 whatever the compute type."""
        shape = (self.kernel_size, self.in_features, self.features)
        self.direction = self.param("direction", nn.initializers.he_normal(in_axis=(0, 1)), shape)
        self.magnitude = self.param("magnitude", nn.initializers.constant(self.gain), shape[-1:])
        self.bias = self.param("bias", nn.initializers.zeros, shape[-1:])

    @property
    def span(self) -> int:
        """How many steps before the present the oldest tap lies."""
        return (self.kernel_size - 1) * self.dilation

    def __call__(
        self, x: Float[Array, "b t d"], history: Float[Array, "b s d"] | None = None
    ) -> Float[Array, "b t f"]:
        """Convolves a sequence that follows `history`, its `span` steps before (zeros where None)."""
        y = causal_conv(x.astype(self.dtype), self._kernel(), self.dilation, history)
        return y + jnp.broadcast_to(self.bias.astype(self.dtype), y.shape)

    def step(self, x: Float[Array, "b d"], past: Float[Array, "b p d"]) -> Float[Array, "b f"]:
        """Convolves one step, given what the `p = k - 1` earlier taps see, the oldest first."""
        taps = jnp.concatenate([past.reshape(past.shape[0], -1), x], axis=-1).astype(self.dtype)
        kernel = self._kernel().reshape(-1, self.features)
        return linear(taps, kernel, self.bias.astype(self.dtype))

    def _kernel(self) -> Float[Array, "k d f"]:
        return weight_norm(self.direction, self.magnitude).astype(self.dtype)
