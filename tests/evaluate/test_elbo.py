import jax
import jax.numpy as jnp
import numpy as np
import pytest
from latent_models import LinearGaussian, exact_params, true_nll

from rgnn_jax.errors import UserError, WorkFailed
from rgnn_jax.evaluate import elbo
from rgnn_jax.evaluate.elbo import describe_collapse, importance_weighted_nll, score_images

WEIGHTS = np.array([[0.03, 0.05, 0.0, 0.0], [0.0, 0.0, 0.04, 0.0]])
SCALE = 0.1
MODEL = LinearGaussian(z_dim=2, pixels=4)
EXACT = exact_params(WEIGHTS, SCALE)
GAUSSIAN = {"likelihood": "gaussian", "scale": SCALE}


def draw_images(count):
    noise = np.random.default_rng(0).normal(0.0, 30.0, (count, 4, 1, 1))
    return np.clip(np.round(127.5 + noise), 0, 255).astype(np.uint8)


IMAGES = draw_images(7)


@pytest.mark.parametrize("k", [1, 2, 50])
def test_the_bound_is_the_likelihood_for_any_k_where_the_posterior_is_exact(k):
    nll = importance_weighted_nll(MODEL, EXACT, IMAGES, k, **GAUSSIAN)
    np.testing.assert_allclose(nll, true_nll(WEIGHTS, SCALE, IMAGES), rtol=1e-4, atol=1e-4)


def test_the_bound_falls_to_the_likelihood_as_k_grows():
    images = np.repeat(IMAGES, 100, axis=0)
    wide = EXACT | {"logvar": EXACT["logvar"] + 1.5}
    truth = true_nll(WEIGHTS, SCALE, images).mean()
    bounds = [importance_weighted_nll(MODEL, wide, images, k, **GAUSSIAN).mean() for k in (1, 4, 16, 1000)]
    assert bounds[0] > bounds[1] + 0.05 > bounds[2] + 0.1 > truth + 0.1
    np.testing.assert_allclose(bounds[3], truth, atol=0.01)


def test_importance_weights_are_summed_over_many_rounds(monkeypatch):
    images = IMAGES[:5]
    at_once = importance_weighted_nll(MODEL, EXACT, images, 100, **GAUSSIAN)
    jax.clear_caches()
    monkeypatch.setattr(elbo, "_PIXELS_AT_ONCE", 7 * 400)  # 7 draws of 100 pictures of 4 pixels at a time
    np.testing.assert_allclose(
        importance_weighted_nll(MODEL, EXACT, images, 100, **GAUSSIAN), at_once, rtol=1e-4, atol=1e-4
    )
    one_too_few = importance_weighted_nll(MODEL, EXACT, images, 7, **GAUSSIAN)
    np.testing.assert_allclose(one_too_few, at_once, rtol=1e-4, atol=1e-4)
    jax.clear_caches()


def test_every_round_draws_codes_of_its_own(monkeypatch):
    images = np.repeat(IMAGES, 100, axis=0)
    wide = EXACT | {"logvar": EXACT["logvar"] + 1.5}
    few, at_once = (importance_weighted_nll(MODEL, wide, images, k, **GAUSSIAN).mean() for k in (7, 70))
    jax.clear_caches()
    monkeypatch.setattr(elbo, "_PIXELS_AT_ONCE", 7 * 400)
    in_rounds = importance_weighted_nll(MODEL, wide, images, 70, **GAUSSIAN).mean()
    jax.clear_caches()
    assert few > at_once + 0.08
    np.testing.assert_allclose(in_rounds, at_once, atol=0.03)


def test_a_pictures_codes_do_not_depend_on_how_many_pictures_there_are(monkeypatch):
    wide = EXACT | {"logvar": EXACT["logvar"] + 1.5}
    jax.clear_caches()
    monkeypatch.setattr(elbo, "_PIXELS_AT_ONCE", 2 * 400)
    every, some = (
        importance_weighted_nll(MODEL, wide, part, 50, **GAUSSIAN) for part in (IMAGES, IMAGES[:3])
    )
    jax.clear_caches()
    np.testing.assert_allclose(some, every[:3], rtol=1e-5)


def test_the_bound_of_one_code_is_minus_its_log_weight():
    images = np.repeat(IMAGES[:1], 3000, axis=0)
    wide = EXACT | {"logvar": EXACT["logvar"] + 0.7}
    nll = importance_weighted_nll(MODEL, wide, images, 1, **GAUSSIAN)
    scores = score_images(MODEL, wide, images, **GAUSSIAN)
    np.testing.assert_allclose(nll.mean(), scores["negative_elbo"], atol=0.1)
    assert scores["negative_elbo"] > true_nll(WEIGHTS, SCALE, IMAGES[:1])[0] + 0.1


def test_the_elbo_is_the_likelihood_where_the_posterior_is_exact():
    images = np.repeat(IMAGES, 500, axis=0)
    scores = score_images(MODEL, EXACT, images, **GAUSSIAN)
    np.testing.assert_allclose(scores["negative_elbo"], true_nll(WEIGHTS, SCALE, images).mean(), atol=0.05)
    np.testing.assert_allclose(scores["negative_elbo"], scores["reconstruction_loss"] + scores["kl_loss"])
    np.testing.assert_allclose(scores["kl_loss"], sum(scores["kl_per_dim"]), rtol=1e-6)


