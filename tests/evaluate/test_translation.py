import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_models import CONDITIONAL_MODELS

from rgnn_jax.errors import UserError
from rgnn_jax.evaluate.translation import score_targets, source_attention


@pytest.mark.parametrize("name", ["encoder_decoder", "bidirectional_gru"])
def test_attention_is_shared_out_among_the_source(name):
    model = CONDITIONAL_MODELS[name]
    draws = np.random.default_rng(0)
    source, target = draws.integers(0, 13, (4, 3)), draws.integers(0, 13, (4, 2))
    params = model.init(jax.random.key(0), jnp.asarray(target), jnp.asarray(source))["params"]
    weights = source_attention(model, params, source, target, 12)
    assert weights.shape == (4, 2, 3)
    np.testing.assert_allclose(weights.sum(axis=2), 1, rtol=1e-5)
    assert np.ptp(weights) > 1e-3
    other = target.copy()
    other[:, 1] = (other[:, 1] + 1) % 13
    np.testing.assert_allclose(source_attention(model, params, source, other, 12), weights, atol=1e-6)


def test_a_decoder_that_attends_to_nothing_has_no_map():
    model = CONDITIONAL_MODELS["repeat_lstm"]
    params = model.init(jax.random.key(0), jnp.zeros((1, 2), int), jnp.zeros((1, 3), int))["params"]
    with pytest.raises(UserError, match="attends to no source"):
        source_attention(model, params, np.zeros((1, 3), int), np.zeros((1, 2), int), 12)


def test_the_score_is_that_of_the_parallel_form_whatever_the_chunks():
    model = CONDITIONAL_MODELS["repeat_lstm"]
    draws = np.random.default_rng(0)
    source, target = draws.integers(0, 13, (5, 3)), draws.integers(0, 13, (5, 2))
    params = model.init(jax.random.key(0), jnp.asarray(target), jnp.asarray(source))["params"]
    fed = np.concatenate([np.full((5, 1), 12), target[:, :1]], axis=1)
    log_probs = jax.nn.log_softmax(model.apply({"params": params}, jnp.asarray(fed), jnp.asarray(source)))
    expected = -np.take_along_axis(np.asarray(log_probs), target[..., None], axis=2).mean()
    for batch_size in (2, 100):
        score = score_targets(model, params, source, target, 12, batch_size=batch_size)
        assert score == pytest.approx(expected, rel=1e-5)
