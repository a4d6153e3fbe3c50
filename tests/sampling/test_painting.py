import dataclasses

import jax
import jax.numpy as jnp
import msgspec
import numpy as np
import pytest
from flax import linen as nn
from small_models import PAINTER, SIDE

from rgnn_jax.datasets.arithmetic_spec import BLANK
from rgnn_jax.losses import cross_entropy
from rgnn_jax.models.seq2seq_config import Seq2SeqConfig
from rgnn_jax.sampling.painting import Painted, _first_legible

SYMBOLS = np.array([[3, 3], [3, 3], [11, 2], [5, 12]])
PARAMS = jax.jit(PAINTER.init)(jax.random.key(0), jnp.zeros((1, 2), jnp.int32), PAINTER.empty_source(1))[
    "params"
]
INKED = jax.tree.map(lambda leaf: leaf + 2.0 * (leaf.shape == (SIDE * SIDE,)), PARAMS)
"""The same of a painter whose pictures are dark, so that none passes for empty."""


def painted(rows=(0, 1, 2, 3), model=PAINTER, params=PARAMS, **settings):
    return np.asarray(Painted(model, params, SYMBOLS, **settings)[np.array(rows)])


def test_a_row_depends_on_seed_and_place_alone():
    whole = painted()
    assert whole.shape == (4, 2, SIDE, SIDE, 1)
    np.testing.assert_allclose(painted((2, 0)), whole[[2, 0]], atol=1e-6)
    assert np.abs(painted(seed=1) - whole)[SYMBOLS != 12].max() > 1e-3


def test_a_style_is_held_for_a_row_or_drawn_anew_for_each_symbol():
    held, varied = painted(), painted(held=False)
    np.testing.assert_allclose(held[0, 0], held[0, 1], atol=1e-6)
    assert np.abs(held[0] - held[1]).max() > 1e-3
    assert np.abs(varied[0, 0] - varied[0, 1]).max() > 1e-3


def test_styles_lie_as_far_apart_as_the_spread_says():
    narrow = dataclasses.replace(PAINTER, config=msgspec.structs.replace(PAINTER.config, style_spread=1e-4))
    alike, varied = (np.ptp(painted(model=model)[:2, 0], axis=0).max() for model in (narrow, PAINTER))
    assert alike < 1e-3 < varied


def test_the_first_draw_that_the_reader_is_sure_of_is_shown():
    nll = jnp.array([[[0.3, 0.0], [0.0, 0.001], [0.0, 0.0]], [[2.0, 9.0], [1.0, 9.0], [3.0, 0.0]]])
    shown = jnp.array([[True, True], [True, False]])
    np.testing.assert_array_equal(_first_legible(nll, shown, held=True), [[1, 1], [1, 1]])
    np.testing.assert_array_equal(_first_legible(nll, shown, held=False), [[1, 0], [1, 0]])


def test_of_several_draws_one_is_shown_and_it_is_more_legible():
    many = dataclasses.replace(PAINTER, config=msgspec.structs.replace(PAINTER.config, style_draws=30))

    def doubt(pictures):
        flat = jnp.asarray(pictures[:3].reshape(-1, SIDE, SIDE, 1))
        logits = PAINTER.apply({"params": INKED}, flat, method="read_painted")
        return np.asarray(cross_entropy(logits, jnp.asarray(SYMBOLS[:3].reshape(-1)))).reshape(3, 2)

    alone, chosen = (doubt(painted(model=model, params=INKED, held=False)) for model in (PAINTER, many))
    assert (chosen < alone).all()
    held = painted(model=many, params=INKED)
    np.testing.assert_allclose(held[0, 0], held[0, 1], atol=1e-6)


def test_a_blank_is_all_paper():
    assert painted()[3, 1].max() == 0 < painted()[3, 0].min()


class FaintAtTimes(nn.Module):
    """Paints faintly where a style is negative, and its reader is as unsure of anything."""

    config: Seq2SeqConfig

    def paint(self, symbols, styles):
        ink = jnp.where(styles[:, 0] < 0, 0.2, 0.9)
        return jnp.broadcast_to(ink[:, None, None, None], (len(symbols), SIDE, SIDE, 1))

    def read_painted(self, pictures):
        return jnp.zeros((len(pictures), 13))


@pytest.mark.parametrize("held", [False, True])
def test_a_picture_that_is_nearly_empty_is_not_chosen(held):
    one, many = (FaintAtTimes(Seq2SeqConfig(style_dim=1, style_draws=draws)) for draws in (1, 20))
    alone, chosen = (
        painted(model=model, params={}, held=held)[SYMBOLS != BLANK].max((1, 2, 3)) for model in (one, many)
    )
    assert alone.min() < 0.5 < chosen.min()
