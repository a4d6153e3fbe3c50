import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_models import CONDITIONAL_MODELS, SEQUENCE_MODELS
from toy_models import Bigram, DecayingSum

from rgnn_jax.errors import UserError, WorkFailed
from rgnn_jax.sampling.beam import beam_search
from rgnn_jax.sampling.decode import generate
from rgnn_jax.sampling.rules import GREEDY

PROMPT = np.array([[3, 1], [1, 5]])
TOY = DecayingSum(6, max_length=300)
PARAMS = TOY.init(jax.random.key(0), jnp.zeros((1, 2), jnp.int32))["params"]


def score_by_hand(tokens, prompt, end=None):
    """The log-probability of a continuation, from the parallel form; nothing counts after the end."""
    text = jnp.asarray(np.concatenate([prompt, tokens]))[None]
    log_probs = jax.nn.log_softmax(TOY.apply({"params": PARAMS}, text))[0]
    total = 0.0
    for i, token in enumerate(tokens):
        total += float(log_probs[len(prompt) + i - 1, token])
        if token == end:
            break
    return total


def test_enough_beams_find_the_likeliest_of_all_continuations():
    found = beam_search(TOY, PARAMS, PROMPT, beams=36, max_new_tokens=3)
    for row, prompt in enumerate(PROMPT):
        every = {
            tokens: score_by_hand(np.array(tokens), prompt)
            for tokens in itertools.product(range(6), repeat=3)
        }
        best = sorted(every, key=lambda tokens: -every[tokens])[:5]
        assert [tuple(tokens) for tokens in found.tokens[row, :5].tolist()] == best
        np.testing.assert_allclose(found.log_probs[row, :5], [every[tokens] for tokens in best], atol=1e-4)


@pytest.mark.parametrize("name", SEQUENCE_MODELS)
def test_one_beam_is_greedy_decoding(name):
    model = SEQUENCE_MODELS[name]
    params = model.init(jax.random.key(0), jnp.zeros((1, 2), jnp.int32))["params"]
    greedy = generate(model, params, PROMPT, rule=GREEDY, max_new_tokens=5, key=jax.random.key(0))
    found = beam_search(model, params, PROMPT, beams=1, max_new_tokens=5)
    np.testing.assert_array_equal(found.tokens[:, 0], greedy)


@pytest.mark.parametrize("name", ["bidirectional_gru", "encoder_decoder"])
def test_a_source_is_read_and_its_beams_are_scored_as_in_training(name):
    model = CONDITIONAL_MODELS[name]
    source = jax.random.randint(jax.random.key(1), (2, 3), 0, 13)
    start = np.full((2, 1), 12)
    params = model.init(jax.random.key(0), jnp.zeros((2, 2), jnp.int32), source)["params"]
    found = beam_search(model, params, start, beams=4, max_new_tokens=2, source=np.asarray(source))
    greedy = generate(
        model, params, start, rule=GREEDY, max_new_tokens=2, key=jax.random.key(0), source=np.asarray(source)
    )
    assert all((row == best).all(axis=1).any() for row, best in zip(found.tokens, greedy, strict=True))
    for beam in range(4):
        tokens = found.tokens[:, beam]
        fed = jnp.concatenate([start, tokens[:, :1]], axis=1)
        log_probs = jax.nn.log_softmax(model.apply({"params": params}, fed, source))
        total = np.take_along_axis(np.asarray(log_probs), tokens[..., None], axis=2).sum(axis=(1, 2))
        np.testing.assert_allclose(found.log_probs[:, beam], total, atol=1e-4)


def test_what_has_ended_costs_nothing_more():
    found = beam_search(TOY, PARAMS, PROMPT[:1], beams=8, max_new_tokens=4, end=2)
    ended = 0
    for tokens, score in zip(found.tokens[0], found.log_probs[0], strict=True):
        if 2 in tokens.tolist():
            ended += 1
            assert set(tokens[tokens.tolist().index(2) :].tolist()) == {2}
        np.testing.assert_allclose(score, score_by_hand(tokens, PROMPT[0], end=2), atol=1e-4)
    assert ended


def test_beams_beyond_the_number_of_texts_are_impossible():
    model = Bigram(3)
    params = model.init(jax.random.key(0), jnp.zeros((1, 2), jnp.int32))["params"]
    found = beam_search(model, params, np.array([[1]]), beams=5, max_new_tokens=1)
    np.testing.assert_array_equal(np.isfinite(found.log_probs), [[True, True, True, False, False]])


def test_what_cannot_be_searched_is_refused():
    short = DecayingSum(6, max_length=4)
    with pytest.raises(UserError, match="exceed the 4 that the model can hold"):
        beam_search(short, PARAMS, PROMPT, beams=2, max_new_tokens=4)
    with pytest.raises(UserError, match="1 or more"):
        beam_search(TOY, PARAMS, PROMPT, beams=0, max_new_tokens=4)
    with pytest.raises(UserError, match="prompt is empty"):
        beam_search(TOY, PARAMS, PROMPT[:, :0], beams=1, max_new_tokens=4)
    with pytest.raises(WorkFailed, match="not finite"):
        beam_search(TOY, jax.tree.map(lambda x: x * jnp.nan, PARAMS), PROMPT, beams=2, max_new_tokens=3)
