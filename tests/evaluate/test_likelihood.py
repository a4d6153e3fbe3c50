from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_models import SEQUENCE_MODELS
from toy_models import Bigram, DecayingSum

from rgnn_jax.errors import UserError, WorkFailed
from rgnn_jax.evaluate.likelihood import score_carried, score_windows

CODES = np.random.default_rng(0).integers(0, 5, 23)


def with_parameters(model):
    return model, model.init(jax.random.key(0), jnp.zeros((1, 2), jnp.int32))["params"]


BIGRAM = with_parameters(Bigram(5))
CACHED = with_parameters(DecayingSum(5, max_length=8))


def scored_by_hand(model_and_params, codes, first_seen):
    """Scores codes[i] given codes[first_seen(i) : i], each by a pass of its own."""
    model, params = model_and_params
    forward = jax.jit(lambda tokens: jax.nn.log_softmax(model.apply({"params": params}, tokens))[0, -1])
    return np.array([forward(codes[None, first_seen(i) : i])[codes[i]] for i in range(1, codes.size)])


@pytest.mark.parametrize(("window", "batch_size"), [(1, 32), (4, 1), (4, 3), (5, 2), (22, 1), (100, 32)])
def test_bigram_has_the_likelihood_of_its_table_under_either_rule(window, batch_size):
    log_table = jax.nn.log_softmax(BIGRAM[1]["table"])
    expected = np.asarray(log_table[CODES[:-1], CODES[1:]])
    windows = score_windows(*BIGRAM, CODES, window, batch_size=batch_size)
    np.testing.assert_allclose(windows.log_probs, expected, rtol=1e-6)
    carried = score_carried(*BIGRAM, CODES, chunk=window)
    np.testing.assert_allclose(carried.log_probs, expected, rtol=1e-6)


@pytest.mark.parametrize("window", [1, 3, 8])
def test_windows_start_from_nothing(window):
    expected = scored_by_hand(CACHED, CODES, lambda i: (i - 1) // window * window)
    got = score_windows(*CACHED, CODES, window, batch_size=2).log_probs
    np.testing.assert_allclose(got, expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("max_length", "count"), [(1, 9), (2, 9), (7, 23), (8, 2), (8, 8), (8, 9), (8, 10), (8, 13), (30, 14)]
)
def test_overlapping_windows_look_back_on_half_a_window_or_more(max_length, count):
    model = DecayingSum(5, max_length=max_length)
    stride = max(1, max_length // 2)

    def first_seen(i):
        return max(0, -(-(i - max_length) // stride) * stride)

    expected = scored_by_hand((model, CACHED[1]), CODES[:count], first_seen)
    got = score_carried(model, CACHED[1], CODES[:count], batch_size=3)
    np.testing.assert_allclose(got.log_probs, expected, rtol=1e-5)


@pytest.mark.parametrize("kind", SEQUENCE_MODELS)
def test_state_carried_over_chunks_of_every_model_scores_like_one_window(kind):
    model, params = with_parameters(SEQUENCE_MODELS[kind])
    whole = score_windows(model, params, CODES, CODES.size)
    carried = score_carried(model, params, CODES, chunk=5)
    np.testing.assert_allclose(carried.log_probs, whole.log_probs, atol=1e-5)


def test_summary_worked_out_by_hand():
    # A uniform table over 4 symbols: 2 bits for each of the 6 symbols after the first.
    score = score_windows(Bigram(4), {"table": jnp.zeros((4, 4))}, np.array([0, 1, 2, 3, 2, 1, 0]), 4)
    assert score.count == 6
    assert score.nats == pytest.approx(6 * np.log(4))
    assert score.metrics() == pytest.approx({"loss": np.log(4), "bits_per_char": 2.0, "count": 6})


def test_sum_is_in_double_precision():
    score = score_windows(
        Bigram(2), {"table": jnp.zeros((2, 2))}, np.zeros(100_001, int), 1000, batch_size=100
    )
    assert score.nats == pytest.approx(100_000 * float(np.float32(np.log(2))), rel=1e-9)


@pytest.mark.parametrize("score", [score_carried, lambda *a: score_windows(*a, 4)])
def test_text_that_cannot_be_scored_is_refused(score):
    for codes, message in [
        ([], "0 tokens"),
        ([1], "1 token"),
        ([0, 5], "vocabulary"),
        ([0, -1], "vocabulary"),
    ]:
        with pytest.raises(UserError, match=message):
            score(*BIGRAM, np.array(codes, int))


def test_window_that_does_not_fit_is_refused():
    with pytest.raises(UserError, match="at most 8"):
        score_windows(*CACHED, CODES, 9)
    with pytest.raises(UserError, match="at least 1"):
        score_windows(*BIGRAM, CODES, 0)


def test_probability_that_is_not_finite_ends_in_an_error_that_names_the_token():
    params = {"table": BIGRAM[1]["table"].at[3, 0].set(jnp.nan)}
    first = int(np.flatnonzero(CODES[:-1] == 3)[0])
    for score in partial(score_windows, window=4), score_carried:
        assert np.isfinite(score(*BIGRAM, CODES).log_probs).all()
        with pytest.raises(WorkFailed, match=f"token {first + 1} "):
            score(BIGRAM[0], params, CODES)
