"""The update, on a linear regression whose steps can be worked out by hand."""

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rgnn_jax.optimizer import OptimizerConfig, learning_rate, make_optimizer
from rgnn_jax.train.step import Clock, Training

ROWS = jax.random.normal(jax.random.key(0), (8, 3))
CONSTANT = OptimizerConfig(schedule="constant", warmup_steps=0, learning_rate=0.1)
STILL = Clock(np.int32(0), np.float32(0.0), np.float32(0.0))


class Regression:
    """Mean squared error of the last column, predicted from the others."""

    def init(self, key):
        return {"kernel": jax.random.normal(key, (2, 1)), "bias": jnp.zeros(1)}

    def __call__(self, params, batch, key, progress, train):
        error = batch[:, :2] @ params["kernel"] + params["bias"][None] - batch[:, 2:]
        loss = (error**2).mean()
        return loss, {"loss": (loss * batch.shape[0], jnp.float32(batch.shape[0]))}


@dataclasses.dataclass(frozen=True)
class Rows:
    """The same eight rows at every step, dealt in order; from step `broken` on they are not numbers."""

    broken: int = 1000
    data: ClassVar = ROWS

    def draw(self, data, key, step, index, count):
        size = len(data) // count
        batch = jax.lax.dynamic_slice_in_dim(data, index * size, size)
        return jnp.where(step >= self.broken, jnp.nan, batch)


def run(training: Training, counts=(1,), clock=STILL):
    state = training.init(3)
    step = jax.jit(training.run)
    for count in counts:
        state, result = step(state, ROWS, jnp.uint32(3), jnp.int32(count), clock)
    return state, result


def training(optimizer=CONSTANT, batches=Rows(), **settings) -> Training:
    return Training(Regression(), batches, optimizer, **{"micro_batches": 1, **settings})


def assert_equal(one, other):
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_first_step_by_hand():
    start = training().init(3)
    loss, gradient = jax.value_and_grad(lambda p: Regression()(p, ROWS, None, 0.0, True)[0])(start.params)
    state, result = run(training())
    np.testing.assert_allclose(result.loss, loss, rtol=1e-6)
    # Adam's first step is the rate times the sign of the gradient.
    for name, leaf in start.params.items():
        np.testing.assert_allclose(state.params[name], leaf - 0.1 * jnp.sign(gradient[name]), atol=1e-5)
    norm = jnp.sqrt(sum((g**2).sum() for g in gradient.values()))
    np.testing.assert_allclose(result.gradient_norm, norm, rtol=1e-5)


class Dice:
    """A loss of nothing, that throws a number."""

    def init(self, key):
        return {"nothing": jnp.zeros(())}

    def __call__(self, params, batch, key, progress, train):
        thrown = jax.random.uniform(key)
        return params["nothing"], {"first": (thrown, jnp.ones(())), "second": (thrown**2, jnp.ones(()))}


@pytest.mark.parametrize(("steps", "micro_batches"), [(8, 1), (1, 8)], ids=["steps", "micro-batches"])
def test_each_step_and_each_micro_batch_draws_anew(steps, micro_batches):
    dice = Training(Dice(), Rows(), CONSTANT, micro_batches=micro_batches)
    _, result = run(dice, (steps,))
    first, second = (result.metrics[name][0] / 8 for name in ("first", "second"))
    assert result.metrics["first"][1] == 8
    assert second - first**2 > 0.01


def test_accumulated_micro_batches_are_the_whole_batch():
    whole, one = run(training(micro_batches=1), (3,))
    parts, four = run(training(micro_batches=4), (3,))
    for a, b in zip(jax.tree.leaves(whole.params), jax.tree.leaves(parts.params), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)
    np.testing.assert_allclose(one.loss, four.loss, rtol=1e-5)
    np.testing.assert_allclose(one.metrics["loss"], four.metrics["loss"], rtol=1e-5)
    assert one.metrics["loss"][1] == 3 * 8
    np.testing.assert_allclose(one.metrics["gradient_norm"][0], four.metrics["gradient_norm"][0], rtol=1e-5)


def test_gradient_norms_add_up_over_the_steps_of_a_call():
    state, step, norms = training().init(3), jax.jit(training().run), []
    _, whole = step(state, ROWS, jnp.uint32(3), jnp.int32(3), STILL)
    for _ in range(3):
        state, result = step(state, ROWS, jnp.uint32(3), jnp.int32(1), STILL)
        norms.append(float(result.gradient_norm))
    assert len(set(norms)) == 3
    np.testing.assert_allclose(whole.metrics["gradient_norm"], (sum(norms), 3), rtol=1e-5)


