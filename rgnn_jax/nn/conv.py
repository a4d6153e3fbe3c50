"""Two-dimensional convolutions and their transposes, plain and in a form that is fast on CPU.

`conv` is linear in the picture and in the kernel. Its adjoint in the picture is `conv_transpose`, its adjoint
in the kernel `kernel_gradient`, and the gradients of each of the three are the other two: so each is fast on
CPU at every order of differentiation.

XLA's convolution is slow on CPU, its matrix product is not. With stride s, a picture becomes a grid of s x s
blocks of pixels; a kernel of k x k taps becomes t x t matrices, t = k / s, each for a whole block. One
product serves all of them, and its t x t results are added with a shift. Where the grid is small, much of
that product would be of its rim, and thrown away: there the blocks that meet in an output are laid side by
side first.
"""

from functools import partial

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from rgnn_jax.nn.linear import weight_gradient
from rgnn_jax.nn.spectral import SpectralNorm


def plain_conv(
    x: Float[Array, "b h w c"], kernel: Float[Array, "k k c f"], stride: int
) -> Float[Array, "b i j f"]:
    """`conv` by XLA's convolution."""
    pad = (kernel.shape[0] - stride) // 2
    return jax.lax.conv_general_dilated(
        x, kernel, (stride, stride), [(pad, pad)] * 2, dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


def plain_conv_transpose(
    y: Float[Array, "b i j f"], kernel: Float[Array, "k k c f"], stride: int
) -> Float[Array, "b h w c"]:
    """`conv_transpose` by XLA's convolution."""
    b, i, j, _ = y.shape
    x = jax.ShapeDtypeStruct((b, i * stride, j * stride, kernel.shape[2]), y.dtype)
    return jax.linear_transpose(lambda x: plain_conv(x, kernel, stride), x)(y)[0]


def plain_kernel_gradient(
    x: Float[Array, "b h w c"], y: Float[Array, "b i j f"], kernel_size: int, stride: int
) -> Float[Array, "k k c f"]:
    """`kernel_gradient` by XLA's convolution."""
    kernel = jax.ShapeDtypeStruct((kernel_size, kernel_size, x.shape[-1], y.shape[-1]), x.dtype)
    return jax.linear_transpose(lambda kernel: plain_conv(x, kernel, stride), kernel)(y)[0]


def block_conv(
    x: Float[Array, "b h w c"], kernel: Float[Array, "k k c f"], stride: int
) -> Float[Array, "b i j f"]:
    """`conv` as one product over blocks, and one shifted sum; where the grid is small, over windows."""
    k, _, _, f = kernel.shape
    taps = k // stride
    grid, matrices = _to_grid(x, k, stride), _to_matrices(kernel, stride)
    if _is_small(grid, taps):
        return _windows(grid, taps) @ matrices.reshape(-1, f)
    products = grid @ jnp.moveaxis(matrices, 2, 0).reshape(grid.shape[-1], -1)
    i, j = grid.shape[1] - taps + 1, grid.shape[2] - taps + 1
    return jnp.asarray(
        sum(
            products[:, row : row + i, column : column + j, tap * f : (tap + 1) * f]
            for tap, (row, column) in enumerate(_shifts(taps))
        )
    )


def block_conv_transpose(
    y: Float[Array, "b i j f"], kernel: Float[Array, "k k c f"], stride: int
) -> Float[Array, "b h w c"]:
    """`conv_transpose` as one product with all taps, and one shifted sum of blocks."""
    k, _, c, f = kernel.shape
    taps = k // stride
    block = stride * stride * c
    products = y @ _to_matrices(kernel, stride).reshape(taps * taps * block, f).T
    grid = sum(
        _shift(products[..., tap * block : (tap + 1) * block], row, column, taps)
        for tap, (row, column) in enumerate(_shifts(taps))
    )
    return _from_grid(jnp.asarray(grid), k, stride)


def block_kernel_gradient(
    x: Float[Array, "b h w c"], y: Float[Array, "b i j f"], kernel_size: int, stride: int
) -> Float[Array, "k k c f"]:
    """`kernel_gradient` as one product, for which blocks or `y` are laid out tap by tap: what costs less."""
    taps = kernel_size // stride
    b, i, j, f = y.shape
    grid = _to_grid(x, kernel_size, stride)
    block = grid.shape[-1]
    if block < f or (block <= 2 * f and _is_small(grid, taps)):
        flat = _windows(grid, taps).reshape(b * i * j, taps * taps * block)
        matrices = weight_gradient(flat, y.reshape(b * i * j, f))
    else:
        copies = [_shift(y, row, column, taps) for row, column in _shifts(taps)]
        flat = jnp.concatenate(copies, axis=-1).reshape(-1, taps * taps * f)
        product = weight_gradient(grid.reshape(-1, block), flat)
        matrices = jnp.moveaxis(product.reshape(block, taps * taps, f), 0, 1)
    return _from_matrices(matrices.reshape(taps, taps, block, f), stride)


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def conv(x: Float[Array, "b h w c"], kernel: Float[Array, "k k c f"], stride: int) -> Float[Array, "b i j f"]:
    """Convolution to `h / stride` rows: y[i] = sum_u x[i * stride + u - p] kernel[u], p = (k - stride) / 2.

    Args:
        x: pictures, whose sides `stride` divides; p zeros are padded on each side.
        kernel: of a size that `stride` divides, and that differs from it by an even number.
        stride: pixels between outputs.
    """
    return jax.lax.platform_dependent(
        x, kernel, cpu=partial(block_conv, stride=stride), default=partial(plain_conv, stride=stride)
    )


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def conv_transpose(
    y: Float[Array, "b i j f"], kernel: Float[Array, "k k c f"], stride: int
) -> Float[Array, "b h w c"]:
    """The adjoint of `conv` in the picture: x[i * stride + u - p] += y[i] kernel[u].T."""
    return jax.lax.platform_dependent(
        y,
        kernel,
        cpu=partial(block_conv_transpose, stride=stride),
        default=partial(plain_conv_transpose, stride=stride),
    )


@partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def kernel_gradient(
    x: Float[Array, "b h w c"], y: Float[Array, "b i j f"], kernel_size: int, stride: int
) -> Float[Array, "k k c f"]:
    """The adjoint of `conv` in the kernel: kernel[u] = sum_i outer(x[i * stride + u - p], y[i])."""
    return jax.lax.platform_dependent(
        x,
        y,
        cpu=partial(block_kernel_gradient, kernel_size=kernel_size, stride=stride),
        default=partial(plain_kernel_gradient, kernel_size=kernel_size, stride=stride),
    )


def _conv_backward(stride: int, saved: tuple[Array, Array], dy: Array) -> tuple[Array, Array]:
    x, kernel = saved
    return conv_transpose(dy, kernel, stride), kernel_gradient(x, dy, kernel.shape[0], stride)


def _conv_transpose_backward(stride: int, saved: tuple[Array, Array], dx: Array) -> tuple[Array, Array]:
    y, kernel = saved
    return conv(dx, kernel, stride), kernel_gradient(dx, y, kernel.shape[0], stride)


def _kernel_gradient_backward(
    kernel_size: int, stride: int, saved: tuple[Array, Array], dkernel: Array
) -> tuple[Array, Array]:
    del kernel_size
    x, y = saved
    return conv_transpose(y, dkernel, stride), conv(x, dkernel, stride)


conv.defvjp(lambda x, kernel, stride: (conv(x, kernel, stride), (x, kernel)), _conv_backward)
conv_transpose.defvjp(
    lambda y, kernel, stride: (conv_transpose(y, kernel, stride), (y, kernel)), _conv_transpose_backward
)
kernel_gradient.defvjp(
    lambda x, y, kernel_size, stride: (kernel_gradient(x, y, kernel_size, stride), (x, y)),
    _kernel_gradient_backward,
)


def _shifts(taps: int) -> list[tuple[int, int]]:
    return [(row, column) for row in range(taps) for column in range(taps)]


def _is_small(grid: Float[Array, "b m n d"], taps: int) -> bool:
    """Whether a sixth of the grid or more is rim, where blocks meet in no output."""
    _, m, n, _ = grid.shape
    return m * n >= 1.2 * (m - taps + 1) * (n - taps + 1)


def _windows(grid: Float[Array, "b m n d"], taps: int) -> Float[Array, "b i j e"]:
    """The blocks that meet in an output, side by side; e = taps^2 d."""
    i, j = grid.shape[1] - taps + 1, grid.shape[2] - taps + 1
    parts = [grid[:, row : row + i, column : column + j] for row, column in _shifts(taps)]
    return jnp.concatenate(parts, axis=-1)


def _shift(y: Float[Array, "b i j d"], row: int, column: int, taps: int) -> Float[Array, "b m n d"]:
    """Places `y` on a grid larger by `taps - 1`."""
    last = taps - 1
    return jnp.pad(y, ((0, 0), (row, last - row), (column, last - column), (0, 0)))


def _to_grid(x: Float[Array, "b h w c"], kernel_size: int, stride: int) -> Float[Array, "b m n d"]:
    """Pads a picture and takes it apart into blocks; d = stride^2 c."""
    pad = (kernel_size - stride) // 2
    b, h, w, c = x.shape
    m, n = (h + 2 * pad) // stride, (w + 2 * pad) // stride
    x = jnp.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    rows = x.reshape(b, m, stride, n, stride * c)
    # A transposition would be fused with what made the picture into a loop over single numbers.
    return jnp.concatenate([rows[:, :, row] for row in range(stride)], axis=-1)


def _from_grid(grid: Float[Array, "b m n d"], kernel_size: int, stride: int) -> Float[Array, "b h w c"]:
    """The adjoint of `_to_grid`."""
    pad = (kernel_size - stride) // 2
    b, m, n, d = grid.shape
    c = d // (stride * stride)
    x = grid.reshape(b, m, n, stride, stride, c).swapaxes(2, 3).reshape(b, m * stride, n * stride, c)
    return x[:, pad : m * stride - pad, pad : n * stride - pad]


def _to_matrices(kernel: Float[Array, "k k c f"], stride: int) -> Float[Array, "t t d f"]:
    """The kernel as one matrix a block that it covers."""
    k, _, c, f = kernel.shape
    t = k // stride
    return kernel.reshape(t, stride, t, stride, c, f).swapaxes(1, 2).reshape(t, t, stride * stride * c, f)


def _from_matrices(matrices: Float[Array, "t t d f"], stride: int) -> Float[Array, "k k c f"]:
    t, _, d, f = matrices.shape
    c = d // (stride * stride)
    return matrices.reshape(t, t, stride, stride, c, f).swapaxes(1, 2).reshape(t * stride, t * stride, c, f)


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
        """Convolves in `dtype`; the parameters stay float32."""
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
        """Convolves in `dtype`; the parameters stay float32."""
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
