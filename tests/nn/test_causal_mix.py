import jax
import jax.numpy as jnp
import numpy as np

from rgnn_jax.nn.causal_mix import CausalMix


def test_starts_as_the_identity():
    x = jax.random.normal(jax.random.key(0), (2, 5, 3))
    (y, _), _ = CausalMix(taps=3).init_with_output(jax.random.key(1), x)
    np.testing.assert_array_equal(y, x)


def test_by_hand():
    """Taps 2, 3, 5, the last on the present: the second output is 3 * 1 + 5 * 10."""
    params = {"conv_mix": jnp.asarray([[2.0], [3.0], [5.0]])}
    x = jnp.asarray([1.0, 10.0, 100.0]).reshape(1, 3, 1)
    y, history = CausalMix(taps=3).apply({"params": params}, x)
    np.testing.assert_array_equal(y.ravel(), [5.0, 53.0, 532.0])
    np.testing.assert_array_equal(history.ravel(), [10.0, 100.0])


def test_history_continues_the_sequence():
    x = jax.random.normal(jax.random.key(0), (2, 7, 3))
    module = CausalMix(taps=4)
    variables = {"params": {"conv_mix": jax.random.normal(jax.random.key(1), (4, 3))}}
    whole, _ = module.apply(variables, x)
    first, history = module.apply(variables, x[:, :2])
    second, _ = module.apply(variables, x[:, 2:], history)
    np.testing.assert_allclose(jnp.concatenate([first, second], axis=1), whole, atol=1e-6)
