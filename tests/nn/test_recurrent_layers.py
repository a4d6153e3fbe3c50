import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rgnn_jax.nn.recurrent_layers import GRULayer, LSTMLayer, orthogonal_gates


@pytest.mark.parametrize("layer", [LSTMLayer(6), GRULayer(6)])
def test_layer_steps_equal_its_sequence(layer):
    x = jax.random.normal(jax.random.key(0), (5, 2, 3))
    carry = layer.init_carry(2, 6)
    variables = layer.init(jax.random.key(1), x, carry)
    outputs, last = layer.apply(variables, x, carry)
    for t in range(5):
        output, carry = layer.apply(variables, x[t], carry, method="step")
        np.testing.assert_allclose(output, outputs[t], atol=1e-6)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), carry, last)


@pytest.mark.parametrize("kind", [LSTMLayer, GRULayer])
@pytest.mark.parametrize("started", [False, True])
def test_narrow_products_stay_close_and_leave_carry_and_gradients_float32(kind, started):
    x = jax.random.normal(jax.random.key(0), (5, 2, 3))
    layer, narrow = kind(6), kind(6, dtype=jnp.bfloat16)
    carry = layer.init_carry(2, 6) if started else None
    variables = layer.init(jax.random.key(1), x, carry)
    outputs, last = narrow.apply(variables, x, carry)
    assert outputs.dtype == jnp.bfloat16
    assert {leaf.dtype for leaf in jax.tree.leaves(last)} == {jnp.dtype("float32")}
    np.testing.assert_allclose(outputs.astype(jnp.float32), layer.apply(variables, x, carry)[0], atol=0.02)

    def gradient(layer):
        return jax.grad(lambda v: (layer.apply(v, x, carry)[0].astype(jnp.float32) ** 2).sum())(variables)

    for one, wide in zip(jax.tree.leaves(gradient(narrow)), jax.tree.leaves(gradient(layer)), strict=True):
        assert one.dtype == jnp.float32
        np.testing.assert_allclose(one, wide, atol=0.03 * jnp.abs(wide).max())


def test_recurrent_kernel_is_orthogonal_a_gate():
    kernel = orthogonal_gates(jax.random.key(0), (5, 20))
    for gate in jnp.split(kernel, 4, axis=1):
        np.testing.assert_allclose(gate @ gate.T, np.eye(5), atol=1e-5)


def test_forget_bias_is_in_the_forget_gate():
    layer = LSTMLayer(2, forget_bias=1.5)
    variables = layer.init(jax.random.key(0), jnp.zeros((1, 1, 3)), layer.init_carry(1, 2))
    np.testing.assert_array_equal(variables["params"]["bias"], [0, 0, 1.5, 1.5, 0, 0, 0, 0])
