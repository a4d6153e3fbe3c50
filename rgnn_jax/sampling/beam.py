"""Beam search: the likeliest continuations of a prompt, for every sequence model."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jaxtyping import Array, Float, Int, Integer, PyTree, Shaped

from rgnn_jax.contracts import Params
from rgnn_jax.errors import UserError, WorkFailed
from rgnn_jax.sampling.decode import call, checked_prompt, read_prompt, room_for


class Beams(NamedTuple):
    """Continuations of each prompt, the likeliest first.

    Attributes:
        tokens: the new tokens, without the prompt.
        log_probs: of each continuation given its prompt, in nats; -inf where there are not so many different.
    """

    tokens: Int[np.ndarray, "b k m"]
    log_probs: Float[np.ndarray, "b k"]


def beam_search(
    model: nn.Module,
    params: Params,
    prompt: Integer[np.ndarray | Array, "b t"],
    *,
    beams: int,
    max_new_tokens: int,
    end: int | None = None,
    source: Shaped[np.ndarray | Array, "b ..."] | None = None,
) -> Beams:
    """Keeps the `beams` likeliest beginnings at every token (Sutskever et al., 2014, section 3.2).

    One beam is greedy decoding; as many as there are texts is exact.

    Args:
        model: a `contracts.SequenceModel`.
        params: its parameters.
        prompt: token ids, at least one a row.
        beams: how many beginnings are kept, and continuations returned (k).
        max_new_tokens: length of the continuations (m).
        end: a token after which a continuation only repeats it, at no cost.
        source: what a `contracts.ConditionalModel` reads first, one a prompt.

    Raises:
        UserError: for an empty prompt, a token outside the vocabulary, a count below one, or more tokens than
            the model's `max_length`.
        WorkFailed: if the model's logits stop being finite.
    """
    if beams < 1 or max_new_tokens < 1:
        raise UserError("beams and max_new_tokens must be 1 or more")
    prompt = checked_prompt(model, prompt)
    read, limit = prompt.shape[1] + max_new_tokens - 1, model.max_length
    if limit is not None and read > limit:
        raise UserError(
            f"a prompt of {prompt.shape[1]} tokens and {max_new_tokens} new ones exceed the {limit} that the "
            "model can hold; beam search needs all of them at once: ask for fewer"
        )
    room = room_for(read, limit)
    found = _search(model, beams, max_new_tokens, end, room, params, prompt, source)
    tokens, log_probs = (np.asarray(part) for part in found)
    if np.isnan(log_probs).any() or not np.isfinite(log_probs[:, 0]).all():
        raise WorkFailed("the model's logits are not finite: there is no likeliest continuation")
    return Beams(tokens, log_probs)


@functools.partial(jax.jit, static_argnames=("model", "beams", "count", "end", "room"))
def _search(
    model: nn.Module,
    beams: int,
    count: int,
    end: int | None,
    room: int,
    params: Params,
    prompt: Int[Array, "b t"],
    source: Shaped[Array, "b ..."] | None,
) -> tuple[Int[Array, "b k m"], Float[Array, "b k"]]:
    rows = prompt.shape[0]
    carry, logits = read_prompt(model, room, params, prompt, source)
    carry = _of_rows(carry, jnp.repeat(jnp.arange(rows), beams))
    # All beams begin alike: but for the first, they must not count.
    scores = jnp.where(jnp.arange(beams) == 0, 0.0, -jnp.inf)[None].repeat(rows, axis=0)
    logits = jnp.repeat(logits[:, -1], beams, axis=0)
    ended = jnp.zeros((rows, beams), bool)
    tokens = jnp.zeros((rows, beams, count), jnp.int32)
    scores, ended, tokens, parent = _choose(logits, scores, ended, tokens, 0, end)

    def step(state: tuple, index: Int[Array, ""]) -> tuple[tuple, None]:
        carry, parent, scores, ended, tokens = state
        carry, logits = call(model, params, "step", _of_rows(carry, parent), tokens[:, :, index - 1].ravel())
        scores, ended, tokens, parent = _choose(logits, scores, ended, tokens, index, end)
        return (carry, parent, scores, ended, tokens), None

    state = (carry, parent, scores, ended, tokens)
    (_, _, scores, _, tokens), _ = jax.lax.scan(step, state, jnp.arange(1, count))
    return tokens, scores


def _choose(
    logits: Float[Array, "n v"],
    scores: Float[Array, "b k"],
    ended: Array,
    tokens: Int[Array, "b k m"],
    index: Int[Array, ""] | int,
    end: int | None,
) -> tuple[Array, Array, Array, Int[Array, " n"]]:
    """The likeliest extensions of all beams of a row, and the rows of the carry that they extend."""
    rows, beams = scores.shape
    size = logits.shape[-1]
    log_probs = jax.nn.log_softmax(jnp.asarray(logits, jnp.float32)).reshape(rows, beams, size)
    if end is not None:
        only_end = jnp.where(jnp.arange(size) == end, 0.0, -jnp.inf)[None, None]
        log_probs = jnp.where(ended[..., None], jnp.broadcast_to(only_end, log_probs.shape), log_probs)
    scores, chosen = jax.lax.top_k((scores[..., None] + log_probs).reshape(rows, -1), beams)
    parent, token = jnp.divmod(chosen, size)
    tokens = jnp.take_along_axis(tokens, parent[..., None], axis=1).at[:, :, index].set(token)
    ended = jnp.take_along_axis(ended, parent, axis=1) | (token == end if end is not None else False)
    return scores, ended, tokens, (jnp.arange(rows)[:, None] * beams + parent).ravel()


def _of_rows(carry: PyTree, rows: Int[Array, " n"]) -> PyTree:
    """These rows of a carry, whose arrays have them first; its numbers are common to all."""
    return jax.tree.map(lambda leaf: leaf[rows] if leaf.ndim else leaf, carry)
