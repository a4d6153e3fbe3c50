"""Generation: one compiled loop for every sequence model.

The loop runs in stretches of a fixed number of tokens, each one compiled call. A model whose carry does not
grow needs a single stretch for a thousand tokens. A model with a cache attends to all of it at every token,
so its cache starts small and doubles between stretches, up to the model's `max_length`. When that is full,
the last `max_length // 2` tokens are read anew as if they were the prompt, and generation goes on.
"""

import dataclasses
import functools
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from flax import struct
from jaxtyping import Array, Bool, Float, Int, Integer, PRNGKeyArray, Shaped

from rgnn_jax.contracts import Carry, Params
from rgnn_jax.errors import UserError, WorkFailed
from rgnn_jax.sampling.rules import UNDEFINED, SamplingRule, choose, process_logits

_SMALLEST_CACHE = 128
_LONGEST_STRETCH = 1024
_LONGEST_STRETCH_WITH_CACHE = 64


@struct.dataclass
class DecodingState:
    """What one stretch of decoding hands to the next.

    Attributes:
        carry: the model's memory of all tokens read so far, which is all but the last one chosen.
        token: the last token chosen, not yet read.
        seen: which tokens occur in the prompt or in the text so far.
        index: how many tokens were chosen, which is the index of the next one's noise.
    """

    carry: Carry
    token: Int[Array, " b"]
    seen: Bool[Array, "b v"]
    index: Int[Array, ""]


def generate(
    model: nn.Module,
    params: Params,
    prompt: Integer[np.ndarray | Array, "b t"],
    *,
    rule: SamplingRule,
    max_new_tokens: int,
    key: PRNGKeyArray,
    num_return_sequences: int = 1,
    source: Shaped[np.ndarray | Array, "b ..."] | None = None,
) -> Int[np.ndarray, "n m"]:
    """Continues prompts of equal length.

    Args:
        model: a `contracts.SequenceModel`.
        params: its parameters.
        prompt: token ids, at least one a row.
        rule: how tokens are chosen.
        max_new_tokens: how many (m).
        key: the noise of new token i depends on nothing but this key, i and the number of rows.
        num_return_sequences: continuations of each prompt, in adjacent rows: n = b * num_return_sequences.
        source: what a `contracts.ConditionalModel` reads first, one a prompt.

    Returns:
        The new tokens, without the prompt.

    Raises:
        UserError: for an empty prompt, a token outside the vocabulary, or a count below one.
        WorkFailed: if the model's logits stop being finite, naming the position.
    """
    pieces = stream(
        model,
        params,
        prompt,
        rule=rule,
        max_new_tokens=max_new_tokens,
        key=key,
        num_return_sequences=num_return_sequences,
        source=source,
        chunk=_LONGEST_STRETCH if model.max_length is None else _LONGEST_STRETCH_WITH_CACHE,
    )
    return np.concatenate(list(pieces), axis=1)


def stream(
    model: nn.Module,
    params: Params,
    prompt: Integer[np.ndarray | Array, "b t"],
    *,
    rule: SamplingRule,
    max_new_tokens: int,
    key: PRNGKeyArray,
    num_return_sequences: int = 1,
    source: Shaped[np.ndarray | Array, "b ..."] | None = None,
    chunk: int = 32,
) -> Iterator[np.ndarray]:
    """Continues prompts piece by piece; the pieces [n, up to chunk], joined, are what `generate` returns.

    The first piece is a single token, there as soon as the prompt is read. Decoding goes no further than the
    pieces that are asked for. Arguments and errors are those of `generate`.
    """
    if max_new_tokens < 1 or num_return_sequences < 1 or chunk < 1:
        raise UserError("max_new_tokens, num_return_sequences and chunk must be 1 or more")
    prompt = checked_prompt(model, prompt)
    prompt = np.repeat(prompt, num_return_sequences, axis=0)
    source = None if source is None else np.repeat(np.asarray(source), num_return_sequences, axis=0)
    steps = max(1, min(chunk, max_new_tokens - 1))
    return _first(max_new_tokens, _continue(model, params, prompt, source, rule, key, steps))


def checked_prompt(model: nn.Module, prompt: Integer[np.ndarray | Array, "b t"]) -> Int[np.ndarray, "b t"]:
    """The prompt as the model reads it.

    Raises:
        UserError: where it is empty or holds a token outside the vocabulary.
    """
    prompt = np.asarray(prompt, np.int32)
    if prompt.size == 0:
        raise UserError("the prompt is empty: give at least one token")
    if prompt.min() < 0 or prompt.max() >= model.vocabulary_size:
        raise UserError(f"the prompt holds a token outside the vocabulary of {model.vocabulary_size}")
    return prompt


