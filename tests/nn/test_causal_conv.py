from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rgnn_jax.nn.causal_conv import (
    CausalConv,
    causal_conv,
    dilated_conv,
    weight_norm,
    xla_dilated_conv,
)

GOLDEN = Path(__file__).parents[1] / "golden" / "tcn.npz"


def normal(seed: int, *shape: int) -> jax.Array:
    return jax.random.normal(jax.random.key(seed), shape)


def loss(conv, *settings):
    return lambda x, kernel: jnp.sum(jnp.tanh(conv(x, kernel, *settings)) ** 2)


def penalty(conv, *settings):
    """Squares of a gradient, whose own gradient is a second derivative."""
    gradient = jax.grad(loss(conv, *settings), (0, 1))
    return lambda x, kernel: sum(jnp.sum(g**2) for g in gradient(x, kernel))


def test_hand_worked_values():
    x = jnp.array([1.0, 2.0, 3.0, 4.0]).reshape(1, 4, 1)
    kernel = jnp.array([10.0, 1.0]).reshape(2, 1, 1)
    assert causal_conv(x, kernel, 2).ravel().tolist() == [1.0, 2.0, 13.0, 24.0]
    history = jnp.array([5.0, 6.0]).reshape(1, 2, 1)
    assert causal_conv(x, kernel, 2, history).ravel().tolist() == [51.0, 62.0, 13.0, 24.0]


@pytest.mark.parametrize("function", [loss, penalty])
@pytest.mark.parametrize(("kernel_size", "dilation", "pad"), [(1, 1, (0, 0)), (2, 4, (4, 0)), (3, 2, (1, 2))])
def test_values_and_gradients_equal_those_of_jax(kernel_size, dilation, pad, function):
    x, kernel = normal(0, 2, 9, 3), normal(1, kernel_size, 3, 4)
    plain = jax.value_and_grad(function(xla_dilated_conv, dilation, pad), (0, 1))(x, kernel)
    fast = jax.value_and_grad(function(dilated_conv, dilation, pad), (0, 1))(x, kernel)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4), fast, plain)


def test_gradients_under_vmap_equal_one_at_a_time():
    x, kernels = normal(0, 2, 9, 3), normal(1, 4, 3, 3, 5)
    together = jax.vmap(jax.grad(loss(dilated_conv, 2), (0, 1)), in_axes=(None, 0))(x, kernels)
    for i, kernel in enumerate(kernels):
        plain = jax.grad(loss(xla_dilated_conv, 2), (0, 1))(x, kernel)
        for one, expected in zip(together, plain, strict=True):
            np.testing.assert_allclose(one[i], expected, rtol=1e-5, atol=1e-5)


def test_gradients_of_narrow_numbers_are_those_of_wide_ones_rounded():
    x, kernel = normal(0, 2, 9, 3), normal(1, 3, 3, 4)
    narrow = [array.astype(jnp.bfloat16) for array in (x, kernel)]
    wide = jax.grad(loss(dilated_conv, 2, (4, 0)), (0, 1))(*(array.astype(jnp.float32) for array in narrow))
    for gradient, expected in zip(
        jax.grad(loss(dilated_conv, 2, (4, 0)), (0, 1))(*narrow), wide, strict=True
    ):
        assert gradient.dtype == jnp.bfloat16
        np.testing.assert_allclose(
            gradient.astype(jnp.float32), expected, atol=0.03 * jnp.abs(expected).max()
        )


@pytest.mark.parametrize("members", [0, 2])
def test_cpu_programs_hold_one_form_in_the_order_of_the_library(members):
    inputs = [normal(0, 2, 9, 3), normal(1, 3, 3, 5)]
    gradient = jax.grad(lambda x, kernel: jnp.sum(dilated_conv(x, kernel, 2) ** 2), (0, 1))
    if members:
        gradient, inputs = jax.vmap(gradient), [jnp.stack([part] * members) for part in inputs]
    program = jax.jit(gradient).lower(*inputs).as_text("hlo")
    convolutions = [line for line in program.splitlines() if " convolution(" in line]
    assert len(convolutions) == 2  # the kernel's gradient is a product
    assert all("dim_labels=b01f_01io->b01f" in line for line in convolutions)
    assert "feature_group_count" not in program
    assert " conditional(" not in program


