"""Turns in a step, on a game of two numbers that can be worked out by hand; and a pair that is resumed."""

import dataclasses
import json
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rgnn_jax.cli import main
from rgnn_jax.contracts import Turn
from rgnn_jax.datasets.images import load_images
from rgnn_jax.optimizer import OptimizerConfig
from rgnn_jax.tasks.build import build_objective
from rgnn_jax.train.checkpoint import Checkpoints
from rgnn_jax.train.manifest import named_leaves
from rgnn_jax.train.session import load_run, make_training
from rgnn_jax.train.step import Clock, Training

CLOCK = Clock(np.int32(0), np.float32(0.0), np.float32(0.0))


@dataclasses.dataclass(frozen=True)
class Numbers:
    """Batches that are their own number."""

    data: ClassVar = ()

    def draw(self, data, key, step, index, count):
        return step.astype(jnp.float32)


@dataclasses.dataclass(frozen=True)
class Chase:
    """`a` goes up by Adam's step, `b` down where a is above 0.15; `a` keeps the batch that it saw last."""

    times: int = 1
    broken: int = 1000

    @property
    def turns(self):
        return Turn("a", self.times, 2.0), Turn("b")

    def init(self, key):
        return {
            "a": {"x": jnp.zeros(()), "seen": jnp.zeros(())},
            "b": {"x": jnp.zeros(()), "seen": jnp.zeros(())},
        }

    def play(self, player, params, batch, key, progress):
        x = params[player]["x"]
        loss = -x if player == "a" else jnp.where(params["a"]["x"] > 0.15, x, -x)
        loss = jnp.where(batch >= self.broken, jnp.nan, loss)
        return loss, ({f"{player}_x": (x, jnp.ones(()))}, {"seen": batch})


def play(game, steps, **settings):
    config = OptimizerConfig(schedule="constant", warmup_steps=0, learning_rate=0.1, clip_norm=0.0)
    training = Training(game, Numbers(), config, **{"micro_batches": 1, **settings})
    state = training.init(0)
    return jax.jit(training.run)(state, (), jnp.uint32(0), jnp.int32(steps), CLOCK)


@pytest.mark.parametrize("micro_batches", [1, 2])
def test_a_player_moves_against_the_others_latest_parameters(micro_batches):
    state, result = play(Chase(), 1, micro_batches=micro_batches)
    # Player a moves by its rate of 2 x 0.1; b then sees it above 0.15.
    np.testing.assert_allclose(state.params["a"]["x"], 0.2, rtol=1e-5)
    np.testing.assert_allclose(state.params["b"]["x"], -0.1, rtol=1e-5)
    np.testing.assert_allclose(result.gradient_norm, np.sqrt(2.0), rtol=1e-5)
    np.testing.assert_allclose(result.metrics["a_gradient_norm"], (1.0, 1.0), rtol=1e-5)


def test_several_updates_in_a_row_each_see_a_fresh_batch_and_the_last_player_the_latest():
    state, result = play(Chase(times=3), 2)
    np.testing.assert_allclose(state.params["a"]["x"], 2 * 3 * 0.2, rtol=1e-5)
    np.testing.assert_allclose(state.params["b"]["x"], -0.2, rtol=1e-5)
    # Six batches, 0 to 5; b shares that of a's last update.
    assert state.params["a"]["seen"] == state.params["b"]["seen"] == 5
    total, count = result.metrics["a_x"]
    assert count == 6
    np.testing.assert_allclose(total, 0.2 * (0 + 1 + 2 + 3 + 4 + 5), rtol=1e-5)


class Dice(Chase):
    """Players who throw a number each time."""

    def play(self, player, params, batch, key, progress):
        thrown = jax.random.uniform(key)
        squares = {f"{player}_thrown": (thrown, jnp.ones(())), f"{player}_squares": (thrown**2, jnp.ones(()))}
        return params[player]["x"], (squares, {"seen": batch})


def test_each_turn_draws_anew():
    _, result = play(Dice(), 1)
    assert result.metrics["a_thrown"][0] != result.metrics["b_thrown"][0]
    _, result = play(Dice(times=8), 1)
    first, second = (result.metrics[name][0] / 8 for name in ("a_thrown", "a_squares"))
    assert second - first**2 > 0.01


def test_a_player_that_is_not_finite_stops_all():
    sound, _ = play(Chase(times=2), 2, ema_decay=0.5)
    state, result = play(Chase(times=2, broken=5), 9, ema_decay=0.5)
    assert not result.finite and state.step == 2
    for one, other in zip(jax.tree.leaves(state), jax.tree.leaves(sound), strict=True):
        np.testing.assert_array_equal(one, other)


CONFIG = """
[model]
kind = "dcgan"
z_dim = 4
width = 4
conditional = true
discriminator_steps = 2
discriminator_norm = "none"
spectral = true

[data]
kind = "images"
path = "digits"

[optimizer]
clip_norm = 0.0
schedule = "constant"

[training]
batch_size = 8
ema_decay = 0.9
evaluate_every = 4
save_every = 4
log_every = 6
"""


def state_of(ckpt_dir, name):
    with Checkpoints(ckpt_dir / name / "checkpoints", read_only=True) as checkpoints:
        run = load_run(name, ckpt_dir)
        training = make_training(run.experiment, build_objective(run.experiment, run.model), None)
        state, _ = checkpoints.restore(jax.eval_shape(training.init, np.uint32(0)))
    return {name: np.asarray(leaf) for name, leaf in named_leaves(state).items()}


def test_a_resumed_pair_is_bit_for_bit_that_which_was_never_stopped(tmp_path, capsys):
    config = tmp_path / "gan.toml"
    config.write_text(CONFIG, encoding="utf-8")

    def train(name, steps, *more):
        given = ["--name", name, "--ckpt-dir", str(tmp_path), "--training.steps", steps, "--quiet", "--json"]
        assert main(["train", str(config), *given, *more]) == 0

    train("whole", "8")
    train("parts", "4")
    train("parts", "8", "--resume")
    whole, parts = state_of(tmp_path, "whole"), state_of(tmp_path, "parts")
    assert whole.keys() == parts.keys()
    for player in ("generator", "discriminator"):
        for part in ("params/", "opt_state/", "ema/"):
            assert any(name.startswith(part + player) for name in whole)
    for name, leaf in whole.items():
        np.testing.assert_array_equal(parts[name], leaf, err_msg=name)
    rows = metrics(tmp_path / "parts")
    assert {"validation_loss", "validation_spread", "validation_nearest"} <= rows[-1].keys()
    ours, theirs = (
        [row for row in metrics(tmp_path / name) if "seconds" in row] for name in ("parts", "whole")
    )
    assert [row["step"] for row in ours] == [6]
    # Every step shows the discriminator two batches.
    pictures = load_images(load_run("whole", tmp_path).experiment.of_pictures[1]).train
    assert ours[0]["epoch"] == pytest.approx(6 * 2 * 8 / len(pictures), rel=1e-3)
    assert ours == [pytest.approx(row | {"seconds": ours[0]["seconds"]}, rel=1e-5) for row in theirs]


def metrics(run):
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
