"""What every model promises, checked on all of them."""

import jax
import numpy as np
import pytest
from small_models import (
    CONDITIONAL_MODELS,
    GAMES,
    GENERATORS,
    LATENT_MODELS,
    LEARNERS,
    PAINTER,
    SEQUENCE_MODELS,
    SIDE,
    random_source,
)

from rgnn_jax.contracts import Batches, ConditionalModel, Game, LatentModel, Objective, SequenceModel
from rgnn_jax.optimizer import OptimizerConfig
from rgnn_jax.train.checkpoint import Checkpoints
from rgnn_jax.train.devices import Compiled
from rgnn_jax.train.step import Clock, Training

MAPPED = ("lstm", "encoder_decoder", "mlp_vae", "dcgan")
"""Learners of each kind; `pmap` of the others is a slow test."""
CLOCK = Clock(np.int32(0), np.float32(0.0), np.float32(0.0))
every_learner = pytest.mark.parametrize("learner", LEARNERS.values(), ids=LEARNERS.keys())
every_game = pytest.mark.parametrize("game", GAMES.values(), ids=GAMES.keys())
every_learner_or_game = pytest.mark.parametrize(
    "learner", [*LEARNERS.values(), *GAMES.values()], ids=[*LEARNERS, *GAMES]
)
every_sequence_model = pytest.mark.parametrize("model", SEQUENCE_MODELS.values(), ids=SEQUENCE_MODELS.keys())
every_conditional_model = pytest.mark.parametrize(
    "model", [*CONDITIONAL_MODELS.values(), PAINTER], ids=[*CONDITIONAL_MODELS.keys(), "painter"]
)
every_generator = pytest.mark.parametrize("model", GENERATORS.values(), ids=GENERATORS.keys())
every_latent_model = pytest.mark.parametrize("model", LATENT_MODELS.values(), ids=LATENT_MODELS.keys())


def training(learner, count=24, *, kind="adamw", epsilon=1e-3) -> Training:
    # Adam turns a gradient that is rounding alone into a whole step, unless epsilon is larger than it.
    optimizer = OptimizerConfig(
        kind=kind, learning_rate=1e-2, schedule="constant", warmup_steps=0, epsilon=epsilon
    )
    return Training(learner.objective, learner.batches(count), optimizer, micro_batches=2)


@every_learner
def test_it_fulfils_the_protocols(learner):
    assert isinstance(learner.objective, Objective)
    assert isinstance(learner.batches(4), Batches)


@every_learner
@pytest.mark.parametrize("kind", ["adamw", "muon"])
def test_the_loss_is_finite_and_falls(learner, kind):
    task = training(learner, 1, kind=kind, epsilon=1e-8)  # one example: every batch is the same
    compiled = Compiled(task, "jit", jax.devices()[:1])
    state, data = compiled.init(0), compiled.place(task.batches.data)
    losses = []
    for _ in range(3):
        state, result = compiled.run(state, data, 0, 10, CLOCK)
        assert result.finite
        losses.append(float(result.loss))
    assert losses[-1] < 0.8 * losses[0]
    assert losses[0] < learner.first_loss


@every_game
def test_all_players_of_a_game_move_and_stay_finite(game):
    assert isinstance(game.objective, Game)
    assert isinstance(game.batches(4), Batches)
    task = training(game)
    compiled = Compiled(task, "jit", jax.devices()[:1])
    start, data = compiled.init(0), compiled.place(task.batches.data)
    before = jax.tree.map(np.asarray, start.params)
    state, result = compiled.run(start, data, 0, 20, CLOCK)
    assert result.finite and state.step == 20
    assert {turn.player for turn in game.objective.turns} == set(state.params)
    # Vectors of spectral norms of a single output are its sign, and stay.
    still = [
        jax.tree_util.keystr(path)
        for path, moved in jax.tree_util.tree_leaves_with_path(
            jax.tree.map(lambda a, b: bool(np.any(a != b)), before, state.params)
        )
        if not moved and "['u']" not in jax.tree_util.keystr(path)
    ]
    assert still == []


@every_generator
def test_points_are_decoded_alike_whatever_lies_beside_them(model):
    z = jax.random.normal(jax.random.key(0), (5, model.z_dim))
    params = model.init({"params": jax.random.key(1)}, z, jax.numpy.zeros(5, int))["params"]
    logits = model.apply({"params": params}, z, method="decode")
    assert logits.shape == (5, *model.image_shape)
    alone = model.apply({"params": params}, z[2:3], method="decode")
    np.testing.assert_allclose(logits[2:3], alone, atol=1e-5)