def test_calls_of_any_length_take_the_same_steps():
    config = OptimizerConfig(schedule="linear", warmup_steps=2, learning_rate=0.1)
    clock = Clock(np.int32(0), np.float32(0.0), np.float32(0.2))
    one, _ = run(training(config), (5,), clock)
    other, _ = run(training(config), (1, 3, 1), clock)
    assert_equal(one, other)


def test_a_step_that_is_not_finite_changes_nothing():
    sound, _ = run(training(batches=Rows(), ema_decay=0.9), (2,))
    state, result = run(training(batches=Rows(broken=2), ema_decay=0.9), (5,))
    assert not result.finite and state.step == 2
    assert_equal(state, sound)


def test_the_moving_average_by_hand():
    config = training(ema_decay=0.9)
    start, first, second = config.init(3), run(config, (1,))[0], run(config, (2,))[0]
    after_one = 0.1 * start.params["kernel"] + 0.9 * first.params["kernel"]
    np.testing.assert_allclose(first.ema["kernel"], after_one, rtol=1e-6)
    after_two = 2 / 11 * after_one + 9 / 11 * second.params["kernel"]
    np.testing.assert_allclose(second.ema["kernel"], after_two, rtol=1e-5)
    assert second.best_params is second.ema


@pytest.mark.parametrize(
    ("schedule", "step", "progress", "rate"),
    [
        ("constant", 0, 0.0, 0.25),
        ("constant", 3, 0.9, 1.0),
        ("linear", 9, 0.2, 1.0),
        ("linear", 9, 0.6, 0.55),
        ("linear", 9, 1.0, 0.1),
        ("linear", 9, 1.5, 0.1),
        ("cosine", 9, 0.4, 0.1 + 0.9 * (0.5 + 0.5 * np.cos(np.pi / 4))),
        ("cosine", 1, 1.0, 0.05),
    ],
)
def test_the_learning_rate_by_hand(schedule, step, progress, rate):
    config = OptimizerConfig(
        learning_rate=1.0, schedule=schedule, warmup_steps=4, decay_from=0.2, final_fraction=0.1
    )
    found = learning_rate(config, jnp.int32(step), jnp.float32(progress))
    np.testing.assert_allclose(found, rate, rtol=1e-5)


PARAMS = {
    "embed": {"embedding": jnp.ones((3, 2))},
    "layer": {"kernel": jnp.ones((2, 2)), "bias": jnp.ones(2)},
    "norm": {"scale": jnp.ones(2)},
    "head": {"kernel": jnp.ones((2, 3))},
}


def test_weight_decay_spares_biases_norms_and_embeddings():
    optimizer = make_optimizer(OptimizerConfig(weight_decay=0.5))
    updates, _ = optimizer.update(jax.tree.map(jnp.zeros_like, PARAMS), optimizer.init(PARAMS), PARAMS)
    decayed = {
        jax.tree_util.keystr(p): float(u.max()) for p, u in jax.tree_util.tree_leaves_with_path(updates)
    }
    expected = dict.fromkeys(decayed, 0.0) | {"['layer']['kernel']": 0.5, "['head']['kernel']": 0.5}
    assert decayed == expected


def test_muon_moves_hidden_matrices_only():
    config = OptimizerConfig(kind="muon", learning_rate=0.01, muon_learning_rate=0.02, clip_norm=0.0)
    optimizer = make_optimizer(config)
    keys = iter(jax.random.split(jax.random.key(1), 5))
    gradients = jax.tree.map(lambda leaf: jax.random.normal(next(keys), leaf.shape), PARAMS)
    updates, _ = optimizer.update(gradients, optimizer.init(PARAMS), PARAMS)
    hidden = updates["layer"].pop("kernel")
    singular = np.linalg.svd(np.asarray(hidden), compute_uv=False)
    assert ((singular > 1.2) & (singular < 2.6)).all()
    for leaf in jax.tree.leaves(updates):
        np.testing.assert_allclose(jnp.abs(leaf), 1.0, rtol=1e-4)


def test_clipping_bounds_the_whole_gradient():
    # So large an epsilon makes Adam's first step the clipped gradient over epsilon.
    config = OptimizerConfig(clip_norm=1.0, epsilon=1e6)
    optimizer = make_optimizer(config)
    for scale, norm in ((100.0, 1.0), (0.01, 0.01 * np.sqrt(20))):
        gradients = jax.tree.map(lambda leaf, s=scale: s * jnp.ones_like(leaf), PARAMS)
        updates, _ = optimizer.update(gradients, optimizer.init(PARAMS), PARAMS)
        found = 1e6 * jnp.sqrt(sum((u**2).sum() for u in jax.tree.leaves(updates)))
        np.testing.assert_allclose(found, norm, rtol=1e-4)
