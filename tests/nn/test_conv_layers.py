from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from rgnn_jax.nn.conv_layers import Conv, ConvTranspose

GOLDEN = Path(__file__).parents[1] / "golden" / "conv.npz"


def normal(seed: int, *shape: int) -> jax.Array:
    return jax.random.normal(jax.random.key(seed), shape)


def close(actual, expected) -> None:
    def check(a, b):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5 * max(1.0, float(jnp.abs(b).max())))

    jax.tree.map(check, actual, expected)


@pytest.mark.parametrize(
    ("layer", "side", "complaint"),
    [
        (Conv(3, 3, 2), 8, "kernel of 3 taps with stride 2"),
        (ConvTranspose(3, 5, 2), 8, "kernel of 5 taps with stride 2"),
        (Conv(3, 4, 2), 7, "picture of 7 x 7: stride 2"),
    ],
)
def test_strides_that_do_not_fit_are_refused(layer, side, complaint):
    with pytest.raises(ValueError, match=complaint):
        layer.init(jax.random.key(0), jnp.zeros((1, side, side, 2)))


@pytest.mark.parametrize("stride", [1, 2])
def test_layers_take_the_parameters_of_flax(stride):
    kernel_size = stride + 2
    x, y = normal(0, 2, 6, 4, 2), normal(1, 2, 6 // stride, 4 // stride, 3)
    sizes = {"kernel_size": (kernel_size, kernel_size), "strides": (stride, stride)}
    for ours, theirs, inputs in (
        (Conv(3, kernel_size, stride), nn.Conv(3, **sizes), x),
        (ConvTranspose(2, kernel_size, stride), nn.ConvTranspose(2, **sizes, transpose_kernel=True), y),
    ):
        params = theirs.init(jax.random.key(2), inputs)
        params["params"]["bias"] += normal(3, *params["params"]["bias"].shape)
        close(jax.jit(ours.apply)(params, inputs), theirs.apply(params, inputs))
        shapes = jax.tree.map(jnp.shape, jax.eval_shape(ours.init, jax.random.key(2), inputs))
        assert shapes == jax.tree.map(jnp.shape, params)


@pytest.mark.parametrize("name", ["conv", "transpose"])
def test_layers_equal_torch(name):
    with np.load(GOLDEN) as golden:
        g = {k.removeprefix(f"{name}/"): v for k, v in golden.items() if k.startswith(f"{name}/")}
    layer = Conv(5, 4, 2) if name == "conv" else ConvTranspose(5, 4, 2)

    def to_ours(suffix: str = "") -> dict[str, jax.Array]:
        kernel = g[f"kernel{suffix}"].transpose(2, 3, 1, 0)
        return {"kernel": jnp.asarray(kernel), "bias": jnp.asarray(g[f"bias{suffix}"])}

    def f(params, x):
        y = layer.apply({"params": params}, x)
        return jnp.sum(y * g["weight"].transpose(0, 2, 3, 1)), y

    x = jnp.asarray(g["x"].transpose(0, 2, 3, 1))
    (gradients, x_gradient), y = jax.jit(jax.grad(f, (0, 1), has_aux=True))(to_ours(), x)
    close(y, g["y"].transpose(0, 2, 3, 1))
    close(x_gradient, g["x_gradient"].transpose(0, 2, 3, 1))
    close(gradients, to_ours("_gradient"))


@pytest.mark.parametrize("layer", [Conv(64, 4, 2), Conv(64, 3), ConvTranspose(64, 4, 2)])
def test_initial_kernels_keep_the_mean_square_through_a_relu(layer):
    x = normal(0, 4, 16, 16, 64)
    y, _ = jax.jit(layer.init_with_output)(jax.random.key(1), x)
    assert 0.8 < jnp.mean(nn.relu(y[:, 2:-2, 2:-2]) ** 2) < 1.2


def test_parameters_stay_float32_where_the_compute_type_is_narrow():
    for layer in (Conv(3, 4, 2, jnp.bfloat16), ConvTranspose(3, 4, 2, jnp.bfloat16)):
        x = normal(0, 2, 4, 4, 2)
        y, variables = jax.eval_shape(layer.init_with_output, jax.random.key(1), x)
        assert {leaf.dtype for leaf in jax.tree.leaves(variables)} == {jnp.dtype("float32")}
        assert y.dtype == jnp.bfloat16
