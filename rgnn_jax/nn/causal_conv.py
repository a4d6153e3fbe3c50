"""Dilated causal convolutions, with a backward pass that is fast on CPU, and their weight normalisation."""

from functools import partial

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from rgnn_jax.nn.linear import linear, weight_gradient
from rgnn_jax.nn.platform import library_on_cpu


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
    if history is None:
        return dilated_conv(x, kernel, dilation, ((kernel.shape[0] - 1) * dilation, 0))
    return dilated_conv(jnp.concatenate([history.astype(x.dtype), x], axis=1), kernel, dilation)


def xla_dilated_conv(
    x: Float[Array, "b s d"], kernel: Float[Array, "k d f"], dilation: int, pad: tuple[int, int] = (0, 0)
) -> Float[Array, "b t f"]:
    """`dilated_conv`, with the gradients that JAX derives."""
    # Of pictures one pixel high: XLA's library on CPU takes a quarter less time for them than for sequences.
    return jax.lax.conv_general_dilated(
        x[:, None], kernel[None], (1, 1), [(0, 0), pad], rhs_dilation=(1, dilation),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )[:, 0]  # fmt: skip


@partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def dilated_conv(
    x: Float[Array, "b s d"], kernel: Float[Array, "k d f"], dilation: int, pad: tuple[int, int] = (0, 0)
) -> Float[Array, "b t f"]:
    """Dilated convolution whose gradients are fast on CPU, in loops too (see `nn/conv.py`).

    Args:
        x: sequences.
        kernel: one matrix a tap.
        dilation: steps between taps.
        pad: zeros before and after x, at most `(k - 1) * dilation` each.

    Returns:
        t = s + sum(pad) - (k - 1) * dilation steps.
    """
    # One form for all devices; under vmap it runs a member at a time on CPU.
    form = partial(xla_dilated_conv, dilation=dilation, pad=pad)
    return library_on_cpu(x, kernel, cpu=form, default=form)


def _forward(
    x: Array, kernel: Array, dilation: int, pad: tuple[int, int]
) -> tuple[Array, tuple[Array, Array]]:
    return dilated_conv(x, kernel, dilation, pad), (x, kernel)


def _backward(
    dilation: int, pad: tuple[int, int], saved: tuple[Array, Array], dy: Array
) -> tuple[Array, Array]:
    x, kernel = saved
    span = (len(kernel) - 1) * dilation
    rotated = jax.lax.optimization_barrier(kernel[::-1].swapaxes(1, 2))
    kernel_gradient = jax.lax.platform_dependent(
        jnp.pad(x, ((0, 0), pad, (0, 0))),
        dy,
        cpu=partial(_taps_gradient, kernel_size=len(kernel), dilation=dilation),
        default=partial(_xla_gradient, kernel_size=len(kernel), dilation=dilation),
    )
    return dilated_conv(dy, rotated, dilation, (span - pad[0], span - pad[1])), kernel_gradient


dilated_conv.defvjp(_forward, _backward)


def _xla_gradient(x: Array, dy: Array, kernel_size: int, dilation: int) -> Float[Array, "k d f"]:
    kernel = jax.ShapeDtypeStruct((kernel_size, x.shape[-1], dy.shape[-1]), x.dtype)
    return jax.linear_transpose(lambda kernel: xla_dilated_conv(x, kernel, dilation), kernel)(dy)[0]


def _taps_gradient(x: Array, dy: Array, kernel_size: int, dilation: int) -> Float[Array, "k d f"]:
    """One product, for which each step's taps are laid side by side (im2col)."""
    b, t, f = dy.shape
    taps = [x[:, j * dilation : j * dilation + t] for j in range(kernel_size)]
    flat = jnp.concatenate(taps, axis=-1).reshape(b * t, -1)
    return weight_gradient(flat, dy.reshape(b * t, f)).reshape(kernel_size, -1, f)


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
