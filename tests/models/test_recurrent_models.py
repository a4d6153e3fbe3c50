from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rgnn_jax.models.recurrent import GRU, LSTM, GRUConfig, LSTMConfig

SETTINGS = [{}, {"embedding": 4, "ngram_order": 3, "ngram_buckets": 30, "ngram_dropout": 0.2}]
MODELS = [
    model
    for settings in SETTINGS
    for model in (
        LSTM(LSTMConfig(layers=2, width=6, **settings), vocabulary_size=5),
        GRU(GRUConfig(layers=2, width=6, **settings), vocabulary_size=5),
    )
]


@pytest.fixture(params=MODELS, ids=["lstm", "gru", "lstm-ngram", "gru-ngram"])
def model(request):
    return request.param


TOKENS = jax.random.randint(jax.random.key(1), (2, 8), 0, 5)


def apply(model, *arguments, **settings):
    return jax.jit(partial(model.apply, **settings))(*arguments)


def initialise(model):
    params = jax.jit(model.init)(jax.random.key(0), TOKENS)["params"]
    return {"params": jax.tree.map(lambda x: x + 0.1, params)}


def test_steps_equal_prefill_equal_parallel(model):
    variables = initialise(model)
    expected = apply(model, variables, TOKENS)
    carry = model.init_carry(2, 8)
    carry, logits = apply(model, variables, carry, TOKENS[:, :3], method="prefill")
    np.testing.assert_allclose(logits, expected[:, :3], atol=1e-4)
    step = jax.jit(partial(model.apply, method="step"))
    for t in range(3, 6):
        carry, logits = step(variables, carry, TOKENS[:, t])
        np.testing.assert_allclose(logits, expected[:, t], atol=1e-4)
    carry = model.grow_carry(carry, 100)
    carry, logits = apply(model, variables, carry, TOKENS[:, 6:], method="prefill")
    np.testing.assert_allclose(logits, expected[:, 6:], atol=1e-4)


def test_logits_do_not_depend_on_later_tokens(model):
    variables = initialise(model)
    changed = TOKENS.at[:, 5].set((TOKENS[:, 5] + 1) % 5)
    before, after = apply(model, variables, TOKENS), apply(model, variables, changed)
    np.testing.assert_array_equal(before[:, :5], after[:, :5])
    assert float(jnp.abs(before[:, 5:] - after[:, 5:]).min()) > 0


def test_dropout_acts_only_in_training(model):
    variables = initialise(model)
    train = jax.jit(
        lambda seed: model.apply(variables, TOKENS, train=True, rngs={"dropout": jax.random.key(seed)})
    )
    assert float(jnp.abs(train(0) - train(1)).max()) > 1e-4
    without_stream = apply(model, variables, TOKENS)
    assert float(jnp.abs(train(0) - without_stream).max()) > 1e-4


def test_every_parameter_has_a_gradient(model):
    variables = initialise(model)
    gradients = jax.jit(jax.grad(lambda v: jnp.sin(model.apply(v, TOKENS)).sum()))(variables)
    assert all(float(jnp.abs(leaf).max()) > 0 for leaf in jax.tree.leaves(gradients))


def test_without_embedding_tokens_index_the_input_weights():
    model = LSTM(LSTMConfig(layers=1, width=6), vocabulary_size=5)
    params = model.init(jax.random.key(0), TOKENS)["params"]
    assert params["embed"]["unigram"]["embedding"].shape == (5, 24)
    assert "input" not in params["layers_0"]
