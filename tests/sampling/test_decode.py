import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_models import SEQUENCE_MODELS, VOCABULARY_SIZE
from toy_models import Bigram, DecayingSum

from rgnn_jax.errors import UserError, WorkFailed
from rgnn_jax.sampling import decode
from rgnn_jax.sampling.decode import generate, stream
from rgnn_jax.sampling.rules import GREEDY, SamplingRule

PLAIN = SamplingRule()
PROMPT = np.array([[3, 1, 4], [1, 5, 2]])


def with_parameters(model):
    return model, model.init(jax.random.key(0), jnp.zeros((1, 2), jnp.int32))["params"]


BIGRAM = with_parameters(Bigram(7))
CACHED = with_parameters(DecayingSum(7, max_length=300))
SHORT = with_parameters(DecayingSum(7, max_length=8))


def continued(model_and_params, prompt=PROMPT, rule=PLAIN, count=20, seed=0, **options):
    return generate(
        *model_and_params, prompt, rule=rule, max_new_tokens=count, key=jax.random.key(seed), **options
    )


def greedily_by_hand(model_and_params, prompt, count):
    """Evaluates the parallel form anew for every token."""
    model, params = model_and_params
    limit = model.max_length or np.inf
    forward = jax.jit(lambda tokens: model.apply({"params": params}, tokens))
    context, new = prompt, []
    for _ in range(count):
        if context.shape[1] > limit:
            context = context[:, -(limit // 2) :]
        new.append(np.asarray(forward(context)[:, -1].argmax(axis=-1)))
        context = np.concatenate([context, new[-1][:, None]], axis=1)
    return np.stack(new, axis=1)


@pytest.mark.parametrize("model", [BIGRAM, SHORT])
@pytest.mark.parametrize("length", [1, 7, 8, 9, 20])
def test_greedy_is_the_parallel_form_evaluated_token_by_token(model, length):
    prompt = np.random.default_rng(0).integers(0, 7, (2, length))
    np.testing.assert_array_equal(
        continued(model, prompt, GREEDY, count=14), greedily_by_hand(model, prompt, 14)
    )


def test_cache_grows_without_a_trace():
    rooms = {decode.room_for(read, 300) for read in range(1, 301)}
    assert rooms == {128, 256, 300}
    model, params = CACHED
    new = continued(CACHED, PROMPT, GREEDY, count=297)
    text = np.concatenate([PROMPT, new], axis=1)
    whole = model.apply({"params": params}, text[:, :-1])
    np.testing.assert_array_equal(new, whole[:, 2:].argmax(axis=-1))


@pytest.mark.parametrize("kind", SEQUENCE_MODELS)
def test_text_of_every_model_is_what_one_parallel_pass_over_it_chooses(kind):
    # Drawn with known noise rather than greedily: small untrained models only repeat themselves.
    model, params = with_parameters(SEQUENCE_MODELS[kind])
    prompt = np.random.default_rng(0).integers(0, VOCABULARY_SIZE, (2, 100))
    new = continued((model, params), prompt, count=70)
    text = np.concatenate([prompt, new], axis=1)
    whole = jax.jit(model.apply)({"params": params}, text[:, :-1])[:, 99:]
    keys = [jax.random.fold_in(jax.random.key(0), i) for i in range(70)]
    noise = np.stack([jax.random.gumbel(key, (2, VOCABULARY_SIZE)) for key in keys], axis=1)
    np.testing.assert_array_equal(new, (whole + noise).argmax(axis=-1))


def test_top_1_is_greedy():
    np.testing.assert_array_equal(
        continued(CACHED, rule=SamplingRule(top_k=1)), continued(CACHED, rule=GREEDY)
    )


@pytest.mark.parametrize("rule", [SamplingRule(top_k=7), SamplingRule(top_p=1.0), SamplingRule(min_p=0.0)])
def test_rule_that_keeps_everything_is_plain_sampling(rule):
    np.testing.assert_array_equal(continued(BIGRAM, rule=rule), continued(BIGRAM))


def test_text_depends_on_the_key_and_on_nothing_else():
    np.testing.assert_array_equal(continued(BIGRAM), continued(BIGRAM))
    assert (continued(BIGRAM) != continued(BIGRAM, seed=1)).any()
    np.testing.assert_array_equal(continued(BIGRAM, count=33)[:, :20], continued(BIGRAM))


@pytest.mark.parametrize("model", [BIGRAM, CACHED, SHORT])
@pytest.mark.parametrize("chunk", [1, 5, 64])
def test_pieces_of_a_stream_join_to_the_whole(model, chunk):
    pieces = list(stream(*model, PROMPT, rule=PLAIN, max_new_tokens=21, key=jax.random.key(0), chunk=chunk))
    assert pieces[0].shape == (2, 1)
    assert max(piece.shape[1] for piece in pieces) <= chunk
    np.testing.assert_array_equal(np.concatenate(pieces, axis=1), continued(model, count=21))


def test_samples_of_one_prompt_differ_and_lie_together():
    new = continued(BIGRAM, num_return_sequences=3)
    assert new.shape == (6, 20)
    assert len(np.unique(new, axis=0)) == 6
    greedy = continued(BIGRAM, rule=GREEDY, num_return_sequences=3)
    np.testing.assert_array_equal(greedy, np.repeat(continued(BIGRAM, rule=GREEDY), 3, axis=0))


def test_bigram_frequencies_follow_its_table():
    _, params = BIGRAM
    after_two = continued(BIGRAM, np.array([[2]]), count=1, num_return_sequences=4000)[:, 0]
    expected = 4000 * np.asarray(jax.nn.softmax(params["table"][2]))
    chi_square = (np.square(np.bincount(after_two, minlength=7) - expected) / expected).sum()
    assert chi_square < 22.5  # the 0.1% point for six degrees of freedom


def test_repetition_penalty_covers_the_prompt_and_the_new_text():
    # With a constant preference and a prohibitive penalty every token comes once before any comes again.
    table = jnp.tile(jnp.linspace(1.0, 2.0, 7), (7, 1))
    rule = SamplingRule(do_sample=False, repetition_penalty=1e6)
    new = generate(
        Bigram(7), {"table": table}, np.array([[6, 3]]), rule=rule, max_new_tokens=5, key=jax.random.key(0)
    )
    np.testing.assert_array_equal(new, [[5, 4, 2, 1, 0]])


def test_repetition_penalty_remembers_what_slid_out_of_the_cache():
    rule = SamplingRule(do_sample=False, repetition_penalty=1e6)
    model = DecayingSum(16, max_length=4)
    params = {"table": jnp.tile(jnp.linspace(1.0, 2.0, 16), (16, 1))}
    new = generate(model, params, np.array([[15]]), rule=rule, max_new_tokens=15, key=jax.random.key(0))
    np.testing.assert_array_equal(new, [np.arange(15)[::-1]])


@pytest.mark.parametrize("rule", [PLAIN, GREEDY, SamplingRule(top_k=2, top_p=0.9, min_p=0.1)])
@pytest.mark.parametrize("steps_before", [0, 3])
def test_undefined_logits_end_in_an_error_that_names_the_position(rule, steps_before):
    # Token i is followed by i + 1; after token 4 nothing is defined.
    table = jnp.where(jnp.roll(jnp.eye(7, dtype=bool), 1, axis=1), 0.0, -jnp.inf).at[4].set(jnp.nan)
    prompt = np.array([[0], [4 - steps_before]])
    pieces = stream(
        Bigram(7), {"table": table}, prompt, rule=rule, max_new_tokens=9, key=jax.random.key(0), chunk=2
    )
    with pytest.raises(WorkFailed, match=f"new token {steps_before} "):
        list(pieces)


def test_thousand_tokens_without_a_cache_take_two_compiled_calls(monkeypatch):
    calls = []
    for name in "start", "advance":
        compiled = getattr(decode, name)
        monkeypatch.setattr(
            decode, name, lambda *a, name=name, compiled=compiled: calls.append(name) or compiled(*a)
        )
    continued(BIGRAM, count=1000)
    assert calls == ["start", "advance"]


def test_programs_are_shared_by_requests_of_different_length():
    decode.advance.clear_cache()
    for length, count in [(3, 100), (5, 150), (2, 97)]:
        pieces = stream(
            *CACHED, PROMPT[:, :1].repeat(length, 1), rule=PLAIN, max_new_tokens=count, key=jax.random.key(0)
        )
        list(pieces)
    assert decode.advance._cache_size() == 2  # one a size of the cache: 128 and 256


@pytest.mark.parametrize(
    ("prompt", "options", "message"),
    [
        (np.zeros((1, 0), int), {}, "empty"),
        (np.array([[7]]), {}, "vocabulary of 7"),
        (np.array([[-1]]), {}, "vocabulary of 7"),
        (PROMPT, {"count": 0}, "max_new_tokens"),
        (PROMPT, {"num_return_sequences": 0}, "num_return_sequences"),
    ],
)
def test_wrong_requests_are_refused(prompt, options, message):
    with pytest.raises(UserError, match=message):
        continued(BIGRAM, prompt, **options)
