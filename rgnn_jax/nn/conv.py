"""Two-dimensional convolutions and their transposes, plain and in a form that is fast on CPU.

`conv` is linear in the picture and in the kernel. Its adjoint in the picture is `conv_transpose`, its adjoint
in the kernel `kernel_gradient`, and the gradients of each of the three are the other two: so each is fast on
CPU at every order of differentiation.

On CPU, XLA hands a convolution to a library where pictures lie in memory as [b, h, w, c] and kernels as
[k, k, c, f]. A convolution's gradients ask for other orders. Outside of loops XLA puts these right; inside,
where training runs, it makes plain loops of them that take up to eighty times as long. So here all three are
convolutions in that order, whatever has to be transposed for it.

With stride s, the larger picture is a grid of s x s blocks of pixels (space to depth), and a kernel of k x k
taps is t x t matrices, t = k / s, each for a whole block. A `conv` is computed so where its picture has few
channels, a `conv_transpose` always; and where its blocks have few channels, or their grid is mostly border,
one product serves all matrices, and its t x t results are added with a shift.
"""

from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from rgnn_jax.nn.platform import library_on_cpu

_LAYOUT = ("NHWC", "HWIO", "NHWC")
_FEW = 16
"""Channels of a block up to which the library leaves most of a CPU's vector lanes idle."""


