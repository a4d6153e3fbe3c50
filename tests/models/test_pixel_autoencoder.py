import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rgnn_jax.config import parse_experiment
from rgnn_jax.errors import UserError
from rgnn_jax.evaluate.elbo import importance_weighted_nll, score_images
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


def test_pixels_are_drawn_as_often_as_is_likely_and_neighbours_independently():
    drawn = np.asarray(thresholds((100, 100, 1)))[:, :, 0] < 0.4
    for pairs in (drawn[:, 1:] & drawn[:, :-1], drawn[1:] & drawn[:-1], drawn[1:, :-1] & drawn[:-1, 1:]):
        assert pairs.mean() == pytest.approx(0.16, abs=0.02)
    assert drawn.mean() == pytest.approx(0.4, abs=0.02)


@pytest.mark.parametrize("settings", [{"likelihood": "gaussian"}, {"variational": False}])
def test_it_is_one_of_pixels_of_two_values(settings):
    with pytest.raises(UserError, match="pixel_vae"):
        PixelAutoencoderConfig(**settings)


def test_it_asks_for_pixels_of_two_values():
    settings = {"model": {"kind": "pixel_vae"}, "data": {"kind": "images", "path": "digits"}}
    with pytest.raises(UserError, match=r"set data\.binarize true"):
        parse_experiment(settings, "here")


def test_importance_samples_see_the_picture_that_they_explain():
    # Where the decoder does not heed the code, every sample has the same weight.
    images = np.zeros((3, HEIGHT, WIDTH, 1), np.uint8)
    images[1, 2:5], images[2, :, 4:] = 255, 255
    params = MODEL.init({"params": jax.random.key(0)}, jnp.asarray(images) / 255.0)["params"]
    features = params["decoder"]["features"]
    features["output"] = jax.tree.map(jnp.zeros_like, features["output"])
    params["encoder"]["output"] = jax.tree.map(jnp.zeros_like, params["encoder"]["output"])
    expected = [score_images(MODEL, params, images[row : row + 1])["reconstruction_loss"] for row in range(3)]
    assert np.ptp(expected) > 0.1
    found = importance_weighted_nll(MODEL, params, images, 7)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
