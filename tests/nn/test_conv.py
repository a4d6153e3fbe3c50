from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rgnn_jax.nn.conv import (
    conv,
    conv_transpose,
    kernel_gradient,
    library_conv,
    library_conv_transpose,
    library_kernel_gradient,
    plain_conv,
    plain_conv_transpose,
    plain_kernel_gradient,
)

SIZES = [(4, 2), (3, 1), (1, 1), (2, 2), (5, 1)]
CHANNELS = [(1, 6), (5, 4)]  # blocks of few channels, and of more: each takes another form
SIDES = [(6, 4), (24, 20)]  # a grid that is mostly border, and one that is not: the same


def normal(seed: int, *shape: int) -> jax.Array:
    return jax.random.normal(jax.random.key(seed), shape)


def arrays(
    kernel_size: int, stride: int, c: int = 2, f: int = 3, sides: tuple[int, int] = SIDES[0]
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Two pictures, a kernel, and an output."""
    h, w = sides
    return (
        normal(0, 2, h, w, c),
        normal(1, kernel_size, kernel_size, c, f),
        normal(2, 2, h // stride, w // stride, f),
    )


def close(actual, expected) -> None:
    def check(a, b):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5 * max(1.0, float(jnp.abs(b).max())))

    jax.tree.map(check, actual, expected)


def test_hand_worked_values():
    x = jnp.arange(1.0, 5.0).reshape(1, 2, 2, 1)
    kernel = jnp.arange(16.0).reshape(4, 4, 1, 1)
    # The four pixels meet the taps in the kernel's middle: 5, 6, 9, 10.
    assert conv(x, kernel, 2).ravel().tolist() == [1 * 5 + 2 * 6 + 3 * 9 + 4 * 10]
    y = jnp.full((1, 1, 1, 1), 2.0)
    assert conv_transpose(y, kernel, 2).ravel().tolist() == [10, 12, 18, 20]
    expected = np.zeros((4, 4))
    expected[1:3, 1:3] = [[2, 4], [6, 8]]
    assert kernel_gradient(x, y, 4, 2).squeeze().tolist() == expected.tolist()


@pytest.mark.parametrize("sides", SIDES)
@pytest.mark.parametrize(("c", "f"), CHANNELS)
@pytest.mark.parametrize(("kernel_size", "stride"), SIZES)
def test_fast_forms_equal_the_plain_ones(kernel_size, stride, c, f, sides):
    x, kernel, y = arrays(kernel_size, stride, c, f, sides)

    @jax.jit
    def fast(x, kernel, y):
        gradient = library_kernel_gradient(x, y, kernel_size, stride)
        return library_conv(x, kernel, stride), library_conv_transpose(y, kernel, stride), gradient

    @jax.jit
    def plain(x, kernel, y):
        gradient = plain_kernel_gradient(x, y, kernel_size, stride)
        return plain_conv(x, kernel, stride), plain_conv_transpose(y, kernel, stride), gradient

    close(fast(x, kernel, y), plain(x, kernel, y))


@pytest.mark.parametrize(("kernel_size", "stride"), SIZES)
def test_the_three_are_adjoint(kernel_size, stride):
    @jax.jit
    def inner_products(x, kernel, y):
        return (
            jnp.vdot(conv(x, kernel, stride), y),
            jnp.vdot(x, conv_transpose(y, kernel, stride)),
            jnp.vdot(kernel, kernel_gradient(x, y, kernel_size, stride)),
        )

    first, second, third = inner_products(*arrays(kernel_size, stride))
    np.testing.assert_allclose((second, third), (first, first), rtol=1e-4)


def forms(kernel_size: int, stride: int, c: int = 2, f: int = 3) -> dict:
    x, kernel, y = arrays(kernel_size, stride, c, f)
    sizes = {"kernel_size": kernel_size, "stride": stride}
    return {
        "conv": (partial(conv, stride=stride), partial(plain_conv, stride=stride), (x, kernel)),
        "conv_transpose": (
            partial(conv_transpose, stride=stride),
            partial(plain_conv_transpose, stride=stride),
            (y, kernel),
        ),
        "kernel_gradient": (
            partial(kernel_gradient, **sizes),
            partial(plain_kernel_gradient, **sizes),
            (x, y),
        ),
    }


def loss(form):
    return lambda a, b: jnp.sum(jnp.sin(form(a, b)))


def penalty(form):
    """A gradient penalty, whose gradient is a second derivative."""
    gradient = jax.grad(loss(form), (0, 1))
    return lambda a, b: sum(jnp.sum(g**3) for g in gradient(a, b))


@pytest.mark.parametrize("name", ["conv", "conv_transpose", "kernel_gradient"])
@pytest.mark.parametrize(("kernel_size", "stride"), SIZES[:2])
@pytest.mark.parametrize("function", [loss, penalty])
def test_gradients_of_first_and_second_order_equal_the_plain_ones(name, kernel_size, stride, function):
    fast, plain, inputs = forms(kernel_size, stride)[name]
    actual = jax.jit(jax.grad(function(fast), (0, 1)))(*inputs)
    expected = jax.jit(jax.grad(function(plain), (0, 1)))(*inputs)
    for a, b in zip(actual, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4 * jnp.abs(b).max())


def test_gradients_under_vmap_equal_one_at_a_time():
    x, kernels = normal(0, 2, 6, 4, 2), normal(1, 3, 4, 4, 2, 5)
    gradient = jax.grad(loss(partial(conv, stride=2)), (0, 1))
    together = jax.jit(jax.vmap(gradient, in_axes=(None, 0)))(x, kernels)
    plain = jax.jit(jax.grad(loss(partial(plain_conv, stride=2)), (0, 1)))
    for i, kernel in enumerate(kernels):
        expected = plain(x, kernel)
        close(jax.tree.map(lambda g, i=i: g[i], together), expected)


@pytest.mark.parametrize("members", [0, 2])
@pytest.mark.parametrize("name", ["conv", "conv_transpose"])
@pytest.mark.parametrize(("kernel_size", "stride"), SIZES[:2])
def test_cpu_programs_hold_one_form_in_the_order_of_the_library(name, kernel_size, stride, members):
    x, kernel, y = arrays(kernel_size, stride, 5, 4, SIDES[1])
    inputs = [x if name == "conv" else y, kernel]
    gradient = jax.grad(loss(partial(conv if name == "conv" else conv_transpose, stride=stride)), (0, 1))
    if members:
        gradient, inputs = jax.vmap(gradient), [jnp.stack([part] * members) for part in inputs]
    program = jax.jit(gradient).lower(*inputs).as_text("hlo")
    convolutions = [line for line in program.splitlines() if " convolution(" in line]
    assert len(convolutions) == 3
    assert all("dim_labels=b01f_01io->b01f" in line for line in convolutions)
    assert "feature_group_count" not in program
    assert " conditional(" not in program


@pytest.mark.parametrize("name", ["conv", "conv_transpose", "kernel_gradient"])
@pytest.mark.parametrize(("c", "f"), CHANNELS)
def test_gradients_of_narrow_numbers_are_those_of_wide_ones_rounded(name, c, f):
    fast, _, inputs = forms(*SIZES[0], c, f)[name]
    narrow = [array.astype(jnp.bfloat16) for array in inputs]
    weight = normal(3, *fast(*inputs).shape)
    gradient = jax.grad(lambda a, b: jnp.sum(fast(a, b).astype(jnp.float32) * weight), (0, 1))
    wide = gradient(*(array.astype(jnp.float32) for array in narrow))
    for one, expected in zip(gradient(*narrow), wide, strict=True):
        assert one.dtype == jnp.bfloat16
        np.testing.assert_allclose(one.astype(jnp.float32), expected, atol=0.03 * jnp.abs(expected).max())
