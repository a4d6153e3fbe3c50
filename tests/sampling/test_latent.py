import jax
import jax.numpy as jnp
import numpy as np
import pytest
from toy_pictures import DecoderOnly, linear_pictures

from rgnn_jax.errors import UserError
from rgnn_jax.sampling import latent
from rgnn_jax.sampling.latent import Gaussian, Posterior

MODEL, PARAMS = linear_pictures(bias=np.full(24, 0.3, np.float32))
CODES = np.random.default_rng(0).normal(0, 0.5, (5, 3)).astype(np.float32)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def test_decoding_is_the_sigmoid_of_the_logits_in_bytes_for_any_rank():
    expected = np.round(255 * sigmoid(CODES @ np.asarray(PARAMS["patterns"]) + 0.3)).reshape(5, 4, 6, 1)
    pictures = latent.decode(MODEL, PARAMS, CODES)
    assert pictures.dtype == np.uint8
    np.testing.assert_allclose(pictures.astype(int), expected, atol=1)
    np.testing.assert_array_equal(latent.decode(MODEL, PARAMS, CODES[:4].reshape(2, 2, 3))[1, 0], pictures[2])


@pytest.mark.parametrize("batch_size", [1, 2, 5, 64])
def test_encoding_inverts_decoding_whatever_the_batch(batch_size):
    pictures = latent.decode(MODEL, PARAMS, CODES, batch_size=batch_size)
    posterior = latent.encode(MODEL, PARAMS, pictures, batch_size=batch_size)
    np.testing.assert_allclose(posterior.z_mean, CODES, atol=0.02)
    assert posterior.z_logvar.shape == CODES.shape
    again = latent.decode(MODEL, PARAMS, posterior.z_mean, batch_size=batch_size)
    np.testing.assert_allclose(again.astype(int), pictures.astype(int), atol=2)


def test_codes_are_of_single_precision_whatever_the_model_computes_in():
    class Coarse(type(MODEL)):
        def encode(self, images, *, train=False):
            return jax.tree.map(lambda array: array.astype(jnp.bfloat16), super().encode(images))

    coarse = Coarse(**{name: getattr(MODEL, name) for name in ("z_dim", "image_shape")})
    posterior = latent.encode(coarse, PARAMS, latent.decode(MODEL, PARAMS, CODES))
    assert posterior.z_mean.dtype == posterior.z_logvar.dtype == np.float32
    np.testing.assert_allclose(posterior.z_mean, CODES, atol=0.05)


def test_what_a_model_cannot_do_is_said():
    with pytest.raises(UserError, match="DecoderOnly cannot read pictures"):
        latent.encode(DecoderOnly(), {}, np.zeros((1, 2, 2, 1), np.uint8))
    with pytest.raises(UserError, match="4x4x1, but the model reads 4x6x1"):
        latent.encode(MODEL, PARAMS, np.zeros((1, 4, 4, 1), np.uint8))


def test_aggregate_posterior_is_the_spread_of_the_means_and_the_mean_noise():
    mean = np.array([[1.0, 0.0], [-1.0, 4.0]], np.float32)
    gaussian = latent.aggregate_posterior(Posterior(mean, np.log([[1.0, 2.0], [3.0, 4.0]])))
    np.testing.assert_allclose(gaussian.mean, [0, 2])
    np.testing.assert_allclose(gaussian.covariance, [[2 + 2, -4], [-4, 8 + 3]])
    np.testing.assert_allclose(
        latent.aggregate_posterior(Posterior(mean, None)).covariance, [[2, -4], [-4, 8]]
    )
    with pytest.raises(UserError, match="codes of 1 pictures"):
        latent.aggregate_posterior(Posterior(mean[:1], None))


def test_draws_have_the_mean_and_covariance_that_they_are_drawn_from():
    gaussian = Gaussian(np.array([3.0, -1.0]), np.array([[4.0, 1.9], [1.9, 1.0]]))
    codes = latent.draw(gaussian, jax.random.key(0), 20_000)
    np.testing.assert_allclose(codes.mean(axis=0), gaussian.mean, atol=0.05)
    np.testing.assert_allclose(np.cov(codes, rowvar=False), gaussian.covariance, atol=0.1)
    np.testing.assert_array_equal(codes[:3], latent.draw(gaussian, jax.random.key(0), 20_000)[:3])
    halved = latent.draw(gaussian, jax.random.key(0), 20_000, temperature=0.5)
    np.testing.assert_allclose(halved - gaussian.mean, 0.5 * (codes - gaussian.mean), atol=1e-5)


def test_kl_worked_out_by_hand():
    posterior = Posterior(np.array([[2.0, 0.0], [0.0, 0.0]]), np.zeros((2, 2)))
    np.testing.assert_allclose(latent.kl_per_dimension(posterior), [0.5 * 4 / 2, 0])
    with pytest.raises(UserError, match="order its dimensions by effect"):
        latent.kl_per_dimension(Posterior(posterior.z_mean, None))


def test_traversal_changes_one_dimension_and_keeps_the_others():
    gaussian = Gaussian(np.array([0.0, 1.0, 0.0]), np.diag([1.0, 4.0, 1.0]))
    rows = latent.traverse(MODEL, PARAMS, CODES[0], gaussian, [2, 1], np.array([-1.0, 0.0, 1.0]))
    assert rows.shape == (2, 3, 4, 6, 1)
    expected = np.array([[*CODES[0, :2], 1.0], [CODES[0, 0], 1 - 2, CODES[0, 2]]], np.float32)
    np.testing.assert_array_equal(rows[[0, 1], [2, 0]], latent.decode(MODEL, PARAMS, expected))


def test_effect_is_that_of_the_pixels_a_dimension_changes():
    patterns = np.zeros((3, 24), np.float32)
    patterns[1, :12], patterns[2, :3] = 50.0, 50.0  # from black to white on a half, and on an eighth
    model, params = linear_pictures(patterns=patterns)
    effects = latent.effect_per_dimension(model, params, np.zeros((2, 3), np.float32), latent.prior(3))
    np.testing.assert_allclose(effects, [0, np.sqrt(1 / 2), np.sqrt(1 / 8)], atol=1e-6)


@pytest.mark.parametrize("walk", [latent.lerp, latent.slerp])
def test_walks_begin_and_end_where_they_should(walk):
    path = walk(CODES[0], CODES[1], 7)
    np.testing.assert_allclose(path[[0, -1]], CODES[:2], rtol=1e-6)
    assert path.shape == (7, 3)


def test_arc_keeps_the_length_and_takes_equal_angles():
    path = latent.slerp(np.array([2.0, 0.0]), np.array([0.0, 2.0]), 4)
    angles = np.pi / 6 * np.arange(4)
    np.testing.assert_allclose(path, 2 * np.stack([np.cos(angles), np.sin(angles)], axis=1), atol=1e-12)


@pytest.mark.parametrize("end", [[2.0, 0.0], [-1.0, 0.0], [0.0, 0.0]])
def test_codes_in_line_with_the_origin_are_joined_by_a_straight_line(end):
    start = np.array([1.0, 0.0])
    np.testing.assert_array_equal(latent.slerp(start, np.array(end), 3), latent.lerp(start, np.array(end), 3))
