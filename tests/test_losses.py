import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rgnn_jax.losses import (
    bernoulli_nll,
    cross_entropy,
    gaussian_nll,
    kl_divergence,
    reconstruction_nll,
    teacher_forced,
)


def pictures(values):
    """One pixel a row."""
    return jnp.asarray(values, jnp.float32).reshape(-1, 1, 1, 1)


def test_cross_entropy_is_minus_the_log_of_the_softmax():
    logits = jnp.log(jnp.array([[0.1, 0.2, 0.7], [0.5, 0.25, 0.25]])) + 3.0
    np.testing.assert_allclose(cross_entropy(logits, jnp.array([2, 1])), -np.log([0.7, 0.25]), rtol=1e-6)


def test_a_decoder_is_fed_the_target_one_step_later():
    np.testing.assert_array_equal(teacher_forced(jnp.array([[1, 2, 3]]), 12), [[12, 1, 2]])


def test_bernoulli_nll_is_minus_the_log_probability():
    probability = np.array([0.9, 0.9, 0.2])
    logits = pictures(np.log(probability / (1 - probability)))
    nll = bernoulli_nll(logits, pictures([1.0, 0.0, 1.0]))
    np.testing.assert_allclose(nll, -np.log([0.9, 0.1, 0.2]), rtol=1e-5)


def test_bernoulli_probabilities_of_all_pictures_sum_to_one():
    logits = jax.random.normal(jax.random.key(0), (1, 2, 3, 1))
    every = jnp.asarray(np.indices((2,) * 6).reshape(6, 64).T.reshape(64, 2, 3, 1), jnp.float32)
    nll = bernoulli_nll(jnp.broadcast_to(logits, every.shape), every)
    np.testing.assert_allclose(jnp.exp(-nll).sum(), 1.0, rtol=1e-5)


@pytest.mark.parametrize("logit", [0.0, 2.0, -2.0, 200.0, -200.0])
def test_bernoulli_gradient_is_the_sigmoid_minus_the_pixel(logit):
    pixels = jnp.array([0.0, 0.3, 1.0])

    def loss(logits):
        return bernoulli_nll(logits, pictures(pixels)).sum()

    gradient = jax.grad(loss)(jnp.full((3, 1, 1, 1), logit))
    np.testing.assert_allclose(gradient.ravel(), jax.nn.sigmoid(logit) - pixels, atol=1e-6)


def test_gaussian_density_integrates_to_one():
    x = np.linspace(-8.0, 8.0, 20001)
    nll = gaussian_nll(pictures(np.full(x.shape, 0.25)), pictures(x), 0.3)
    np.testing.assert_allclose(np.exp(-np.asarray(nll)).sum() * (x[1] - x[0]), 1.0, rtol=1e-4)


def test_likelihoods_sum_over_pixels():
    logits = jax.random.normal(jax.random.key(1), (2, 3, 4, 2))
    images = jax.random.uniform(jax.random.key(2), logits.shape)
    for likelihood in ("bernoulli", "gaussian"):
        whole = reconstruction_nll(logits, images, likelihood, 0.5)
        pixels = reconstruction_nll(pictures(logits), pictures(images), likelihood, 0.5)
        np.testing.assert_allclose(whole, pixels.reshape(2, -1).sum(1), rtol=1e-5)


def test_the_mean_of_a_gaussian_pixel_is_the_sigmoid_of_the_logit():
    logits, images = pictures([0.7]), pictures([0.2])
    nll = reconstruction_nll(logits, images, "gaussian", 0.5)
    z = (0.2 - 1 / (1 + np.exp(-0.7))) / 0.5
    np.testing.assert_allclose(nll, [0.5 * z**2 + np.log(0.5 * np.sqrt(2 * np.pi))], rtol=1e-5)


def test_kl_divergence_by_hand():
    z_mean, variance = jnp.array([[0.0, 2.0, 0.0]]), jnp.array([[1.0, 1.0, 4.0]])
    expected = [[0.0, 2.0, 0.5 * (4 - 1 - np.log(4))]]
    np.testing.assert_allclose(kl_divergence(z_mean, jnp.log(variance)), expected, rtol=1e-6)


def test_kl_divergence_is_the_mean_log_ratio_of_densities():
    z_mean, z_logvar = jnp.array([[0.5, -1.0]]), jnp.array([[-1.0, 0.6]])
    noise = jax.random.normal(jax.random.key(0), (200_000, 2))
    z = z_mean + jnp.sqrt(jnp.exp(z_logvar)) * noise
    log_ratio = 0.5 * (z**2 - noise**2 - z_logvar)
    np.testing.assert_allclose(log_ratio.mean(0), kl_divergence(z_mean, z_logvar)[0], atol=0.01)
