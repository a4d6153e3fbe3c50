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


def test_a_heavy_prior_keeps_codes_near_the_origin():
    model, params = linear_pictures(z_dim=2)
    pictures = decode(model, params, np.full((1, 2), 3.0))
    free, held = (search_codes(model, params, pictures, KEY, prior_weight=w) for w in (0.0, 10.0))
    assert np.linalg.norm(held) < 0.2 < np.linalg.norm(free)


def test_pictures_of_another_shape_are_refused():
    model, params = linear_pictures(shape=(4, 6, 1))
    with pytest.raises(UserError, match=r"2x2x1.*4x6x1"):
        search_codes(model, params, np.zeros((1, 2, 2, 1), np.uint8), KEY)
