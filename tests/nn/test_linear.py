import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from rgnn_jax.nn.linear import Dense, linear, matmul


def test_linear_by_hand():
    y = linear(
        jnp.array([[1.0, 2.0]]), jnp.array([[1.0, 0.0, 2.0], [3.0, 1.0, 0.0]]), jnp.array([0.0, 1.0, 0.0])
    )
    np.testing.assert_array_equal(y, [[7.0, 3.0, 2.0]])


@pytest.mark.parametrize("shape", [(3,), (4, 3), (2, 4, 3)])
def test_gradients_equal_those_of_a_plain_product(shape):
    x, kernel = jax.random.normal(jax.random.key(0), shape), jax.random.normal(jax.random.key(1), (3, 5))

    def gradients(product):
        return jax.jit(jax.grad(lambda x, kernel: jnp.sin(product(x, kernel)).sum(), argnums=(0, 1)))(
            x, kernel
        )

    for fast, plain in zip(gradients(matmul), gradients(jnp.matmul), strict=True):
        np.testing.assert_allclose(fast, plain, atol=1e-6)


def test_gradients_under_vmap_over_kernels():
    x, kernels = jax.random.normal(jax.random.key(0), (4, 3)), jax.random.normal(jax.random.key(1), (2, 3, 5))
    gradients = jax.vmap(jax.grad(lambda kernel: jnp.sin(matmul(x, kernel)).sum()))(kernels)
    expected = [jax.grad(lambda kernel: jnp.sin(x @ kernel).sum())(kernel) for kernel in kernels]
    np.testing.assert_allclose(gradients, jnp.stack(expected), atol=1e-6)


def test_dense_takes_the_parameters_of_flax():
    x = jax.random.normal(jax.random.key(0), (2, 3, 4))
    variables = nn.Dense(5).init(jax.random.key(1), x)
    np.testing.assert_allclose(Dense(5).apply(variables, x), nn.Dense(5).apply(variables, x), atol=1e-6)
    assert jax.tree.map(jnp.shape, Dense(5).init(jax.random.key(1), x)) == jax.tree.map(jnp.shape, variables)


def test_dense_without_bias_has_none():
    assert set(Dense(5, use_bias=False).init(jax.random.key(0), jnp.zeros((1, 4)))["params"]) == {"kernel"}
