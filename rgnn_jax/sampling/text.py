"""Generation as text: pieces of characters, and the strings at which a text ends."""

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
from flax import linen as nn
from jaxtyping import Array, Integer, PRNGKeyArray

from rgnn_jax.contracts import Params
from rgnn_jax.sampling.decode import stream
from rgnn_jax.sampling.rules import SamplingRule


def stream_text(
    model: nn.Module,
    params: Params,
    prompt: Integer[np.ndarray | Array, "1 t"],
    decode: Callable[[np.ndarray], str],
    stop_strings: Sequence[str] = (),
    *,
    rule: SamplingRule,
    max_new_tokens: int,
    key: PRNGKeyArray,
) -> Iterator[str]:
    """Continues one prompt and yields the new text as it is written, up to the first stop string.

    Args:
        model: a `contracts.SequenceModel`.
        params: its parameters.
        prompt: token ids.
        decode: from a row of token ids to text.
        stop_strings: decoding ends where one of them appears; it is not part of the text.
        rule: how tokens are chosen.
        max_new_tokens: how many at most.
        key: as for `decode.generate`, whose errors are also this function's.
    """
    pieces = stream(model, params, prompt, rule=rule, max_new_tokens=max_new_tokens, key=key)
    return until_stop((decode(piece[0]) for piece in pieces), stop_strings)


def cut_at_stop(text: str, stop_strings: Sequence[str]) -> str:
    """The text before the first stop string; all of it where there is none."""
    return text[: min((text.index(stop) for stop in stop_strings if stop in text), default=len(text))]


def until_stop(pieces: Iterable[str], stop_strings: Sequence[str]) -> Iterator[str]:
    """Passes pieces of text on until a stop string begins, which may span pieces, and takes no more of them.

    A tail that may turn out to begin a stop string is held back until the next piece decides.
    """
    pending = ""
    for piece in pieces:
        pending += piece
        text = cut_at_stop(pending, stop_strings)
        if len(text) < len(pending):
            if text:
                yield text
            return
        ready = len(text) - _length_of_beginning(text, stop_strings)
        if ready:
            yield text[:ready]
        pending = text[ready:]
    if pending:
        yield pending


def _length_of_beginning(text: str, stop_strings: Sequence[str]) -> int:
    """The length of the longest end of the text that is the beginning of a stop string."""
    lengths = (size for stop in stop_strings for size in range(1, len(stop)) if text.endswith(stop[:size]))
    return max(lengths, default=0)