def test_history_stands_for_the_steps_before():
    x, kernel = normal(0, 2, 11, 3), normal(1, 3, 3, 4)
    whole = causal_conv(x, kernel, 2)
    rest = causal_conv(x[:, 6:], kernel, 2, x[:, 2:6])
    np.testing.assert_allclose(rest, whole[:, 6:], rtol=1e-5, atol=1e-5)


def test_weight_norm_gives_each_output_channel_its_magnitude():
    magnitude = jnp.array([0.5, 1.0, 2.0, 3.0])
    kernel = weight_norm(normal(0, 3, 5, 4), magnitude)
    np.testing.assert_allclose(jnp.sqrt(jnp.sum(kernel**2, axis=(0, 1))), magnitude, rtol=1e-6)
    np.testing.assert_allclose(kernel, weight_norm(7.0 * normal(0, 3, 5, 4), magnitude), rtol=1e-5)


def test_causal_conv_equals_torch():
    with np.load(GOLDEN) as golden:
        g = {name.removeprefix("conv/"): value for name, value in golden.items() if name.startswith("conv/")}

    def f(x, kernel):
        return jnp.sum((causal_conv(x, kernel, 2) + g["conv/bias"][None, None]) * g["weight"].swapaxes(1, 2))

    x, kernel = jnp.asarray(g["x"].swapaxes(1, 2)), jnp.asarray(g["conv/weight"].T)
    x_gradient, kernel_gradient = jax.grad(f, (0, 1))(x, kernel)
    y = causal_conv(x, kernel, 2) + g["conv/bias"][None, None]
    np.testing.assert_allclose(y, g["y"].swapaxes(1, 2), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(x_gradient, g["x_gradient"].swapaxes(1, 2), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(kernel_gradient, g["conv/weight/gradient"].T, rtol=1e-5, atol=1e-5)


def test_weight_normalised_layer_equals_torch():
    with np.load(GOLDEN) as golden:
        g = {n.removeprefix("weight_norm/"): v for n, v in golden.items() if n.startswith("weight_norm/")}
    layer = CausalConv(in_features=4, features=5, kernel_size=3, dilation=2)

    def f(params, x):
        y = layer.apply({"params": params}, x)
        return jnp.sum(y * g["weight"].swapaxes(1, 2)), y

    x = jnp.asarray(g["x"].swapaxes(1, 2))
    (gradients, x_gradient), y = jax.grad(f, (0, 1), has_aux=True)(torch_conv_params(g, "conv"), x)
    np.testing.assert_allclose(y, g["y"].swapaxes(1, 2), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(x_gradient, g["x_gradient"].swapaxes(1, 2), rtol=1e-5, atol=1e-5)
    expected = torch_conv_params(g, "conv", "/gradient")
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5), gradients, expected)


def torch_conv_params(golden: dict[str, np.ndarray], module: str, suffix: str = "") -> dict[str, jax.Array]:
    return {
        "direction": jnp.asarray(golden[f"{module}/weight.original1{suffix}"].T),
        "magnitude": jnp.asarray(golden[f"{module}/weight.original0{suffix}"].ravel()),
        "bias": jnp.asarray(golden[f"{module}/bias{suffix}"]),
    }


@pytest.mark.parametrize("kernel_size", [2, 3])
def test_one_step_equals_the_sequence(kernel_size):
    layer = CausalConv(in_features=3, features=4, kernel_size=kernel_size, dilation=2)
    x = normal(0, 2, 9, 3)
    variables = layer.init(jax.random.key(1), x)
    past = x[:, 8 - layer.span : 8 : 2]
    y = layer.apply(variables, x[:, 8], past, method="step")
    np.testing.assert_allclose(y, layer.apply(variables, x)[:, 8], rtol=1e-5, atol=1e-5)


def test_parameters_stay_float32_where_the_compute_type_is_narrow():
    layer = CausalConv(in_features=3, features=4, kernel_size=3, dilation=2, dtype=jnp.bfloat16)
    x = normal(0, 2, 9, 3)
    variables = layer.init(jax.random.key(1), x)
    assert {leaf.dtype for leaf in jax.tree.leaves(variables)} == {jnp.dtype("float32")}
    assert layer.apply(variables, x).dtype == jnp.bfloat16
