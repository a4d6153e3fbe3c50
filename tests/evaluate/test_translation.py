import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_models import CONDITIONAL_MODELS

from rgnn_jax.evaluate.translation import chunks, score_targets


def test_chunks_cover_everything_once_in_one_length():
    for size, most in ((7, 3), (6, 3), (2, 5), (0, 5)):
        pieces = list(chunks(size, most))
        assert {len(rows) for rows, _ in pieces} <= {min(size, most)}
        assert [i for rows, count in pieces for i in rows[:count].tolist()] == list(range(size))


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