def _first(count: int, pieces: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    """The first `count` tokens; where one is undefined, those before it and then the error."""
    done = 0
    while done < count:
        piece = next(pieces)[:, : count - done]
        defined = (piece != UNDEFINED).all(axis=0)
        sound = piece.shape[1] if defined.all() else int(defined.argmin())
        if sound:
            yield piece[:, :sound]
        done += sound
        if sound < piece.shape[1]:
            raise WorkFailed(f"the model's logits for new token {done} (counted from 0) are not finite")


def _continue(
    model: nn.Module,
    params: Params,
    prompt: np.ndarray,
    source: np.ndarray | None,
    rule: SamplingRule,
    key: PRNGKeyArray,
    steps: int,
) -> Iterator[np.ndarray]:
    """All new tokens, without end: one, then `steps` at a time (fewer before a full cache)."""
    limit = model.max_length
    text, index = prompt, 0
    while True:
        context = text if limit is None or text.shape[1] <= limit else text[:, -max(1, limit // 2) :]
        read = context.shape[1]
        room = room_for(read + steps, limit)
        seen = _occurring(text, model.vocabulary_size)
        state = start(model, rule, room, params, context, seen, np.int32(index), key, source)
        pieces = [np.asarray(state.token)[:, None]]
        yield pieces[-1]
        while read != limit:
            if room_for(read + steps, limit) > room:
                room = room_for(read + steps, limit)
                state = grow(model, room, params, state)
            state, tokens = advance(model, rule, steps, params, state, key)
            # What overran the cache is dropped: a shorter stretch would be one more program to compile.
            pieces.append(np.asarray(tokens)[:, : None if limit is None else limit - read])
            yield pieces[-1]
            read += pieces[-1].shape[1]
        text = np.concatenate([text, *pieces], axis=1)
        index = text.shape[1] - prompt.shape[1]


@functools.partial(jax.jit, static_argnames=("model", "rule", "room"))
def start(
    model: nn.Module,
    rule: SamplingRule,
    room: int,
    params: Params,
    prompt: Int[Array, "b t"],
    seen: Bool[Array, "b v"],
    index: Int[Array, ""],
    key: PRNGKeyArray,
    source: Shaped[Array, "b ..."] | None = None,
) -> DecodingState:
    """Reads source and prompt into a fresh carry with `room` for tokens and chooses the first new token."""
    carry, logits = read_prompt(model, room, params, prompt, source)
    noise = _noise(rule, key, index[None], seen.shape)
    token, seen = _choose(rule, logits[:, -1], seen, None if noise is None else noise[0])
    return DecodingState(carry, token, seen, index + 1)


def read_prompt(
    model: nn.Module,
    room: int,
    params: Params,
    prompt: Int[Array, "b t"],
    source: Shaped[Array, "b ..."] | None,
) -> tuple[Carry, Float[Array, "b t v"]]:
    """A fresh carry with room for `room` tokens after source and prompt, and the prompt's logits."""
    carry = call(model, params, "init_carry", prompt.shape[0], room)
    if source is not None:
        carry = call(model, params, "read_source", carry, source)
    return call(model, params, "prefill", carry, prompt)


@functools.partial(jax.jit, static_argnames=("model", "rule", "steps"), donate_argnames="state")
def advance(
    model: nn.Module, rule: SamplingRule, steps: int, params: Params, state: DecodingState, key: PRNGKeyArray
) -> tuple[DecodingState, Int[Array, "b n"]]:
    """Chooses the next `steps` tokens in one scan; the carry must have room for them."""

    def choose_next(state: DecodingState, noise: Float[Array, "b v"] | None) -> tuple[DecodingState, Array]:
        carry, logits = call(model, params, "step", state.carry, state.token)
        token, seen = _choose(rule, logits, state.seen, noise)
        return DecodingState(carry, token, seen, state.index + 1), token

    noise = _noise(rule, key, state.index + jnp.arange(steps), state.seen.shape)
    state, tokens = jax.lax.scan(choose_next, state, noise, length=steps)
    return state, tokens.T


@functools.partial(jax.jit, static_argnames=("model", "room"))
def grow(model: nn.Module, room: int, params: Params, state: DecodingState) -> DecodingState:
    """The same state with room for `room` tokens."""
    return dataclasses.replace(state, carry=call(model, params, "grow_carry", state.carry, room))


def call(model: nn.Module, params: Params, method: str, *args: Any) -> Any:
    """A method of the model with its parameters."""
    return model.apply({"params": params}, *args, method=method)


def _choose(
    rule: SamplingRule,
    logits: Float[Array, "b v"],
    seen: Bool[Array, "b v"],
    noise: Float[Array, "b v"] | None,
) -> tuple[Int[Array, " b"], Bool[Array, "b v"]]:
    token = choose(process_logits(rule, logits, seen), noise)
    return token, seen | jax.nn.one_hot(token, seen.shape[-1], dtype=bool)


def _noise(
    rule: SamplingRule, key: PRNGKeyArray, indices: Int[Array, " n"], shape: tuple[int, ...]
) -> Float[Array, "n b v"] | None:
    """Gumbel noise of the new tokens at `indices`; none for greedy decoding."""
    if not rule.do_sample:
        return None
    return jax.vmap(lambda index: jax.random.gumbel(jax.random.fold_in(key, index), shape))(indices)


def _occurring(text: np.ndarray, vocabulary_size: int) -> np.ndarray:
    occurring = np.zeros((text.shape[0], vocabulary_size), bool)
    np.put_along_axis(occurring, text, True, axis=1)
    return occurring


def room_for(tokens: int, limit: int | None) -> int:
    """The size of cache for this many tokens: a power of two, so that few sizes need compiling."""
    if limit is None:
        return _SMALLEST_CACHE  # ignored: the carry does not grow
    return min(limit, max(_SMALLEST_CACHE, 1 << (tokens - 1).bit_length()))
