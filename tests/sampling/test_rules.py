import jax
import jax.numpy as jnp
import msgspec
import numpy as np
import pytest

from rgnn_jax.errors import UserError
from rgnn_jax.sampling.rules import UNDEFINED, SamplingRule, choose, process_logits

PROBABILITIES = np.array([[0.1, 0.4, 0.05, 0.3, 0.15]])
LOGITS = jnp.log(jnp.asarray(PROBABILITIES))
NOTHING_SEEN = jnp.zeros((1, 5), bool)


def probabilities(logits=LOGITS, seen=NOTHING_SEEN, **rule):
    return np.asarray(jax.nn.softmax(process_logits(SamplingRule(**rule), logits, seen)))[0]


def draws(count, **rule):
    rule = SamplingRule(**rule)
    logits = jnp.tile(process_logits(rule, LOGITS, NOTHING_SEEN), (count, 1))
    return np.asarray(choose(logits, jax.random.gumbel(jax.random.key(1), logits.shape)))


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({}, [0.1, 0.4, 0.05, 0.3, 0.15]),
        ({"temperature": 0.5}, np.square(PROBABILITIES[0]) / np.square(PROBABILITIES).sum()),
        ({"top_k": 2}, [0, 4 / 7, 0, 3 / 7, 0]),
        ({"top_p": 0.69}, [0, 4 / 7, 0, 3 / 7, 0]),
        ({"top_p": 0.71}, [0, 8 / 17, 0, 6 / 17, 3 / 17]),
        ({"top_p": 0.01}, [0, 1, 0, 0, 0]),
        ({"min_p": 0.3}, [0, 8 / 17, 0, 6 / 17, 3 / 17]),
        ({"min_p": 1.0}, [0, 1, 0, 0, 0]),
    ],
)
def test_distribution_worked_out_by_hand(rule, expected):
    np.testing.assert_allclose(probabilities(**rule), expected, atol=1e-6)


def test_rules_apply_in_the_order_of_hugging_face():
    # Top-p looks at what temperature and top-k left: 16/25 and 9/25, so 0.6 is reached by the first alone.
    # On the untouched distribution 0.6 would need both.
    np.testing.assert_allclose(probabilities(temperature=0.5, top_k=2, top_p=0.6), [0, 1, 0, 0, 0], atol=1e-6)
    np.testing.assert_allclose(probabilities(top_k=2, top_p=0.6), [0, 4 / 7, 0, 3 / 7, 0], atol=1e-6)


@pytest.mark.parametrize("rule", [{"top_k": 5}, {"top_k": 9}, {"top_p": 1.0}, {"min_p": 0.0}])
def test_rule_that_keeps_everything_changes_nothing(rule):
    np.testing.assert_array_equal(process_logits(SamplingRule(**rule), LOGITS, NOTHING_SEEN), LOGITS)


def test_tokens_that_tie_with_the_last_kept_are_kept():
    tied = jnp.log(jnp.array([[0.5, 0.2, 0.2, 0.1, 0.0]]))
    expected = [5 / 9, 2 / 9, 2 / 9, 0, 0]
    np.testing.assert_allclose(probabilities(tied, top_k=2), expected, atol=1e-6)
    np.testing.assert_allclose(probabilities(tied, top_p=0.6), expected, atol=1e-6)


@pytest.mark.parametrize("rule", [{"top_k": 7}, {"top_p": 0.8}])
def test_large_vocabulary_agrees_with_small_one(rule):
    # 300 tokens are sorted, 200 are compared in pairs; the 100 more have no probability.
    logits = jnp.round(3 * jax.random.normal(jax.random.key(0), (4, 200)))
    padded = jnp.pad(logits, ((0, 0), (0, 100)), constant_values=-jnp.inf)
    small = process_logits(SamplingRule(**rule), logits, jnp.zeros(logits.shape, bool))
    large = process_logits(SamplingRule(**rule), padded, jnp.zeros(padded.shape, bool))
    np.testing.assert_array_equal(large[:, :200], small)
    assert np.isneginf(large[:, 200:]).all() and np.isneginf(small).any()


def test_repetition_penalty_divides_positive_and_multiplies_negative_logits_of_what_was_seen():
    logits = jnp.array([[2.0, -1.0, 0.5, -3.0]])
    seen = jnp.array([[True, True, False, False]])
    for rule in SamplingRule(repetition_penalty=2.0), SamplingRule(repetition_penalty=2.0, do_sample=False):
        np.testing.assert_allclose(process_logits(rule, logits, seen), [[1.0, -2.0, 0.5, -3.0]])


def test_greedy_keeps_nothing_of_the_rule_but_the_penalty():
    rule = SamplingRule(do_sample=False, temperature=0.1, top_k=1, top_p=0.1, min_p=0.9)
    np.testing.assert_array_equal(process_logits(rule, LOGITS, NOTHING_SEEN), LOGITS)


def test_top_1_is_greedy():
    assert choose(LOGITS, None) == 1
    assert (draws(50, top_k=1) == 1).all()


@pytest.mark.parametrize("rule", [{}, {"temperature": 2.0}, {"top_k": 3}, {"top_p": 0.71}, {"min_p": 0.3}])
def test_frequencies_of_draws_follow_the_probabilities(rule):
    count = 4000
    expected = count * probabilities(**rule)
    observed = np.bincount(draws(count, **rule), minlength=5)
    possible = expected > 0
    assert observed[~possible].sum() == 0
    chi_square = (np.square(observed - expected)[possible] / expected[possible]).sum()
    assert chi_square < 18.5  # the 0.1% point for four degrees of freedom


@pytest.mark.parametrize("rule", [{}, {"do_sample": False}, {"top_k": 2}, {"top_p": 0.5}, {"min_p": 0.5}])
@pytest.mark.parametrize("logits", [[0.0, np.nan, 1.0], [np.nan] * 3, [0.0, np.inf, 1.0], [-np.inf] * 3])
def test_logits_without_a_distribution_give_no_token(rule, logits):
    rule, logits = SamplingRule(**rule), jnp.array([logits], jnp.float32)
    processed = process_logits(rule, logits, jnp.zeros((1, 3), bool))
    noise = jnp.zeros((1, 3)) if rule.do_sample else None
    assert choose(processed, noise) == UNDEFINED


@pytest.mark.parametrize(
    "field",
    [
        {"temperature": 0.0},
        {"temperature": float("nan")},
        {"top_k": -1},
        {"top_p": 0.0},
        {"top_p": 1.5},
        {"min_p": -0.1},
        {"repetition_penalty": 0.0},
    ],
)
def test_number_out_of_range_is_refused_by_name(field):
    name = next(iter(field))
    with pytest.raises(UserError, match=name):
        SamplingRule(**field)
    with pytest.raises(msgspec.ValidationError, match=name):
        msgspec.convert(field, SamplingRule)


def test_temperature_zero_points_to_greedy():
    with pytest.raises(UserError, match="greedy"):
        SamplingRule(temperature=0.0)


def test_equal_rules_are_one_static_argument():
    assert hash(SamplingRule(top_k=3)) == hash(SamplingRule(top_k=3))
    assert SamplingRule(top_k=3) != SamplingRule(top_k=4)
