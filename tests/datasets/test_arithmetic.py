import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rgnn_jax.contracts import Batches
from rgnn_jax.datasets import arithmetic_split
from rgnn_jax.datasets.arithmetic import Arithmetic, ArithmeticBatches, ArithmeticData
from rgnn_jax.errors import UserError

SPLITS = ("train", "validation", "test")


def numbers(queries):
    return list(zip(*(np.asarray(part).tolist() for part in queries), strict=True))


def dealt(config):
    return {split: numbers(Arithmetic(config).examples(split).queries) for split in SPLITS}


@pytest.mark.parametrize("split", ["twins", "leaking"])
@pytest.mark.parametrize("digits", [1, 2])
def test_every_query_lies_in_exactly_one_split(split, digits):
    sides = dealt(ArithmeticData(split=split, digits=digits, validation_fraction=0.1, test_fraction=0.3))
    together = [query for side in sides.values() for query in side]
    assert len(together) == len(set(together)) == 2 * 100**digits
    assert len(sides["test"]) == pytest.approx(0.3 * len(together), rel=0.05)
    assert len(sides["validation"]) == pytest.approx(0.1 * len(together), rel=0.1)


def twins_apart(config):
    side_of = {query: split for split, side in dealt(config).items() for query in side}
    return sum(side_of[a, operator, b] != side_of[b, operator, a] for a, operator, b in side_of)


def test_twins_stay_together_unless_the_split_leaks():
    assert twins_apart(ArithmeticData(split="twins")) == 0
    assert twins_apart(ArithmeticData(split="leaking")) > 2000


def test_the_test_split_stays_when_less_is_trained_on_and_training_grows():
    half, quarter = (ArithmeticData(train_fraction=share) for share in (0.5, 0.25))
    half, quarter, whole = dealt(half), dealt(quarter), dealt(ArithmeticData())
    assert half["test"] == quarter["test"] == whole["test"]
    assert set(quarter["train"]) < set(half["train"]) < set(whole["train"])
    assert len(quarter["train"]) == pytest.approx(5000, rel=0.02)


def test_the_seed_deals_anew():
    first, second = (set(dealt(ArithmeticData(split_seed=seed))["test"]) for seed in (0, 1))
    assert len(first & second) < 0.2 * len(first)


def test_the_splits_are_alike():
    values = {
        split: Arithmetic(ArithmeticData(train_fraction=0.5)).examples(split).values for split in SPLITS
    }
    for split in SPLITS:
        assert values[split].mean() == pytest.approx(49.5, abs=6)
        assert (values[split] < 0).mean() == pytest.approx(0.2475, abs=0.05)


def draw(config, step=0, index=0, count=1, batch_size=4096):
    batches = ArithmeticBatches(config, batch_size)
    assert isinstance(batches, Batches)
    data = jnp.asarray(batches.data)
    return jax.jit(batches.draw, static_argnums=4)(
        data, jax.random.key(3), jnp.int32(step), jnp.int32(index), count
    )


@pytest.mark.parametrize("split", ["twins", "leaking"])
@pytest.mark.parametrize("index_end", [arithmetic_split._INT32_END, 50])
def test_a_step_draws_training_queries_and_in_time_all_of_them(split, index_end, monkeypatch):
    """Also where there are more of them than an index counts, here from 50 on."""
    monkeypatch.setattr(arithmetic_split, "_INT32_END", index_end)
    config = ArithmeticData(split=split, digits=1, test_fraction=0.3)
    train = Arithmetic(config).examples("train")
    known = {
        tuple(row): tuple(answer)
        for row, answer in zip(train.source.tolist(), train.target.tolist(), strict=True)
    }
    batch = draw(config)
    drawn = list(zip(batch.source.tolist(), batch.target.tolist(), strict=True))
    assert all(known[tuple(source)] == tuple(target) for source, target in drawn)
    assert {tuple(source) for source, _ in drawn} == set(known)


