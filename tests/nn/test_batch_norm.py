"""Batch normalisation, equal to the plain formula, and its running moments."""

import jax
import jax.numpy as jnp
import numpy as np

from rgnn_jax.nn.batch_norm import EPSILON, MOMENTUM, BatchNorm, normalise_columns

X = 3.0 + 2.0 * jax.random.normal(jax.random.key(0), (6, 4, 2, 5))


def plain(x, scale, bias):
    mean, variance = x.mean(0, keepdims=True), x.var(0, keepdims=True)
    return (x - mean) / jnp.sqrt(variance + EPSILON) * scale[None] + bias[None]


def test_values_and_gradients_equal_the_plain_formula():
    flat = X.reshape(-1, 5)
    scale, bias, weights = (
        jax.random.normal(jax.random.key(i), s) for i, s in ((1, (5,)), (2, (5,)), (3, flat.shape))
    )
    for function in (normalise_columns, plain):
        np.testing.assert_allclose(
            function(flat, scale, bias), plain(flat, scale, bias), rtol=1e-4, atol=1e-5
        )
    found, expected = (
        jax.grad(lambda *a, f=f: (jnp.sin(f(*a)) * weights).sum(), argnums=(0, 1, 2))(flat, scale, bias)
        for f in (normalise_columns, plain)
    )
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-4)


def test_running_moments_move_in_training_and_serve_after_it():
    layer = BatchNorm()
    params = layer.init(jax.random.key(0), X, train=False)["params"]
    _, kept = layer.apply({"params": params}, X, train=True, mutable=["moved"])
    flat = np.asarray(X).reshape(-1, 5)
    np.testing.assert_allclose(kept["moved"]["mean"], (1 - MOMENTUM) * flat.mean(0), rtol=1e-4)
    np.testing.assert_allclose(kept["moved"]["variance"], MOMENTUM + (1 - MOMENTUM) * flat.var(0), rtol=1e-4)
    exact = params | {"mean": jnp.asarray(flat.mean(0)), "variance": jnp.asarray(flat.var(0))}
    normal = np.asarray(layer.apply({"params": exact}, X, train=False)).reshape(-1, 5)
    np.testing.assert_allclose(normal.mean(0), 0, atol=1e-4)
    np.testing.assert_allclose(normal.std(0), 1, atol=1e-3)


def test_without_running_moments_every_call_takes_its_own():
    layer = BatchNorm(running=False)
    params = layer.init(jax.random.key(0), X, train=False)["params"]
    assert set(params) == {"scale", "bias"}
    one, other = (layer.apply({"params": params}, X, train=train) for train in (False, True))
    np.testing.assert_array_equal(one, other)
