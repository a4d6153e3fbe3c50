import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from rgnn_jax.errors import UserError
from rgnn_jax.models.total_correlation import (
    Discriminator,
    judged_total_correlation,
    permute_codes,
    sampled_total_correlation,
)

COUNT = 256
NARROW = 0.05


def spread_codes(key, z_dim):
    """Codes whose means fill a standard normal, from narrow posteriors, and those posteriors."""
    mean_key, noise_key = jax.random.split(key)
    z_mean = jax.random.normal(mean_key, (COUNT, z_dim))
    z = z_mean + NARROW * jax.random.normal(noise_key, z_mean.shape)
    return z, z_mean, jnp.full_like(z, 2 * np.log(NARROW))


def test_total_correlation_is_zero_where_the_posterior_is_the_prior():
    z = jax.random.normal(jax.random.key(0), (COUNT, 3))
    zeros = jnp.zeros_like(z)
    np.testing.assert_allclose(sampled_total_correlation(z, zeros, zeros, COUNT), 0.0, atol=1e-5)


def test_total_correlation_of_one_dimension_is_zero():
    codes = spread_codes(jax.random.key(0), 1)
    np.testing.assert_allclose(sampled_total_correlation(*codes, COUNT), 0.0, atol=1e-5)


def test_total_correlation_of_two_pictures_by_hand():
    z_mean, z_logvar = jnp.array([[0.0, 1.0], [2.0, -1.0]]), jnp.log(jnp.array([[1.0, 4.0], [0.25, 1.0]]))
    z, data_size = jnp.array([[0.3, 0.5], [1.5, -2.0]]), 10
    variance = np.exp(np.asarray(z_logvar))

    def density(i, j):
        difference = np.asarray(z)[i] - np.asarray(z_mean)[j]
        return np.exp(-(difference**2) / (2 * variance[j])) / np.sqrt(2 * np.pi * variance[j])

    ratios = []
    for i, j in ((0, 1), (1, 0)):
        own, other = density(i, i), density(i, j)
        joint = own.prod() / 10 + other.prod() * 9 / 10
        ratios.append(np.log(joint) - np.log(own / 10 + other * 9 / 10).sum())
    found = sampled_total_correlation(z, z_mean, z_logvar, data_size)
    np.testing.assert_allclose(found, np.mean(ratios), rtol=1e-5)


def test_factorial_codes_have_less_total_correlation_than_doubled_ones():
    # A grid of means is factorial by construction, where the codes of the diagonal are one code twice.
    side = jnp.linspace(-2.0, 2.0, 16)
    grid = jnp.stack(jnp.meshgrid(side, side), axis=-1).reshape(COUNT, 2)
    diagonal = jnp.tile(jnp.repeat(side, 16)[:, None], (1, 2))
    logvar = jnp.full((COUNT, 2), 2 * np.log(0.02))
    noise = 0.02 * jax.random.normal(jax.random.key(0), (COUNT, 2))
    factorial = sampled_total_correlation(grid + noise, grid, logvar, COUNT)
    doubled = sampled_total_correlation(diagonal + noise, diagonal, logvar, COUNT)
    np.testing.assert_allclose(factorial, 0.0, atol=1e-3)
    np.testing.assert_allclose(doubled, np.log(16), atol=1e-3)  # the entropy of the 16 values they share


def test_the_gradient_pulls_dependent_dimensions_apart():
    z, z_mean, z_logvar = spread_codes(jax.random.key(1), 1)
    offset = jax.random.normal(jax.random.key(2), z.shape)

    def correlation(amount):
        second = z_mean + amount * offset
        means = jnp.concatenate([z_mean, second], axis=1)
        noise = jnp.concatenate([z - z_mean, z_mean - z], axis=1)
        return sampled_total_correlation(means + noise, means, jnp.tile(z_logvar, (1, 2)), COUNT)

    assert jax.grad(correlation)(0.3) < -0.1


def test_permuting_shuffles_every_dimension_by_itself():
    z = jnp.stack([jnp.arange(50.0), jnp.arange(50.0)], axis=1)
    permuted = permute_codes(jax.random.key(0), z)
    np.testing.assert_array_equal(jnp.sort(permuted, axis=0), z)
    assert (permuted[:, 0] != permuted[:, 1]).sum() > 40


def discriminator_of(z_dim):
    discriminator = Discriminator((32, 32))
    return discriminator, discriminator.init(jax.random.key(3), jnp.zeros((1, z_dim)))["params"]


def test_the_codes_get_no_gradient_of_the_judgement_nor_the_judge_of_the_correlation():
    discriminator, params = discriminator_of(2)
    z = jax.random.normal(jax.random.key(0), (6, 2))

    def values(params, z):
        return judged_total_correlation(discriminator, params, z, jax.random.key(1))

    of_params, of_z = jax.jacobian(values, argnums=(0, 1))(params, z)[0]
    assert optax.tree.norm(of_params) == 0 and jnp.linalg.norm(of_z) > 0
    of_params, of_z = jax.jacobian(values, argnums=(0, 1))(params, z)[1]
    assert optax.tree.norm(of_params) > 0 and jnp.linalg.norm(of_z) == 0


def test_the_discriminator_learns_the_total_correlation():
    rho = 0.9
    discriminator, params = discriminator_of(2)
    optimizer = optax.adam(3e-3)

    def draw(key):
        a, b = jax.random.normal(key, (2, 512))
        return jnp.stack([a, rho * a + np.sqrt(1 - rho**2) * b], axis=1)

    def loss(params, key):
        draw_key, shuffle_key = jax.random.split(key)
        correlation, loss = judged_total_correlation(discriminator, params, draw(draw_key), shuffle_key)
        return loss, (correlation, loss)

    def step(carry, key):
        params, state = carry
        gradient, values = jax.grad(loss, has_aux=True)(params, key)
        updates, state = optimizer.update(gradient, state)
        return (optax.apply_updates(params, updates), state), values

    keys = jax.random.split(jax.random.key(5), 400)
    _, (correlations, losses) = jax.jit(lambda: jax.lax.scan(step, (params, optimizer.init(params)), keys))()
    truth = -0.5 * np.log(1 - rho**2)
    np.testing.assert_allclose(correlations[-100:].mean(), truth, atol=0.15)
    assert losses[-100:].mean() < losses[:10].mean() < 0.8


@pytest.mark.parametrize("estimate", ["sampled", "judged"])
def test_a_single_picture_is_refused(estimate):
    z = jnp.zeros((1, 2))
    discriminator, params = discriminator_of(2)
    with pytest.raises(UserError, match="at least 2 pictures"):
        if estimate == "sampled":
            sampled_total_correlation(z, z, z, 10)
        else:
            judged_total_correlation(discriminator, params, z, jax.random.key(0))