def test_a_micro_batch_is_a_function_of_seed_step_and_index():
    config = ArithmeticData()
    one, again = draw(config, 5, 1, 4, 64), draw(config, 5, 1, 4, 64)
    np.testing.assert_array_equal(one.source, again.source)
    assert one.source.shape == (16, 5)
    for other in (draw(config, 6, 1, 4, 64), draw(config, 5, 2, 4, 64)):
        assert (one.source != other.source).any()
    with pytest.raises(UserError, match="multiple of 3"):
        draw(config, 0, 0, 3, 64)


def test_five_digits_are_dealt_without_being_listed():
    config = ArithmeticData(digits=5, train_fraction=0.5, evaluation_limit=3000)
    test = Arithmetic(config).examples("test")
    assert 5900 < len(test) <= 6000
    assert test.queries.first.max() > 90_000
    batch = draw(config)
    assert batch.source.shape == (4096, 11)
    held_out = {tuple(row) for row in test.source.tolist()}
    assert held_out.isdisjoint(tuple(row) for row in batch.source.tolist())


def test_queries_may_leave_room_for_longer_ones():
    short, full = ArithmeticData(digits=3, operands_below=100), ArithmeticData(digits=3)
    assert short.spec == full.spec
    batch, test = draw(short), Arithmetic(short).examples("test")
    assert test.source.shape[1] == batch.source.shape[1] == 7
    assert test.queries.first.max() == 99 < Arithmetic(full).examples("test").queries.first.max()
    assert Arithmetic(short).train_queries == Arithmetic(ArithmeticData(digits=2)).train_queries


def test_beyond_lie_the_queries_of_larger_operands_once_each():
    config = ArithmeticData(operands_below=80)
    beyond = Arithmetic(config).examples("beyond").queries
    pairs = set(zip(*(part.tolist() for part in beyond), strict=True))
    assert pairs == {
        (a, operator, b) for operator in (0, 1) for a in range(100) for b in range(100) if max(a, b) >= 80
    }
    assert len(beyond.first) == len(pairs) == 2 * (100**2 - 80**2)


def test_of_many_queries_beyond_some_are_drawn():
    config = ArithmeticData(digits=5, operands_below=1000, evaluation_limit=5000)
    first, operator, second = Arithmetic(config).examples("beyond").queries
    assert len(first) == 5000 and set(operator.tolist()) == {0, 1}
    assert (np.maximum(first, second) >= 1000).all() and np.maximum(first, second).max() < 100_000
    np.testing.assert_allclose([first.mean(), second.mean()], 50_000, rtol=0.05)


def test_no_query_beyond_is_asked_twice():
    """Of few that there are, nearly all are asked."""
    first, operator, second = (
        Arithmetic(ArithmeticData(operands_below=98, evaluation_limit=700)).examples("beyond").queries
    )
    assert 2 * (100**2 - 98**2) == 792
    assert len(set(zip(first.tolist(), operator.tolist(), second.tolist(), strict=True))) == 700


def test_nothing_lies_beyond_all_operands():
    assert len(Arithmetic(ArithmeticData()).examples("beyond")) == 0


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"validation_fraction": 0.5, "test_fraction": 0.6}, "more than all"),
        ({"validation_fraction": 0.5, "test_fraction": 0.5}, "no query .* data.validation_fraction or"),
        ({"train_fraction": 0.95}, "more than all"),
        ({"train_fraction": 0.0}, "no query to train on"),
        ({"digits": 2, "operands_below": 102}, "operands_below 102 must be an even number of at most 100"),
        ({"digits": 2, "operands_below": 33}, "operands_below 33 must be an even number"),
        ({"operators": ()}, "name each operator once"),
        ({"operators": ("+", "+")}, "name each operator once"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(settings, complaint):
    with pytest.raises(UserError, match=complaint):
        ArithmeticData(**settings)