def test_kl_a_dimension_by_hand():
    params = EXACT | {"readout": np.zeros((4, 2), np.float32), "logvar": np.log(np.array([1.0, 4.0]))}
    scores = score_images(MODEL, jax.tree.map(jnp.float32, params), IMAGES, **GAUSSIAN)
    np.testing.assert_allclose(scores["kl_per_dim"], [0.0, 0.5 * (3 - np.log(4))], atol=1e-6)


def test_errors_are_those_of_the_decoded_mean():
    scores = score_images(MODEL, EXACT, IMAGES, **GAUSSIAN)
    x = IMAGES.reshape(7, 4) / 255.0
    mean = 0.5 + (x - 0.5) @ EXACT["readout"] @ WEIGHTS
    np.testing.assert_allclose(scores["mse"], np.square(mean - x).mean(), rtol=1e-4)
    bce = -(x * np.log(mean) + (1 - x) * np.log(1 - mean)).mean()
    np.testing.assert_allclose(scores["bce"], bce, rtol=1e-4)


def test_batches_do_not_matter():
    whole = score_images(MODEL, EXACT, IMAGES, **GAUSSIAN)
    ragged = score_images(MODEL, EXACT, IMAGES, batch_size=3, **GAUSSIAN)
    for name, value in whole.items():
        np.testing.assert_allclose(ragged[name], value, rtol=1e-5, err_msg=name)


def test_the_seed_chooses_the_codes():
    first, second = (score_images(MODEL, EXACT, IMAGES, seed=seed, **GAUSSIAN) for seed in (0, 1))
    assert first["reconstruction_loss"] != second["reconstruction_loss"]
    assert first["kl_loss"] == second["kl_loss"]


def test_a_coin_a_pixel_takes_one_bit():
    model = LinearGaussian(z_dim=1, pixels=4)
    params = exact_params(np.zeros((1, 4)), 1.0)
    scores = score_images(model, params, np.where(IMAGES > 127, 255, 0).astype(np.uint8))
    np.testing.assert_allclose(scores["bits_per_dim"], 1.0, rtol=1e-5)
    np.testing.assert_allclose(scores["bce"], np.log(2), rtol=1e-5)


def test_gaussian_bits_make_the_levels_probabilities_sum_to_one():
    model = LinearGaussian(z_dim=1, pixels=1)
    params = exact_params(np.zeros((1, 1)), 1.0)
    levels = np.arange(256, dtype=np.uint8).reshape(256, 1, 1, 1, 1)
    bits = [score_images(model, params, level, **GAUSSIAN)["bits_per_dim"] for level in levels]
    np.testing.assert_allclose(np.exp2(-np.array(bits)).sum(), 1.0, atol=0.01)


def test_a_unit_is_active_where_its_mean_varies():
    readout = np.zeros((4, 2), np.float32)
    readout[0, 1] = 1.0
    spread = np.zeros((2, 4, 1, 1), np.uint8)
    for level, active in ((40, 0.0), (60, 1.0)):  # variances of (level / 255 / 2)^2: 0.006 and 0.014
        spread[0, 0] = level
        scores = score_images(MODEL, EXACT | {"readout": readout}, spread, **GAUSSIAN)
        assert scores["active_units"] == active


def test_an_autoencoder_has_errors_but_no_bound():
    model = LinearGaussian(z_dim=2, pixels=4, variational=False)
    scores = score_images(model, EXACT, IMAGES, **GAUSSIAN)
    assert set(scores) == {"reconstruction_loss", "mse", "bce"}
    constant = 4 * np.log(SCALE * np.sqrt(2 * np.pi))
    np.testing.assert_allclose(
        scores["reconstruction_loss"], 4 * scores["mse"] / (2 * SCALE**2) + constant, rtol=1e-4
    )
    with pytest.raises(UserError, match="deterministic"):
        importance_weighted_nll(model, EXACT, IMAGES, 3)


def test_bad_input_is_refused():
    with pytest.raises(UserError, match="no pictures"):
        score_images(MODEL, EXACT, IMAGES[:0])
    with pytest.raises(UserError, match="k 0"):
        importance_weighted_nll(MODEL, EXACT, IMAGES, 0)


def test_a_loss_that_is_not_finite_is_named():
    broken = EXACT | {"weights": np.full((2, 4), np.nan, np.float32)}
    with pytest.raises(WorkFailed, match="picture 0 is not finite"):
        score_images(MODEL, broken, IMAGES)
    with pytest.raises(WorkFailed, match="picture 0 is not finite"):
        importance_weighted_nll(MODEL, broken, IMAGES, 3)


def test_a_collapse_is_described():
    def describe(active, objective="beta"):
        return describe_collapse({"active_units": float(active), "kl_per_dim": [0.0] * 10}, objective)

    assert describe(10) is None
    assert describe_collapse({"mse": 0.1}) is None
    assert "all 10 latent units are inactive" in describe(0)
    assert "lower model.beta" in describe(0)
    assert "7 of 10 latent units (70%) are inactive" in describe(3)
    assert "model.beta" not in describe(3, "factor")
    assert "smaller model.z_dim" in describe(8)
    found = describe_collapse({"active_units": 3.0, "kl_per_dim": [0.0] * 10}, "factor", 30.0, 12.5)
    assert "12.5 nats of model.capacity: raise it" in str(found)
    nothing = {"active_units": 0.0, "kl_per_dim": [0.0]}
    assert "lower model.beta" not in str(describe_collapse(nothing, "beta", 0.0))
    assert "train longer" in str(describe_collapse(nothing, "beta", 0.0))
