import jax
import jax.numpy as jnp
import msgspec
import numpy as np
import optax
import pytest
from latent_models import LinearGaussian, exact_params, true_nll

from rgnn_jax.datasets.image_batches import ImageBatch
from rgnn_jax.datasets.image_spec import ImageSpec
from rgnn_jax.datasets.pictures import Images, Pictures
from rgnn_jax.errors import UserError
from rgnn_jax.evaluate.elbo import importance_weighted_nll
from rgnn_jax.losses import kl_divergence, reconstruction_nll
from rgnn_jax.models.latent_config import LatentConfig
from rgnn_jax.models.mlp_autoencoder import MLPAutoencoder, MLPAutoencoderConfig
from rgnn_jax.models.variational import Variational, mean_picture, sample_posterior

WEIGHTS = np.array([[0.03, 0.05, 0.0, 0.0], [0.0, 0.0, 0.04, 0.0]])
SCALE = 0.1
LINEAR = LinearGaussian(z_dim=2, pixels=4)
EXACT = jax.tree.map(jnp.float32, exact_params(WEIGHTS, SCALE))
CONFIG = MLPAutoencoderConfig(z_dim=3, hidden=(8,), discriminator=(8,))
SHAPE = (4, 4, 1)


class Config(LatentConfig, frozen=True, tag="test_latent"):
    pass


def pictures(count, shape=SHAPE):
    return np.random.default_rng(0).integers(0, 256, (count, *shape), np.uint8)


def batch_of(images):
    return ImageBatch(jnp.asarray(images, jnp.float32) / 255.0, jnp.zeros(len(images), jnp.int32))


def images_of(train):
    nothing = Pictures(train[:0])
    return Images(Pictures(train), nothing, nothing, ImageSpec(height=4, width=4, channels=1), "digest")


BATCH = batch_of(pictures(6))


def network(config=CONFIG, images=None):
    objective = Variational(MLPAutoencoder(config, SHAPE), config, images)
    return objective, objective.init(jax.random.key(0))


def call(objective, params, progress=1.0, key=1, batch=BATCH):
    value, metrics = objective(params, batch, jax.random.key(key), jnp.float32(progress), True)
    return float(value), {name: float(total / count) for name, (total, count) in metrics.items()}


def test_the_loss_is_reconstruction_plus_beta_times_kl():
    losses = {}
    for beta in (0.0, 1.0, 4.0):
        objective, params = network(msgspec.structs.replace(CONFIG, beta=beta))
        loss, parts = call(objective, params)
        np.testing.assert_allclose(loss, parts["reconstruction_loss"] + beta * parts["kl_loss"], rtol=1e-6)
        assert parts["loss"] == pytest.approx(loss, rel=1e-6)
        losses[beta] = parts
    assert losses[0.0]["reconstruction_loss"] == losses[4.0]["reconstruction_loss"]
    assert losses[1.0]["negative_elbo"] == pytest.approx(losses[1.0]["loss"], rel=1e-6)


def test_terms_are_summed_over_pixels_and_dimensions_and_averaged_over_the_batch():
    objective, params = network(msgspec.structs.replace(CONFIG, variational=True))
    model = objective.model
    z_mean, z_logvar = model.apply({"params": params}, BATCH.images, method="encode")
    _, parts = call(objective, params)
    by_hand = np.asarray(kl_divergence(z_mean, z_logvar)).sum() / 6
    np.testing.assert_allclose(parts["kl_loss"], by_hand, rtol=1e-5)
    doubled = batch_of(np.tile(pictures(6), (2, 1, 1, 1)))
    np.testing.assert_allclose(call(objective, params, batch=doubled)[1]["kl_loss"], by_hand, rtol=1e-5)


def test_an_autoencoder_only_reconstructs_and_draws_nothing():
    config = msgspec.structs.replace(CONFIG, variational=False, beta=7.0, kl_warmup=0.5)
    objective, params = network(config)
    loss, parts = call(objective, params)
    logits = objective.model.apply({"params": params}, BATCH.images)
    expected = reconstruction_nll(logits, BATCH.images, "bernoulli", 1.0).mean()
    np.testing.assert_allclose(loss, expected, rtol=1e-6)
    assert set(parts) == {"loss", "reconstruction_loss"}
    assert call(objective, params, key=2)[0] == loss


def test_beta_zero_is_no_autoencoder():
    objective, params = network(msgspec.structs.replace(CONFIG, beta=0.0))
    assert call(objective, params, key=1)[0] != call(objective, params, key=2)[0]


