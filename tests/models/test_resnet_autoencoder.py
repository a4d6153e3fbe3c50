import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rgnn_jax.models.resnet_autoencoder import (
    GroupNormSiLU,
    ResidualBlock,
    ResNetAutoencoder,
    ResNetAutoencoderConfig,
)


@pytest.mark.parametrize(
    ("shape", "start"), [((64, 64, 3), (4, 4, 256)), ((32, 32, 1), (4, 4, 128)), ((28, 28, 1), (7, 7, 64))]
)
def test_small_pictures_use_the_first_widths(shape, start):
    model = ResNetAutoencoder(ResNetAutoencoderConfig(z_dim=10), shape)
    params = jax.eval_shape(model.init, jax.random.key(0), jnp.zeros((1, *shape)))["params"]
    assert params["encoder"]["output"]["kernel"].shape == (np.prod(start), 20)
    assert params["decoder"]["input"]["kernel"].shape == (10, np.prod(start))


def test_fewer_widths_halve_less_often():
    model = ResNetAutoencoder(ResNetAutoencoderConfig(z_dim=1, widths=(2,), blocks=2), (32, 32, 1))
    params = jax.eval_shape(model.init, jax.random.key(0), jnp.zeros((1, 32, 32, 1)))["params"]
    assert params["encoder"]["output"]["kernel"].shape == (16 * 16 * 2, 2)
    assert {"block_0_0", "block_0_1"} < set(params["encoder"])


def test_normalisation_by_hand():
    """Twelve channels make four groups of three: the greatest number of groups up to 8 that divides both."""
    x = jax.random.normal(jax.random.key(0), (2, 3, 2, 12))
    layer = GroupNormSiLU()
    y = layer.apply(layer.init(jax.random.key(1), x), x)
    groups = np.asarray(x).reshape(2, 6, 4, 3)
    normal = (groups - groups.mean((1, 3), keepdims=True)) / groups.std((1, 3), keepdims=True)
    expected = (normal / (1 + np.exp(-normal))).reshape(x.shape)
    np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-4)


def test_a_block_without_weights_is_the_identity():
    x = jax.random.normal(jax.random.key(0), (2, 4, 4, 8))
    block = ResidualBlock()
    params = jax.eval_shape(block.init, jax.random.key(1), x)
    zeros = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape), params)
    np.testing.assert_array_equal(block.apply(zeros, x), x)
