import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import msgspec
import numpy as np
import pytest
from small_models import PAINTER, SIDE

from rgnn_jax.losses import bernoulli_nll, kl_divergence
from rgnn_jax.models.painter import Painter
from rgnn_jax.models.painting import painting_loss
from rgnn_jax.models.seq2seq_config import Seq2SeqConfig

BLANK = 12
SYMBOLS = jnp.array([[3, BLANK], [1, 4], [11, 2], [5, BLANK]])
PICTURES = jax.random.uniform(jax.random.key(1), (4, 2, SIDE, SIDE, 1))


def initialise(model=PAINTER):
    tokens = jnp.zeros((1, 2), jnp.int32)
    params = jax.jit(model.init)(jax.random.key(0), tokens, model.empty_source(1))["params"]
    leaves, structure = jax.tree.flatten(params)
    draws = np.random.default_rng(0)
    return jax.tree.unflatten(
        structure, [leaf + draws.normal(0, 0.1, leaf.shape).astype(np.float32) for leaf in leaves]
    )


PARAMS = initialise()


@partial(jax.jit, static_argnums=0)
def loss(model, params, pictures=PICTURES, symbols=SYMBOLS):
    return painting_loss(model, params, pictures, symbols, BLANK, jax.random.key(2))


def gradient(of):
    return jax.jit(jax.grad(lambda params: of(*loss(PAINTER, params))))(PARAMS)["painter"]


def largest(tree):
    return max(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(tree))


def test_the_bound_is_that_of_a_conditional_autoencoder():
    _, metrics = loss(PAINTER, PARAMS)
    painter = Painter(PAINTER.config, 13, SIDE)
    apply = partial(painter.apply, {"params": PARAMS["painter"]})
    images, symbols = PICTURES.reshape(-1, SIDE, SIDE, 1), SYMBOLS.reshape(-1)
    z_mean, z_logvar = apply(images, symbols, method="style")
    noise = jax.random.normal(jax.random.split(jax.random.key(2))[0], z_mean.shape)
    nll = bernoulli_nll(apply(symbols, z_mean + jnp.exp(z_logvar / 2) * noise, method="decode"), images)
    bound = (nll + kl_divergence(z_mean, z_logvar).sum(1))[symbols != BLANK]
    total, count = metrics["picture_loss"]
    assert count == 6
    np.testing.assert_allclose(total, bound.sum(), rtol=1e-5)


def test_blank_pictures_teach_nothing():
    other = PICTURES.at[0, 1].set(0.0).at[3, 1].set(1.0)
    np.testing.assert_allclose(loss(PAINTER, PARAMS, other)[0], loss(PAINTER, PARAMS)[0], rtol=1e-6)
    value, metrics = loss(PAINTER, PARAMS, PICTURES, jnp.full_like(SYMBOLS, BLANK))
    assert value == 0
    assert metrics["picture_loss"][1] == 0


def test_style_and_legibility_weigh_as_they_are_set_to():
    def weighed(**weights):
        config = msgspec.structs.replace(PAINTER.config, **weights)
        value, metrics = loss(dataclasses.replace(PAINTER, config=config), PARAMS)
        return float(value), {name: float(total / count) for name, (total, count) in metrics.items()}

    value, mean = weighed(style_weight=0.5, legibility_weight=0.25)
    expected = mean["picture_loss"] / SIDE**2 + 0.25 * mean["illegibility"] + mean["reading_loss"]
    np.testing.assert_allclose(value, expected, rtol=1e-5)
    light = weighed(style_weight=0.25)[1]["picture_loss"]
    np.testing.assert_allclose(mean["picture_loss"] - light, 0.25 * mean["style_kl"], rtol=1e-3)


def test_illegibility_moves_the_painter_and_reading_the_reader():
    illegibility = gradient(lambda _, metrics: metrics["illegibility"][0])
    reading = gradient(lambda _, metrics: metrics["reading_loss"][0])
    assert largest(illegibility["reader"]) == 0 < largest(illegibility["decoder"])
    assert largest(reading["decoder"]) == 0 < largest(reading["reader"])
    everything = gradient(lambda value, _: value)
    still = [path for path, leaf in jax.tree_util.tree_leaves_with_path(everything) if not leaf.any()]
    assert still == []


@pytest.mark.parametrize("contrast", [1.0, 3.0])
def test_contrast_multiplies_log_odds(contrast):
    config = Seq2SeqConfig(
        painter_width=8, style_dim=3, picture_width=4, picture_features=8, contrast=contrast
    )
    painter = Painter(config, 13, SIDE)
    symbols, styles = jnp.array([4, 7]), jax.random.normal(jax.random.key(0), (2, 3))
    apply = partial(painter.apply, {"params": PARAMS["painter"]}, symbols, styles)
    odds = contrast * apply(method="decode")
    np.testing.assert_allclose(apply(method="paint"), jax.nn.sigmoid(odds), atol=1e-6)
