import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rgnn_jax.nn.dropout import Dropout, keep_mask


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_rate_and_mean(rate):
    mask = keep_mask(jax.random.key(0), rate, (512, 512))
    error = (rate * (1 - rate)) ** 0.5 / 512
    assert abs(float((mask == 0).mean()) - rate) < 4 * error
    np.testing.assert_allclose(mask.max(), 1 / (1 - rate), rtol=1e-6)


def test_elements_and_keys_are_uncorrelated():
    masks = jax.vmap(lambda key: keep_mask(key, 0.5, (256, 256)))(jax.random.split(jax.random.key(0), 16)) - 1
    flat = masks.reshape(16, -1)
    for lag in (1, 2, 16, 256, 4096):
        assert abs(float((flat[:, lag:] * flat[:, :-lag]).mean())) < 5 / flat.size**0.5
    between_keys = jnp.corrcoef(flat) - jnp.eye(16)
    assert float(jnp.abs(between_keys).max()) < 5 / 256


def test_deterministic_and_rate_zero_are_the_identity():
    x = jax.random.normal(jax.random.key(0), (3, 4))
    np.testing.assert_array_equal(Dropout(0.5).apply({}, x, deterministic=True), x)
    np.testing.assert_array_equal(Dropout(0.0).apply({}, x, deterministic=False), x)


def test_broadcast_dims_share_their_fate():
    rngs = {"dropout": jax.random.key(0)}
    y = Dropout(0.5, broadcast_dims=(-1,)).apply({}, jnp.ones((64, 8)), deterministic=False, rngs=rngs)
    np.testing.assert_array_equal(y, jnp.broadcast_to(y[:, :1], y.shape))
    assert set(np.unique(y)) == {0.0, 2.0}


def test_gradient_passes_where_the_value_did():
    def f(x):
        return Dropout(0.5).apply({}, x, deterministic=False, rngs={"dropout": jax.random.key(0)})

    x = jnp.ones((64,))
    np.testing.assert_array_equal(jax.grad(lambda x: f(x).sum())(x), f(x))
