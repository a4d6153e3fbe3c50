import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import msgspec
import numpy as np
import pytest
from small_models import CONDITIONAL_MODELS, random_source

from rgnn_jax.datasets.arithmetic import ArithmeticBatch
from rgnn_jax.errors import UserError
from rgnn_jax.models.seq2seq import Seq2Seq
from rgnn_jax.models.seq2seq_config import Seq2SeqConfig
from rgnn_jax.models.translation import Translate

TOKENS = jax.random.randint(jax.random.key(2), (2, 2), 0, 13)


@pytest.fixture(params=CONDITIONAL_MODELS.values(), ids=CONDITIONAL_MODELS.keys())
def model(request):
    return request.param


def source_of(model):
    return random_source(model, jax.random.key(1), 2)


def initialise(model):
    params = jax.jit(model.init)(jax.random.key(0), TOKENS, source_of(model))
    leaves, structure = jax.tree.flatten(params)
    draws = np.random.default_rng(0)
    noisy = [leaf + draws.normal(0, 0.3, leaf.shape).astype(np.float32) for leaf in leaves]
    return jax.tree.unflatten(structure, noisy)


def test_every_parameter_has_a_gradient(model):
    source = source_of(model)

    def loss(params):
        return jnp.sin(3 * model.apply(params, TOKENS, source, train=True)).sum()

    gradients = jax.tree_util.tree_leaves_with_path(jax.jit(jax.grad(loss))(initialise(model)))
    assert [path for path, leaf in gradients if not float(jnp.abs(leaf).max())] == []


def test_every_source_position_matters_and_no_later_token_does(model):
    # In training, where another picture is other odds; the likeliest symbol may stay the same.
    params, forward = initialise(model), jax.jit(partial(model.apply, train=True))
    source = source_of(model)
    logits = forward(params, TOKENS, source)
    for position in range(3):
        changed = 1 - source[:, position] if model.side else (source[:, position] + 1) % 13
        other = source.at[:, position].set(changed)
        assert float(jnp.abs(forward(params, TOKENS, other) - logits).max(axis=(1, 2)).min()) > 1e-5
    changed = forward(params, TOKENS.at[:, 1].set((TOKENS[:, 1] + 1) % 13), source)
    np.testing.assert_array_equal(changed[:, 0], logits[:, 0])
    assert (changed[:, 1] != logits[:, 1]).any() == (model.config.source == "attention")


def test_dropout_acts_only_in_training():
    settings = {"width": 8, "heads": 2, "dropout": 0.5, "source": "attention"}
    for part in ("lstm", "transformer"):
        model = Seq2Seq(Seq2SeqConfig(encoder=part, decoder=part, **settings), 13, 3, 13, 2)
        params = initialise(model)
        train = jax.jit(partial(model.apply, train=True))
        source = source_of(model)
        one, other = (train(params, TOKENS, source, rngs={"dropout": jax.random.key(i)}) for i in (0, 1))
        assert float(jnp.abs(one - other).max()) > 1e-4
        plain = dataclasses.replace(model, config=msgspec.structs.replace(model.config, dropout=0.0))
        calm, without = model.apply(params, TOKENS, source), plain.apply(params, TOKENS, source, train=True)
        np.testing.assert_allclose(calm, without, atol=1e-5)


def test_a_bidirectional_encoder_summarises_from_both_ends():
    model = CONDITIONAL_MODELS["bidirectional_gru"]
    params = initialise(model)
    encoded = model.apply(params, source_of(model), method=lambda bound, source: bound.encoder(source))
    forward, backward = jnp.split(encoded.features, 2, axis=-1)
    np.testing.assert_array_equal(encoded.summary, jnp.concatenate([forward[:, -1], backward[:, 0]], axis=-1))


def test_a_target_longer_than_the_model_writes_is_refused(model):
    with pytest.raises(UserError, match="3 symbols of a target are more than the 2"):
        model.init_carry(1, 3)


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"decoder": "transformer"}, "set model.source to"),
        ({"encoder": "transformer", "bidirectional": True}, "set model.bidirectional to false"),
        ({"source": "attention", "width": 9}, "not a multiple of model.heads"),
    ],
)
def test_parts_that_do_not_fit_are_refused(settings, complaint):
    with pytest.raises(UserError, match=complaint):
        Seq2SeqConfig(**settings)


@pytest.mark.parametrize("train", [False, True])
def test_a_picture_is_its_likeliest_symbol_and_in_training_all_that_it_may_be(train):
    model, text = CONDITIONAL_MODELS["strips_to_gru"], CONDITIONAL_MODELS["bidirectional_gru"]
    params = initialise(model)
    head = params["params"]["encoder"]["front"]["reader"]["head"]
    head["kernel"] *= 0
    symbols = text.apply(params, TOKENS, jnp.full((2, 3), 7))
    for odds, alike in ((1e3, True), (1.0, not train)):
        head["bias"] = odds * jax.nn.one_hot(7, 13)
        logits = model.apply(params, TOKENS, source_of(model), train=train)
        assert np.allclose(logits, symbols, atol=1e-5) == alike


def test_reading_weighs_as_it_is_set_to():
    model = CONDITIONAL_MODELS["strips_to_transformer"]
    params = initialise(model)["params"]
    symbols = jnp.array([[5, 10, 3], [7, 11, 9]])
    batch = ArithmeticBatch(source_of(model), TOKENS, symbols=symbols)
    for weight in (0.0, 0.5):
        config = msgspec.structs.replace(model.config, reading_weight=weight)
        objective = Translate(dataclasses.replace(model, config=config), start=12)
        loss, metrics = jax.jit(partial(objective, train=True))(
            params, batch, jax.random.key(0), jnp.zeros(())
        )
        mean = {name: total / count for name, (total, count) in metrics.items()}
        np.testing.assert_allclose(loss, mean["loss"] + weight * mean["reading_loss"], rtol=1e-5)


@pytest.mark.parametrize("part", ["gru", "transformer"])
def test_answers_are_learned_from_true_symbols_unless_they_must_teach_to_read(part):
    model = CONDITIONAL_MODELS[f"strips_to_{part}"]
    text = dataclasses.replace(model, side=0)
    params = initialise(model)["params"]
    symbols = jnp.array([[5, 10, 3], [7, 11, 9]])
    strips = ArithmeticBatch(source_of(model), TOKENS, symbols=symbols)

    def answers_loss(params, model, batch, train):
        _, metrics = Translate(model, start=12)(params, batch, jax.random.key(0), jnp.zeros(()), train)
        total, count = metrics["loss"]
        return total / count

    def reader_slope(model, train):
        slope = jax.grad(answers_loss)(params, model, strips, train)["encoder"]["front"]["reader"]
        return max(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(slope))

    told = answers_loss(params, text, ArithmeticBatch(symbols, TOKENS), train=True)
    np.testing.assert_allclose(answers_loss(params, model, strips, train=True), told, rtol=1e-5)
    assert abs(answers_loss(params, model, strips, train=False) - told) > 1e-4
    assert reader_slope(model, train=True) == 0
    untold = dataclasses.replace(model, config=msgspec.structs.replace(model.config, reading_weight=0.0))
    assert reader_slope(untold, train=True) > 0
