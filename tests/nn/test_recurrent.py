from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rgnn_jax.nn.recurrent import gru, gru_step, lstm, lstm_step

GOLDEN = Path(__file__).parents[1] / "golden" / "recurrent.npz"


def golden(kind: str) -> dict[str, np.ndarray]:
    with np.load(GOLDEN) as archive:
        return {
            name.removeprefix(f"{kind}/"): archive[name] for name in archive if name.startswith(f"{kind}/")
        }


def run_lstm(leaves: dict) -> dict:
    bias = leaves["bias_ih"] + leaves["bias_hh"]
    gates_x = leaves["x"].swapaxes(0, 1) @ leaves["weight_ih"].T + bias[None, None]
    outputs, (h, c) = lstm(gates_x, leaves["weight_hh"].T, (leaves["h0"][0], leaves["c0"][0]))
    return {"outputs": outputs.swapaxes(0, 1), "hn": h[None], "cn": c[None]}


def run_gru(leaves: dict) -> dict:
    b_r, b_z, b_n = jnp.split(leaves["bias_hh"], 3)
    bias = leaves["bias_ih"] + jnp.concatenate([b_r, b_z, jnp.zeros_like(b_n)])
    gates_x = leaves["x"].swapaxes(0, 1) @ leaves["weight_ih"].T + bias[None, None]
    outputs, h = gru(gates_x, leaves["weight_hh"].T, b_n, leaves["h0"][0])
    return {"outputs": outputs.swapaxes(0, 1), "hn": h[None]}


@pytest.mark.parametrize(("kind", "run"), [("lstm", run_lstm), ("gru", run_gru)])
def test_outputs_and_gradients_equal_torch(kind, run):
    expected = golden(kind)
    names = {name.removeprefix("gradient_of_") for name in expected if name.startswith("gradient_of_")}
    assert {"x", "h0", "weight_ih", "weight_hh", "bias_ih", "bias_hh"} <= names
    leaves = {name: jnp.array(expected[name]) for name in names}

    def loss(leaves):
        results = run(leaves)
        return sum((results[name] * expected[f"weight_of_{name}"]).sum() for name in results), results

    gradients, results = jax.jit(jax.grad(loss, has_aux=True))(
        {name: jnp.array(expected[name]) for name in leaves}
    )
    for name, value in results.items():
        np.testing.assert_allclose(value, expected[name], atol=1e-5, err_msg=name)
    for name, value in gradients.items():
        np.testing.assert_allclose(value, expected[f"gradient_of_{name}"], atol=1e-5, err_msg=name)


def plain_lstm(gates_x, kernel, carry):
    outputs = []
    for t in range(gates_x.shape[0]):
        carry = lstm_step(gates_x[t], kernel, carry)
        outputs.append(carry[0])
    return jnp.stack(outputs), carry


def plain_gru(gates_x, kernel, bias_n, h):
    outputs = []
    for t in range(gates_x.shape[0]):
        h = gru_step(gates_x[t], kernel, bias_n, h)
        outputs.append(h)
    return jnp.stack(outputs), h


def lstm_arguments(key):
    k = jax.random.split(key, 4)
    carry = (jax.random.normal(k[2], (2, 4)), jax.random.normal(k[3], (2, 4)))
    return jax.random.normal(k[0], (5, 2, 16)), jax.random.normal(k[1], (4, 16)), carry


def gru_arguments(key):
    k = jax.random.split(key, 4)
    kernel, bias_n = jax.random.normal(k[1], (4, 12)), jax.random.normal(k[2], (4,))
    return jax.random.normal(k[0], (5, 2, 12)), kernel, bias_n, jax.random.normal(k[3], (2, 4))


def gradients_of(f):
    def loss(*arguments):
        return sum(jnp.sum(jnp.sin(leaf)) for leaf in jax.tree.leaves(f(*arguments)))

    return lambda *arguments: jax.grad(loss, argnums=tuple(range(len(arguments))))(*arguments)


CELLS = [(lstm, plain_lstm, lstm_arguments), (gru, plain_gru, gru_arguments)]


@pytest.mark.parametrize(("fast", "plain", "arguments"), CELLS)
def test_backward_pass_equals_differentiation_of_the_steps(fast, plain, arguments):
    arguments = arguments(jax.random.key(0))
    expected = jax.jit(gradients_of(plain))(*arguments)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5),
        jax.jit(gradients_of(fast))(*arguments),
        expected,
    )


@pytest.mark.parametrize(("fast", "plain", "arguments"), CELLS)
def test_backward_pass_under_vmap(fast, plain, arguments):
    stacked = jax.vmap(arguments)(jax.random.split(jax.random.key(1), 3))
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5),
        jax.jit(jax.vmap(gradients_of(fast)))(*stacked),
        jax.jit(jax.vmap(gradients_of(plain)))(*stacked),
    )


@pytest.mark.parametrize("steps", [1, 5])
@pytest.mark.parametrize(("fast", "plain", "arguments"), CELLS)
def test_no_carry_is_a_carry_of_zeros(fast, plain, arguments, steps):
    gates_x, *parameters, carry = arguments(jax.random.key(0))
    zeros = jax.tree.map(jnp.zeros_like, carry)

    def differentiated(f, carry):
        return jax.jit(gradients_of(lambda *given: f(*given, carry)))(gates_x[:steps], *parameters)

    for f, given in ((fast, None), (fast, zeros)):
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5),
            differentiated(f, given),
            differentiated(plain, zeros),
        )


def test_lstm_step_by_hand():
    # All gates' products are 0; i = f = o = 1/2 and g = tanh(1): c = 2 / 2 + tanh(1) / 2, h = tanh(c) / 2.
    gates_x = jnp.array([[0.0, 0.0, 1.0, 0.0]])
    h, c = lstm_step(gates_x, jnp.zeros((1, 4)), (jnp.array([[3.0]]), jnp.array([[2.0]])))
    np.testing.assert_allclose(c, [[1 + np.tanh(1) / 2]], rtol=1e-6)
    np.testing.assert_allclose(h, np.tanh(c) / 2, rtol=1e-6)


def test_gru_step_by_hand():
    # r = z = 1/2; n = tanh(1 + r * bias_n) with bias_n = 4; h = (n + 3) / 2.
    gates_x = jnp.array([[0.0, 0.0, 1.0]])
    h = gru_step(gates_x, jnp.zeros((1, 3)), jnp.array([4.0]), jnp.array([[3.0]]))
    np.testing.assert_allclose(h, [[(np.tanh(3) + 3) / 2]], rtol=1e-6)
