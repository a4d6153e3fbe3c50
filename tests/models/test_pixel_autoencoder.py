import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rgnn_jax.errors import UserError
from rgnn_jax.models.pixel_autoencoder import (
    PixelAutoencoder,
    PixelAutoencoderConfig,
    contexts,
    thresholds,
)

HEIGHT, WIDTH, REACH = 8, 12, 2
MODEL = PixelAutoencoder(PixelAutoencoderConfig(z_dim=3, reach=REACH, width=5), (HEIGHT, WIDTH, 1))


def test_a_pixel_is_told_of_those_before_it_within_reach():
    key = jax.random.key(0)
    images = (jax.random.uniform(key, (1, HEIGHT, WIDTH, 1)) > 0.5).astype(jnp.float32)
    params = MODEL.init({"params": key}, images)
    z = jnp.ones((1, 3))

    @jax.jit
    def changed(row, column):
        other = images.at[0, row, column, 0].set(1 - images[0, row, column, 0])
        before, after = (MODEL.apply(params, z, x, method="explain") for x in (images, other))
        return (jnp.abs(before - after) > 1e-5)[0, :, :, 0]

    for row, column in [(0, 0), (3, 5), (7, 11)]:
        told = np.zeros((HEIGHT, WIDTH), bool)
        told[row + 1 : row + REACH + 1, max(0, column - REACH) : column + REACH + 1] = True
        told[row, column + 1 : column + REACH + 1] = True
        np.testing.assert_array_equal(changed(row, column), told)


def test_contexts_are_rows_above_and_pixels_to_the_left_in_reading_order():
    images = jnp.arange(1.0, 10.0).reshape(1, 3, 3, 1)
    found = contexts(images, 1)
    assert found.shape == (1, 3, 3, 4)
    np.testing.assert_array_equal(found[0, 1, 1], [1, 2, 3, 4])
    np.testing.assert_array_equal(found[0, 0, 2], [0, 0, 0, 2])


def test_thresholds_are_spread_evenly_over_rows_columns_and_patches():
    numbers = np.asarray(thresholds((28, 28, 1)))[:, :, 0]
    for part in (numbers[3], numbers[:, 7], numbers[8:14, 10:16].ravel()):
        shares = [(part < share).mean() for share in (0.2, 0.5, 0.8)]
        np.testing.assert_allclose(shares, (0.2, 0.5, 0.8), atol=0.1)


@pytest.mark.parametrize("settings", [{"likelihood": "gaussian"}, {"variational": False}])
def test_it_is_one_of_pixels_of_two_values(settings):
    with pytest.raises(UserError, match="pixel_vae"):
        PixelAutoencoderConfig(**settings)