def plain_conv(
    x: Float[Array, "b h w c"], kernel: Float[Array, "k k c f"], stride: int
) -> Float[Array, "b i j f"]:
    """`conv` by XLA's convolution."""
    pad = (kernel.shape[0] - stride) // 2
    return jax.lax.conv_general_dilated(
        x, kernel, (stride, stride), [(pad, pad)] * 2, dimension_numbers=_LAYOUT
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


def library_conv(
    x: Float[Array, "b h w c"], kernel: Float[Array, "k k c f"], stride: int
) -> Float[Array, "b i j f"]:
    """`conv`; where a picture has few channels, of the blocks that the stride makes of it."""
    if stride == 1 or stride * stride * x.shape[-1] > _FEW:
        return plain_conv(x, kernel, stride)
    grid, matrices = _space_to_depth(x, kernel.shape[0], stride), _to_matrices(kernel, stride)
    return _convolve(grid, matrices, pad=0)


def library_conv_transpose(
    y: Float[Array, "b i j f"], kernel: Float[Array, "k k c f"], stride: int
) -> Float[Array, "b h w c"]:
    """`conv_transpose` as a convolution with the rotated kernel, to the blocks of the larger picture."""
    k, _, c, f = kernel.shape
    taps, block = k // stride, stride * stride * c
    if stride == 1:
        return _convolve(y, _rotated(kernel), pad=(k - 1) // 2)
    if _is_small(y, taps) or block <= _FEW:
        products = y @ _to_matrices(kernel, stride).reshape(taps * taps * block, f).T
        grid = sum(
            _shift(products[..., tap * block : (tap + 1) * block], row, column, taps)
            for tap, (row, column) in enumerate(_shifts(taps))
        )
        return _depth_to_space(jnp.asarray(grid), k, stride)
    return _depth_to_space(_convolve(y, _rotated(_to_matrices(kernel, stride)), pad=taps - 1), k, stride)


def library_kernel_gradient(
    x: Float[Array, "b h w c"], y: Float[Array, "b i j f"], kernel_size: int, stride: int
) -> Float[Array, "k k c f"]:
    """`kernel_gradient` as a convolution of `x` with `y`, whose channels are the examples."""
    b, h, w, c = x.shape
    # In two steps, of which each moves whole rows, XLA transposes many times faster than in one.
    columns = jax.lax.optimization_barrier(x.reshape(b, h * w * c).T).reshape(h, w, c, b)
    pictures, kernels = columns.transpose(2, 0, 1, 3), y.transpose(1, 2, 0, 3)
    pad = (kernel_size - stride) // 2
    return _convolve(pictures, kernels, pad=pad, dilation=stride).transpose(1, 2, 0, 3)


def _convolve(
    x: Float[Array, "b h w c"], kernel: Float[Array, "m n c f"], *, pad: int, dilation: int = 1
) -> Float[Array, "b i j f"]:
    """A convolution of stride 1 of arrays that lie in memory as they are named."""
    x, kernel = jax.lax.optimization_barrier((x, kernel))
    return jax.lax.conv_general_dilated(
        x, kernel, (1, 1), [(pad, pad)] * 2, rhs_dilation=(dilation, dilation), dimension_numbers=_LAYOUT
    )


def _rotated(kernel: Float[Array, "t t d f"]) -> Float[Array, "t t f d"]:
    """The kernel of the adjoint: by 180 degrees, with its channels exchanged."""
    return jnp.flip(kernel, (0, 1)).swapaxes(2, 3)


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def conv(x: Float[Array, "b h w c"], kernel: Float[Array, "k k c f"], stride: int) -> Float[Array, "b i j f"]:
    """Convolution to `h / stride` rows: y[i] = sum_u x[i * stride + u - p] kernel[u], p = (k - stride) / 2.

    Args:
        x: pictures, whose sides `stride` divides; p zeros are padded on each side.
        kernel: of a size that `stride` divides, and that differs from it by an even number.
        stride: pixels between outputs.
    """
    return library_on_cpu(
        x, kernel, cpu=partial(library_conv, stride=stride), default=partial(plain_conv, stride=stride)
    )


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def conv_transpose(
    y: Float[Array, "b i j f"], kernel: Float[Array, "k k c f"], stride: int
) -> Float[Array, "b h w c"]:
    """The adjoint of `conv` in the picture: x[i * stride + u - p] += y[i] kernel[u].T."""
    return library_on_cpu(
        y,
        kernel,
        cpu=partial(library_conv_transpose, stride=stride),
        default=partial(plain_conv_transpose, stride=stride),
    )


@partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def kernel_gradient(
    x: Float[Array, "b h w c"], y: Float[Array, "b i j f"], kernel_size: int, stride: int
) -> Float[Array, "k k c f"]:
    """The adjoint of `conv` in the kernel: kernel[u] = sum_i outer(x[i * stride + u - p], y[i])."""
    return library_on_cpu(
        x,
        y,
        cpu=partial(library_kernel_gradient, kernel_size=kernel_size, stride=stride),
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


def _is_small(y: Float[Array, "b i j f"], taps: int) -> bool:
    """Whether a sixth or more of the grid onto which `y` is shifted is border, where convolving is wasted."""
    _, i, j, _ = y.shape
    return (i + taps - 1) * (j + taps - 1) >= 1.2 * i * j


def _shift(y: Float[Array, "b i j d"], row: int, column: int, taps: int) -> Float[Array, "b m n d"]:
    """Places `y` on a grid larger by `taps - 1`."""
    last = taps - 1
    return jnp.pad(y, ((0, 0), (row, last - row), (column, last - column), (0, 0)))


def _space_to_depth(x: Float[Array, "b h w c"], kernel_size: int, stride: int) -> Float[Array, "b m n d"]:
    """Pads a picture and takes it apart into blocks; d = stride^2 c."""
    pad = (kernel_size - stride) // 2
    b, h, w, c = x.shape
    m, n = (h + 2 * pad) // stride, (w + 2 * pad) // stride
    x = jnp.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    rows = x.reshape(b, m, stride, n, stride * c)
    # A transposition would be fused with what made the picture into a loop over single numbers.
    return jnp.concatenate([rows[:, :, row] for row in range(stride)], axis=-1)


def _depth_to_space(grid: Float[Array, "b m n d"], kernel_size: int, stride: int) -> Float[Array, "b h w c"]:
    """The adjoint of `_space_to_depth`."""
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
