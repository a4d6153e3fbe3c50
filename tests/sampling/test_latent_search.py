"""The search for a picture's code, on a linear decoder whose codes are known."""

import jax
import numpy as np
import pytest
from toy_pictures import linear_pictures

from rgnn_jax.errors import UserError
from rgnn_jax.sampling.latent import decode
from rgnn_jax.sampling.latent_search import search_codes

KEY = jax.random.key(1)


@pytest.mark.parametrize("restarts", [1, 3])
def test_the_codes_of_decoded_pictures_are_found(restarts):
    model, params = linear_pictures(z_dim=2)
    codes = np.asarray(jax.random.normal(jax.random.key(5), (40, 2)))
    found = search_codes(
        model, params, decode(model, params, codes), KEY, restarts=restarts, prior_weight=0.0
    )
    np.testing.assert_allclose(found, codes, atol=0.1)


def error_of(model, params, pictures, codes):
    return np.square((decode(model, params, codes) / 255.0) - pictures / 255.0).mean((1, 2, 3))


def test_of_several_searches_and_of_all_codes_passed_the_best_is_kept():
    # So steep that the first steps, of 0.1 in each dimension, overshoot.
    model, params = linear_pictures(z_dim=2)
    params = jax.tree.map(lambda leaf: 40 * leaf, params)
    pictures = decode(model, params, np.asarray(jax.random.normal(jax.random.key(5), (40, 2))))

    def error(steps, restarts):
        found = search_codes(model, params, pictures, KEY, steps=steps, restarts=restarts, prior_weight=0.0)
        return error_of(model, params, pictures, found)

    begun = error(1, 1)
    np.testing.assert_allclose(error(1, 3), begun, atol=1e-6)
    assert np.all(error(3, 1) <= begun + 1e-6)


def test_a_heavy_prior_keeps_codes_near_the_origin():
    model, params = linear_pictures(z_dim=2)
    pictures = decode(model, params, np.full((1, 2), 3.0))
    free, held = (search_codes(model, params, pictures, KEY, prior_weight=w) for w in (0.0, 10.0))
    assert np.linalg.norm(held) < 0.2 < np.linalg.norm(free)


def test_pictures_of_another_shape_are_refused():
    model, params = linear_pictures(shape=(4, 6, 1))
    with pytest.raises(UserError, match=r"2x2x1.*4x6x1"):
        search_codes(model, params, np.zeros((1, 2, 2, 1), np.uint8), KEY)
