"""Two-dimensional convolutions and their transposes."""

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax.typing import DTypeLike
from jaxtyping import Array, Float

_LAYOUT = ("NHWC", "HWIO", "NHWC")


def conv(x: Float[Array, "b h w c"], kernel: Float[Array, "k k c f"], stride: int) -> Float[Array, "b i j f"]:
    """Convolution whose output has `h / stride` rows: `(k - stride) / 2` zeros are padded on each side."""
    pad = (kernel.shape[0] - stride) // 2
    return jax.lax.conv_general_dilated(
        x, kernel, (stride, stride), [(pad, pad)] * 2, dimension_numbers=_LAYOUT
    )


def conv_transpose(
    y: Float[Array, "b i j f"], kernel: Float[Array, "k k c f"], stride: int
) -> Float[Array, "b h w c"]:
    """The adjoint of `conv` in its input, with `h = i * stride`."""
    b, i, j, _ = y.shape
    shape = (b, i * stride, j * stride, kernel.shape[2])
    (x,) = jax.linear_transpose(lambda x: conv(x, kernel, stride), jax.ShapeDtypeStruct(shape, y.dtype))(y)
    return x


class Conv(nn.Module):
    """A convolution with parameters `kernel` [k, k, in, out] and `bias`, as `flax.linen.Conv` has them.

    Its output is smaller than its input by the stride; He's initialisation, for a ReLU after it.
    """

    features: int
    kernel_size: int
    stride: int = 1
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b i j f"]:
        """Convolves in `dtype`; the parameters stay float32."""
        shape = (self.kernel_size, self.kernel_size, x.shape[-1], self.features)
        kernel = self.param("kernel", nn.initializers.he_normal(), shape)
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        y = conv(x.astype(self.dtype), kernel.astype(self.dtype), self.stride)
        return y + jnp.broadcast_to(bias.astype(self.dtype), y.shape)


class ConvTranspose(nn.Module):
    """The adjoint of a convolution, with `kernel` [k, k, out, in] and `bias`.

    These are the parameters of `flax.linen.ConvTranspose(transpose_kernel=True)`. Its output is larger than
    its input by the stride; He's initialisation over the `(k / stride)^2` taps that meet in an output.
    """

    features: int
    kernel_size: int
    stride: int
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, y: Float[Array, "b i j f"]) -> Float[Array, "b h w c"]:
        """Convolves in `dtype`; the parameters stay float32."""
        shape = (self.kernel_size, self.kernel_size, self.features, y.shape[-1])
        initial = nn.initializers.variance_scaling(
            2.0 * self.stride**2, "fan_in", "truncated_normal", in_axis=-1, out_axis=-2
        )
        kernel = self.param("kernel", initial, shape)
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        x = conv_transpose(y.astype(self.dtype), kernel.astype(self.dtype), self.stride)
        return x + jnp.broadcast_to(bias.astype(self.dtype), x.shape)
