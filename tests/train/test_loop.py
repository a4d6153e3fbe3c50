"""Where a run ends and pauses, and how many steps a call takes."""

import json
import math

import jax.numpy as jnp
import pytest

from rgnn_jax.config import TrainingConfig
from rgnn_jax.train.loop import Limits, Pace, Totals
from rgnn_jax.train.manifest import Manifest, seal, unseal


def test_pauses_come_in_their_order():
    training = TrainingConfig(
        steps=110, log_every=50, evaluate_every=30, save_every=0, milestones=(1.0,), batch_size=1
    )
    limits = Limits.of(training, steps_per_epoch=47.3)
    steps, step = [], 0
    while step < limits.steps:
        step = limits.next_pause(step)
        steps.append(step)
    assert steps == [30, 47, 50, 60, 90, 100, 110]


def kept(sums):
    """What a checkpoint gives back."""
    manifest = Manifest(step=2, metric=None, keep=False, info=sums, leaves={})
    return unseal(json.dumps(seal(manifest)).encode()).info


def test_a_total_that_is_not_finite_stays_so():
    totals = Totals(kept({"kl_loss": [math.inf, 2.0]}))
    totals.add({"kl_loss": (1.0, 2.0)})
    assert math.isnan(totals.take()["kl_loss"])


def test_totals_go_on_from_what_was_saved():
    steps = [{"loss": (3.0 * n, 2.0)} for n in range(4)]
    whole, first = Totals(), Totals()
    for step in steps[:2]:
        first.add(step)
    second = Totals(kept(first.sums))
    for step in steps[2:]:
        second.add(step)
    for step in steps:
        whole.add(step)
    assert second.take() == whole.take() == {"loss": 2.25}
    assert second.take() == {}


def test_the_nearer_end_counts():
    assert Limits.of(TrainingConfig(steps=7, epochs=2.0), 3.2).steps == 7
    assert Limits.of(TrainingConfig(steps=9, epochs=2.0), 3.2).steps == 7
    assert Limits.of(TrainingConfig(max_seconds=5.0), 3.2).steps == math.inf


def test_the_schedule_follows_the_nearer_end():
    limits = Limits.of(TrainingConfig(steps=100, max_seconds=50.0), 1.0)
    assert limits.progress(20, 5.0) == pytest.approx(0.2)
    assert limits.progress(20, 25.0) == pytest.approx(0.5)
    by_steps = limits.clock(20, 5.0, 0.1)
    assert float(by_steps.at(jnp.int32(30))) == pytest.approx(0.3)
    by_seconds = limits.clock(20, 25.0, 1.0)
    assert float(by_seconds.at(jnp.int32(30))) == pytest.approx(0.5 + 10 / 50)


def test_the_schedule_in_steps_does_not_depend_on_where_calls_begin():
    limits = Limits.of(TrainingConfig(steps=100), 1.0)
    clocks = [limits.clock(step, seconds, 0.3) for step, seconds in ((0, 0.0), (7, 5.0), (93, 1e6))]
    assert clocks[0] == clocks[1] == clocks[2]


def test_the_time_left_is_that_to_the_nearer_end():
    limits = Limits.of(TrainingConfig(steps=100, max_seconds=50.0), 1.0)
    assert limits.seconds_left(90, 5.0, 0.5) == pytest.approx(5.0)
    assert limits.seconds_left(0, 5.0, 10.0) == pytest.approx(45.0)
    assert Limits.of(TrainingConfig(max_seconds=50.0), 1.0).seconds_left(0, 5.0, 0.0) == 45.0
    assert limits.seconds_left(0, 5.0, 0.0) == math.inf and limits.seconds_left(100, 5.0, 0.5) == 0.0


def test_calls_grow_to_a_second_and_shrink_to_the_time_left():
    pace = Pace()
    assert pace.count(1000, math.inf) == 1
    pace.measure(1, 30.0)
    assert pace.count(1000, math.inf) == 1
    pace.measure(1, 0.01)
    assert pace.count(1000, math.inf) == 100
    assert pace.count(40, math.inf) == 40
    assert pace.count(1000, 0.5) == 50
    assert pace.count(1000, 0.001) == 0
    assert pace.count(1000, -1.0) <= 0
    pace.measure(100, 3.0)
    assert pace.step_seconds == pytest.approx(0.03)
    pace.measure(10, 0.1)
    assert pace.step_seconds == pytest.approx(0.02)


def test_a_step_longer_than_a_call_is_still_taken():
    pace = Pace()
    pace.measure(1, 30.0)
    pace.measure(1, 4.0)
    assert pace.count(1000, math.inf) == 1