@every_sequence_model
def test_one_token_at_a_time_equals_all_at_once(model):
    assert isinstance(model, SequenceModel)
    tokens = jax.random.randint(jax.random.key(0), (2, 5), 0, model.vocabulary_size)
    params = model.init({"params": jax.random.key(1)}, tokens)["params"]
    parallel = model.apply({"params": params}, tokens)
    carry = model.init_carry(2, 5)
    for t in range(5):
        carry, logits = model.apply({"params": params}, carry, tokens[:, t], method="step")
        np.testing.assert_allclose(logits, parallel[:, t], atol=1e-4)
    _, prefilled = model.apply({"params": params}, model.init_carry(2, 5), tokens, method="prefill")
    np.testing.assert_allclose(prefilled, parallel, atol=1e-4)


@every_conditional_model
def test_one_symbol_at_a_time_equals_all_at_once_given_a_source(model):
    assert isinstance(model, ConditionalModel)
    tokens = jax.random.randint(jax.random.key(0), (3, model.target_length), 0, model.vocabulary_size)
    source = random_source(model, jax.random.key(1), 3)
    params = model.init({"params": jax.random.key(2)}, tokens, source)
    parallel = model.apply(params, tokens, source)
    start = model.apply(params, model.init_carry(3, 1), source, method="read_source")
    carry = start = model.apply(params, start, model.target_length, method="grow_carry")
    for t in range(model.target_length):
        carry, logits = model.apply(params, carry, tokens[:, t], method="step")
        np.testing.assert_allclose(logits, parallel[:, t], atol=1e-4)
    _, prefilled = model.apply(params, start, tokens, method="prefill")
    np.testing.assert_allclose(prefilled, parallel, atol=1e-4)


@every_latent_model
def test_pictures_are_encoded_and_points_decoded(model):
    assert isinstance(model, LatentModel)
    images = jax.random.uniform(jax.random.key(0), (2, SIDE, SIDE, 1))
    params = model.init({"params": jax.random.key(1)}, images)
    z_mean, z_logvar = model.apply(params, images, method="encode")
    assert z_mean.shape == (2, model.z_dim)
    assert (z_logvar is not None) == model.config.variational
    logits = model.apply(params, z_mean, method="decode")
    assert logits.shape == images.shape == (2, *model.image_shape)


@every_learner_or_game
def test_a_saved_state_comes_back_to_the_bit(learner, tmp_path):
    task = training(learner)
    state = jax.jit(task.init)(np.uint32(0))
    (tmp_path / "run").mkdir()
    with Checkpoints(tmp_path / "run" / "checkpoints") as checkpoints:
        checkpoints.save(1, state)
        restored, _ = checkpoints.restore(jax.eval_shape(task.init, np.uint32(0)))
    assert jax.tree.structure(restored) == jax.tree.structure(state)
    for saved, read in zip(jax.tree.leaves(state), jax.tree.leaves(restored), strict=True):
        np.testing.assert_array_equal(saved, read)


def parameters(learner, parallel: str, devices: int) -> list[np.ndarray]:
    """All numbers of the state after three steps."""
    compiled = Compiled(training(learner), parallel, jax.devices()[:devices])
    state, data = compiled.init(0), compiled.place(compiled.training.batches.data)
    state, _ = compiled.run(state, data, 0, 3, CLOCK)
    return [np.asarray(leaf) for leaf in jax.tree.leaves(compiled.fetch(state))]


def agree(learner, parallel: str) -> None:
    alone, together = parameters(learner, "jit", 1), parameters(learner, parallel, 2)
    for one, many in zip(alone, together, strict=True):
        np.testing.assert_allclose(many, one, rtol=1e-5, atol=1e-5)


@every_learner_or_game
def test_one_device_and_sharded_devices_agree(learner):
    agree(learner, "jit")


@pytest.mark.parametrize(
    "learner",
    [
        pytest.param(learner, id=name, marks=() if name in MAPPED else pytest.mark.slow)
        for name, learner in {**LEARNERS, **GAMES}.items()
    ],
)
def test_one_device_and_pmap_agree(learner):
    agree(learner, "pmap")
