"""Layers of two-dimensional convolutions and their transposes, with their parameters."""

import jax.numpy as jnp
from flax import linen as nn
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from rgnn_jax.nn.conv import conv, conv_transpose
from rgnn_jax.nn.spectral import SpectralNorm


def _check_sizes(kernel_size: int, stride: int) -> None:
    if kernel_size % stride or (kernel_size - stride) % 2:
        raise ValueError(
            f"a kernel of {kernel_size} taps with stride {stride}: the stride must divide it, and "
            "differ from it by an even number"
        )


class Conv(nn.Module):
    """A convolution with parameters `kernel` [k, k, in, out] and `bias`, as `flax.linen.Conv` has them.

    Its output is smaller than its input by the stride. The kernel starts as He et al. (2015) have it; where
    `spectral`, it is normalised by `SpectralNorm`, whose vector moves in training.
    """

    features: int
    kernel_size: int
    stride: int = 1
    dtype: DTypeLike = jnp.float32
    use_bias: bool = True
    spectral: bool = False

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"], *, train: bool = False) -> Float[Array, "b i j f"]:
        """Convolves in `dtype`; the parameters stay float32.

        Raises:
            ValueError: the stride does not fit the kernel's size or the picture's sides.
        """
        _check_sizes(self.kernel_size, self.stride)
        if x.shape[1] % self.stride or x.shape[2] % self.stride:
            raise ValueError(
                f"a picture of {x.shape[1]} x {x.shape[2]}: stride {self.stride} must divide both"
            )
        shape = (self.kernel_size, self.kernel_size, x.shape[-1], self.features)
        kernel = self.param("kernel", nn.initializers.he_normal(), shape)
        if self.spectral:
            kernel = SpectralNorm(name="spectral")(kernel, train=train)
        y = conv(x.astype(self.dtype), kernel.astype(self.dtype), self.stride)
        if not self.use_bias:
            return y
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        return y + jnp.broadcast_to(bias.astype(self.dtype), y.shape)


class ConvTranspose(nn.Module):
    """The adjoint of a convolution, with parameters `kernel` [k, k, out, in] and `bias`.

    These are the parameters of `flax.linen.ConvTranspose(transpose_kernel=True)`. Its output is larger than
    its input by the stride. The kernel starts as He et al. (2015) have it, for the `(k / stride)^2` taps
    that meet in an output.
    """

    features: int
    kernel_size: int
    stride: int
    dtype: DTypeLike = jnp.float32
    use_bias: bool = True

    @nn.compact
    def __call__(self, y: Float[Array, "b i j f"]) -> Float[Array, "b h w c"]:
        """Convolves in `dtype`; the parameters stay float32.

        Raises:
            ValueError: the stride does not fit the kernel's size.
        """
        _check_sizes(self.kernel_size, self.stride)
        shape = (self.kernel_size, self.kernel_size, self.features, y.shape[-1])
        he_normal = nn.initializers.variance_scaling(
            2.0 * self.stride**2, "fan_in", "truncated_normal", in_axis=-1, out_axis=-2
        )
        kernel = self.param("kernel", he_normal, shape)
        x = conv_transpose(y.astype(self.dtype), kernel.astype(self.dtype), self.stride)
        if not self.use_bias:
            return x
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        return x + jnp.broadcast_to(bias.astype(self.dtype), x.shape)
