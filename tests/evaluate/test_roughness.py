import jax.numpy as jnp
import numpy as np

from rgnn_jax.datasets.image_distortion import turn
from rgnn_jax.evaluate.roughness import Roughened

STRIPS = np.random.default_rng(0).uniform(0.3, 0.7, (4, 2, 8, 8, 1)).astype(np.float32)
EVERY = np.arange(4)


def test_nothing_is_as_it_was():
    for kind in ("noise", "rotation"):
        np.testing.assert_allclose(Roughened(STRIPS, kind, 0.0)[EVERY], STRIPS, atol=1e-6)


def test_noise_has_its_deviation_and_depends_on_the_row_alone():
    noise = np.asarray(Roughened(STRIPS, "noise", 0.05)[EVERY]) - STRIPS
    assert abs(noise.std() - 0.05) < 0.005
    np.testing.assert_array_equal(Roughened(STRIPS, "noise", 0.05)[np.array([2])][0], noise[2] + STRIPS[2])


def test_a_quarter_turn_is_clockwise():
    picture = STRIPS[:1, 0, :, :, 0]
    turned = turn(jnp.asarray(picture), np.full(1, np.pi / 2, np.float32))
    np.testing.assert_allclose(turned[0], np.rot90(picture[0], -1), atol=1e-5)


def test_pictures_turn_to_either_side():
    many = np.broadcast_to(STRIPS[:1], (60, *STRIPS.shape[1:]))
    turned = np.asarray(Roughened(many, "rotation", 90.0)[np.arange(60)])[:, 0, :, :, 0]
    clockwise = [np.allclose(picture, np.rot90(STRIPS[0, 0, :, :, 0], -1), atol=1e-4) for picture in turned]
    assert 10 < sum(clockwise) < 50