def test_the_bound_is_the_likelihood_where_the_posterior_is_exact():
    images = np.repeat(pictures(3, (4, 1, 1)) // 4 + 96, 1000, axis=0)
    config = Config(z_dim=2, likelihood="gaussian", scale=SCALE)
    loss, _ = call(Variational(LINEAR, config), EXACT, batch=batch_of(images))
    np.testing.assert_allclose(loss, true_nll(WEIGHTS, SCALE, images).mean(), atol=0.05)


def test_warm_up_raises_the_kl_weight_linearly():
    objective, params = network(msgspec.structs.replace(CONFIG, beta=3.0, kl_warmup=0.4))
    for progress, weight in ((0.0, 0.0), (0.1, 0.25), (0.4, 1.0), (0.9, 1.0)):
        loss, parts = call(objective, params, progress)
        np.testing.assert_allclose(
            loss, parts["reconstruction_loss"] + 3 * weight * parts["kl_loss"], rtol=1e-5
        )


def test_capacity_punishes_the_distance_from_what_is_asked_for():
    objective, params = network(msgspec.structs.replace(CONFIG, capacity=8.0, capacity_weight=10.0))
    for progress in (0.0, 0.05, 1.0):
        loss, parts = call(objective, params, progress)
        penalty = 10 * abs(parts["kl_loss"] - 8 * progress)
        np.testing.assert_allclose(loss, parts["reconstruction_loss"] + penalty, rtol=1e-5)


def test_free_bits_are_not_punished():
    batch = batch_of(pictures(5, (4, 1, 1)) // 4 + 96)
    z_mean, z_logvar = LINEAR.apply({"params": EXACT}, batch.images, method="encode")
    kl = kl_divergence(z_mean, z_logvar).mean(0)
    floor = float(kl.mean())
    config = Config(z_dim=2, likelihood="gaussian", scale=SCALE, free_bits=floor)

    def penalty(params):
        loss, metrics = Variational(LINEAR, config)(params, batch, jax.random.key(0), jnp.ones(()), True)
        return loss - metrics["reconstruction_loss"][0] / 5

    value, gradient = jax.value_and_grad(penalty)(EXACT)
    np.testing.assert_allclose(value, floor + kl.max(), rtol=1e-4)
    below = int(kl.argmin())
    np.testing.assert_allclose(gradient["logvar"][below], 0.0, atol=1e-5)
    assert abs(gradient["logvar"][1 - below]) > 0.01


def test_importance_weighting_of_one_particle_is_the_bound_by_sampling():
    images = np.repeat(pictures(1), 4000, axis=0)
    objective, params = network()
    weighted = Variational(objective.model, msgspec.structs.replace(CONFIG, objective="iwae"))
    np.testing.assert_allclose(
        call(weighted, params, batch=batch_of(images))[0],
        call(objective, params, batch=batch_of(images))[0],
        atol=0.1,
    )


def test_more_particles_tighten_the_bound():
    images = np.repeat(pictures(2, (4, 1, 1)) // 4 + 96, 1000, axis=0)
    wide = EXACT | {"logvar": EXACT["logvar"] + 1.0}

    def bound(params, particles):
        config = Config(z_dim=2, likelihood="gaussian", scale=SCALE, objective="iwae", particles=particles)
        return call(Variational(LINEAR, config), params, batch=batch_of(images))[0]

    truth = true_nll(WEIGHTS, SCALE, images).mean()
    assert bound(wide, 1) > bound(wide, 3) + 0.05 > bound(wide, 10) + 0.1 > truth + 0.1
    np.testing.assert_allclose([bound(EXACT, 1), bound(EXACT, 5)], truth, rtol=1e-4, atol=1e-4)


def test_held_out_pictures_are_weighted_as_in_training():
    images = np.repeat(pictures(2, (4, 1, 1)) // 4 + 96, 1000, axis=0)
    wide = EXACT | {"logvar": EXACT["logvar"] + 1.0}
    config = Config(z_dim=2, likelihood="gaussian", scale=SCALE, objective="iwae", particles=3, beta=2.0)
    trained = call(Variational(LINEAR, config), wide, batch=batch_of(images))[0]

    def held_out(particles, beta):
        given = {"likelihood": "gaussian", "scale": SCALE, "beta": beta}
        return importance_weighted_nll(LINEAR, wide, images, particles, **given).mean()

    np.testing.assert_allclose(held_out(3, 2.0), trained, atol=0.05)
    assert min(abs(held_out(3, 1.0) - trained), abs(held_out(1, 2.0) - trained)) > 0.15


@pytest.mark.parametrize(("kind", "neutral"), [("tc", 1.0), ("factor", 0.0)])
def test_without_a_weight_on_the_total_correlation_it_is_the_plain_bound(kind, neutral):
    images = images_of(pictures(20))
    plain, _ = network()
    objective, params = network(msgspec.structs.replace(CONFIG, objective=kind, beta=neutral), images)
    np.testing.assert_allclose(
        call(objective, params)[1]["loss"],
        call(plain, params)[1]["loss"],
        rtol=1e-5,
    )
    heavy = msgspec.structs.replace(CONFIG, objective=kind, beta=neutral + 5.0)
    _, parts = call(Variational(objective.model, heavy, images), params)
    expected = parts["negative_elbo"] + 5 * parts["total_correlation"]
    np.testing.assert_allclose(parts["loss"], expected, rtol=1e-5)


def test_the_discriminator_and_the_model_learn_from_their_own_losses():
    config = msgspec.structs.replace(CONFIG, objective="factor", beta=0.0)
    objective, params = network(config)
    heavy = Variational(objective.model, msgspec.structs.replace(config, beta=9.0))
    plain, _ = network()

    def gradient(objective):
        return jax.grad(lambda params: objective(params, BATCH, jax.random.key(1), jnp.ones(()), True)[0])(
            params
        )

    without, judged, weighted = gradient(plain), gradient(objective), gradient(heavy)
    assert optax.tree.norm(without.pop("discriminator")) == 0.0
    judge = judged.pop("discriminator")
    assert optax.tree.norm(judge) > 0.0
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6), judged, without)
    jax.tree.map(np.testing.assert_array_equal, weighted.pop("discriminator"), judge)
    assert optax.tree.norm(jax.tree.map(jnp.subtract, weighted, without)) > 0.0
    value, parts = call(objective, params)
    np.testing.assert_allclose(value, parts["loss"] + parts["discriminator_loss"], rtol=1e-6)


@pytest.mark.parametrize("kind", ["beta", "tc", "factor", "iwae"])
def test_beta_may_be_traced(kind):
    config = msgspec.structs.replace(CONFIG, objective=kind, kl_warmup=0.1)
    images = images_of(pictures(20))
    objective, params = network(config, images)

    def loss(beta):
        settings = msgspec.structs.replace(config, beta=beta)
        return Variational(objective.model, settings, images)(
            params, BATCH, jax.random.key(1), jnp.float32(0.5), True
        )[0]

    together = jax.jit(jax.vmap(loss))(jnp.array([0.0, 2.0]))
    np.testing.assert_allclose(together, [loss(0.0), loss(2.0)], rtol=1e-5)
    assert together[0] != together[1]


def test_an_untrained_model_decodes_the_mean_picture():
    train = np.broadcast_to(np.arange(16, dtype=np.uint8).reshape(1, 4, 4, 1) * 10 + 50, (7, 4, 4, 1))
    _, params = network(images=images_of(train))
    decoder = params["decoder"]["output"]
    np.testing.assert_allclose(jax.nn.sigmoid(decoder["bias"]), train[0].ravel() / 255.0, rtol=1e-5)
    assert jnp.abs(decoder["kernel"]).max() > 0


def test_the_mean_picture_of_many_is_that_of_some(monkeypatch):
    monkeypatch.setattr("rgnn_jax.models.variational._MOST_AVERAGED", 4)
    images = pictures(10)
    np.testing.assert_allclose(mean_picture(images), images[::3].mean(0) / 255.0)


def test_the_mean_of_the_posterior_can_be_differentiated_through_a_sample():
    mean, logvar = jnp.array([[1.0, -2.0]]), jnp.array([[0.0, 2.0]])
    keys = jax.random.split(jax.random.key(0), 20_000)
    z = jax.vmap(lambda key: sample_posterior(key, mean, logvar))(keys)[:, 0]
    np.testing.assert_allclose(z.mean(0), mean[0], atol=0.06)
    np.testing.assert_allclose(z.std(0), jnp.exp(0.5 * logvar)[0], rtol=0.03)
    of_mean, of_logvar = jax.grad(lambda *p: sample_posterior(keys[0], *p).sum(), argnums=(0, 1))(
        mean, logvar
    )
    np.testing.assert_allclose(of_mean, 1.0)
    np.testing.assert_allclose(of_logvar[0], 0.5 * (z[0] - mean[0]), rtol=1e-5)


def test_settings_that_mean_nothing_together_are_refused():
    with pytest.raises(UserError, match="particles"):
        Config(particles=5)
    with pytest.raises(UserError, match="iwae"):
        Config(objective="iwae", free_bits=0.1)
    with pytest.raises(UserError, match="iwae"):
        Config(objective="iwae", capacity=5.0)


def test_tc_needs_to_know_how_many_pictures_there_are():
    objective, params = network(msgspec.structs.replace(CONFIG, objective="tc"))
    with pytest.raises(ValueError, match="pictures that are trained on"):
        call(objective, params)
