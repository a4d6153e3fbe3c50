"""What every sequence model promises, checked on all of them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_models import SEQUENCE_MODELS, VOCABULARY_SIZE

from rgnn_jax.contracts import SequenceModel
from rgnn_jax.datasets.text_batches import TextBatches
from rgnn_jax.models.language import NextToken
from rgnn_jax.optimizer import OptimizerConfig
from rgnn_jax.train.checkpoint import Checkpoints
from rgnn_jax.train.devices import Compiled
from rgnn_jax.train.step import Clock, Training

WINDOW = 6
CLOCK = Clock(np.int32(0), np.float32(0.0), np.float32(0.0))
pytestmark = pytest.mark.parametrize("model", SEQUENCE_MODELS.values(), ids=SEQUENCE_MODELS.keys())


@pytest.fixture
def codes() -> np.ndarray:
    return np.random.default_rng(0).integers(0, VOCABULARY_SIZE, 300).astype(np.uint8)


def training(model, codes, **settings) -> Training:
    optimizer = OptimizerConfig(learning_rate=1e-2, schedule="constant", warmup_steps=0, **settings)
    return Training(NextToken(model, WINDOW), TextBatches(codes, WINDOW, 4), optimizer, micro_batches=2)


def test_it_fulfils_the_protocol(model):
    assert isinstance(model, SequenceModel)


@pytest.mark.parametrize("kind", ["adamw", "muon"])
def test_the_loss_is_finite_and_falls(model, codes, kind):
    task = training(model, codes[: WINDOW + 1], kind=kind)  # one window: every batch is the same
    compiled = Compiled(task, "jit", jax.devices()[:1])
    state, data = compiled.init(0), compiled.place(task.batches.data)
    losses = []
    for _ in range(3):
        state, result = compiled.run(state, data, 0, 10, CLOCK)
        assert result.finite
        losses.append(float(result.loss))
    assert losses[-1] < 0.8 * losses[0]
    assert losses[0] < 2 * np.log(VOCABULARY_SIZE)


def test_one_token_at_a_time_equals_all_at_once(model, codes):
    tokens = jnp.asarray(codes[:10].reshape(2, 5), jnp.int32)
    params = model.init({"params": jax.random.key(1)}, tokens)["params"]
    parallel = model.apply({"params": params}, tokens)
    carry = model.init_carry(2, 5)
    for t in range(5):
        carry, logits = model.apply({"params": params}, carry, tokens[:, t], method="step")
        np.testing.assert_allclose(logits, parallel[:, t], atol=1e-4)
    _, prefilled = model.apply({"params": params}, model.init_carry(2, 5), tokens, method="prefill")
    np.testing.assert_allclose(prefilled, parallel, atol=1e-4)


def test_a_saved_state_comes_back_to_the_bit(model, codes, tmp_path):
    task = training(model, codes)
    state = jax.jit(task.init)(np.uint32(0))
    (tmp_path / "run").mkdir()
    with Checkpoints(tmp_path / "run" / "checkpoints") as checkpoints:
        checkpoints.save(1, state)
        restored, _ = checkpoints.restore(jax.eval_shape(task.init, np.uint32(0)))
    assert jax.tree.structure(restored) == jax.tree.structure(state)
    for saved, read in zip(jax.tree.leaves(state), jax.tree.leaves(restored), strict=True):
        np.testing.assert_array_equal(saved, read)


def test_one_device_sharded_devices_and_pmap_agree(model, codes):
    def parameters(parallel: str, devices: int) -> list[np.ndarray]:
        compiled = Compiled(training(model, codes), parallel, jax.devices()[:devices])
        state, data = compiled.init(0), compiled.place(codes)
        state, _ = compiled.run(state, data, 0, 3, CLOCK)
        return [np.asarray(leaf) for leaf in jax.tree.leaves(compiled.fetch(state))]

    alone = parameters("jit", 1)
    for others in (parameters("jit", 2), parameters("pmap", 2)):
        for one, many in zip(alone, others, strict=True):
            np.testing.assert_allclose(many, one, rtol=1e-5, atol=1e-5)
