import jax
import jax.numpy as jnp
import numpy as np

from rgnn_jax.datasets.image_distortion import BEND, distort

SIDE, MARGIN = 28, 8


def test_a_picture_is_bent_beside_what_turns_and_scales_it():
    """A picture whose pixels say their row says after it from which row each pixel came."""
    rows = jnp.broadcast_to(jnp.arange(SIDE, dtype=jnp.float32)[:, None], (1, SIDE, SIDE))
    drawn = np.asarray(distort(rows, jnp.zeros(20, jnp.int32), jax.random.key(0)))
    inside = slice(MARGIN, SIDE - MARGIN)
    places = drawn[:, inside, inside].reshape(20, -1).T
    y, x = np.mgrid[inside, inside].reshape(2, -1)
    affine = np.stack([np.ones_like(y), y, x], axis=1)
    bent = places - affine @ np.linalg.lstsq(affine, places, rcond=None)[0]
    assert (np.abs(bent).max(axis=0) > 0.05).all()
    assert np.abs(bent).max() < BEND * SIDE
