"""The likelihood of a text under a sequence model, every token but the first scored exactly once.

Two rules for what a prediction may look back on, which give different numbers and are both in use:
`score_windows` (the state is reset every `window` tokens, as in training) and `score_carried` (all the
context the model can use).
"""

import dataclasses
import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jaxtyping import Array, Float, Int, Integer

from rgnn_jax.contracts import Carry, Params
from rgnn_jax.errors import UserError, WorkFailed
from rgnn_jax.in_batches import in_batches
from rgnn_jax.losses import cross_entropy


@dataclasses.dataclass(frozen=True)
class Likelihood:
    """How likely a text is, given its first token.

    Attributes:
        log_probs: natural logarithm of the probability of each token from the second on.
    """

    log_probs: Float[np.ndarray, " n"]

    @property
    def count(self) -> int:
        """How many tokens were scored."""
        return self.log_probs.size

    @property
    def nats(self) -> float:
        """The whole text's negative log-probability, summed in double precision."""
        return -float(self.log_probs.sum(dtype=np.float64))

    @property
    def loss(self) -> float:
        """Nats a token."""
        return self.nats / self.count

    @property
    def bits_per_char(self) -> float:
        """Bits a token, where a token is a character."""
        return self.loss / math.log(2)

    def metrics(self) -> dict[str, float]:
        """The numbers that a report shows."""
        return {"loss": self.loss, "bits_per_char": self.bits_per_char, "count": self.count}


def score_windows(
    model: nn.Module, params: Params, codes: Integer[np.ndarray, " n"], window: int, *, batch_size: int = 32
) -> Likelihood:
    """Scores a text in consecutive windows, each read from a fresh state.

    The window that starts at token i reads codes[i : i + window] and predicts codes[i + 1 : i + window + 1];
    the last one may be shorter. A prediction therefore looks back on 1 to `window` tokens.

    Args:
        model: a `contracts.SequenceModel`.
        params: its parameters.
        codes: the text's token ids.
        window: tokens read from one reset to the next.
        batch_size: windows at a time; of no influence on the result.

    Raises:
        UserError: for a text of fewer than two tokens, a token outside the vocabulary, or a window that
            is below 1 or longer than the model can read.
        WorkFailed: if a log-probability is not finite, naming the token.
    """
    if window < 1:
        raise UserError(f"window {window}: must be at least 1 token")
    if model.max_length is not None and window > model.max_length:
        raise UserError(f"window {window}: the model reads at most {model.max_length} tokens")
    return _score_rows(model, params, _checked(model, codes), window, window, batch_size)


def score_carried(
    model: nn.Module,
    params: Params,
    codes: Integer[np.ndarray, " n"],
    *,
    batch_size: int = 32,
    chunk: int = 1024,
) -> Likelihood:
    """Scores a text with all the context that the model can use.

    Where the carry does not grow, it is carried from the first token to the last, in a single row. Where it
    does, windows of W = `max_length` tokens overlap: each starts W // 2 tokens after the one before, and of
    all but the first only the last W // 2 predictions count. A prediction therefore looks back on the whole
    text before it or on more than W - W // 2 tokens.

    Args:
        model: a `contracts.SequenceModel`.
        params: its parameters.
        codes: the text's token ids.
        batch_size: windows at a time, where they overlap; of no influence on the result.
        chunk: tokens at a time, where the state is carried; of no influence on the result.

    Raises:
        UserError: for a text of fewer than two tokens or a token outside the vocabulary.
        WorkFailed: if a log-probability is not finite, naming the token.
    """
    codes = _checked(model, codes)
    if model.max_length is not None:
        return _score_rows(model, params, codes, model.max_length, max(1, model.max_length // 2), batch_size)
    count = codes.size - 1
    chunk = min(chunk, count)
    padded = np.pad(codes, (0, -count % chunk))
    carry = model.apply({"params": params}, 1, chunk, method="init_carry")
    log_probs = []
    for i in range(0, count, chunk):
        inputs, labels = padded[None, i : i + chunk], padded[None, i + 1 : i + chunk + 1]
        carry, scores = _carry_on(model, params, carry, inputs, labels)
        log_probs.append(np.asarray(scores)[0])
    return _finite(np.concatenate(log_probs)[:count])


def _score_rows(
    model: nn.Module, params: Params, codes: np.ndarray, width: int, stride: int, batch_size: int
) -> Likelihood:
    """Windows of `width` tokens, one every `stride`; all but the first count their last `stride` only."""
    count = codes.size - 1
    width, stride = min(width, count), min(stride, count)
    starts = np.arange(0, count - width + stride, stride)
    padded = np.pad(codes, (0, starts[-1] + width - count))

    def score(rows: np.ndarray) -> Array:
        positions = starts[rows, None] + np.arange(width)
        return _reset(model, params, padded[positions], padded[positions + 1])

    first, *rest = in_batches(score, starts.size, batch_size)
    return _finite(np.concatenate([first, *(row[width - stride :] for row in rest)])[:count])


@functools.partial(jax.jit, static_argnames="model")
def _reset(
    model: nn.Module, params: Params, inputs: Int[Array, "b t"], labels: Int[Array, "b t"]
) -> Float[Array, "b t"]:
    logits = model.apply({"params": params}, inputs)
    return -cross_entropy(jnp.asarray(logits, jnp.float32), labels)


@functools.partial(jax.jit, static_argnames="model")
def _carry_on(
    model: nn.Module, params: Params, carry: Carry, inputs: Int[Array, "b t"], labels: Int[Array, "b t"]
) -> tuple[Carry, Float[Array, "b t"]]:
    carry, logits = model.apply({"params": params}, carry, inputs, method="prefill")
    return carry, -cross_entropy(jnp.asarray(logits, jnp.float32), labels)


def _checked(model: nn.Module, codes: Integer[np.ndarray, " n"]) -> np.ndarray:
    codes = np.asarray(codes, np.int32)
    if codes.size < 2:
        raise UserError(
            f"the text has {codes.size} tokens: 2 are needed, as the first is given and not scored"
        )
    if codes.min() < 0 or codes.max() >= model.vocabulary_size:
        raise UserError(f"the text holds a token outside the vocabulary of {model.vocabulary_size}")
    return codes


def _finite(log_probs: Float[np.ndarray, " n"]) -> Likelihood:
    finite = np.isfinite(log_probs)
    if not finite.all():
        raise WorkFailed(f"the log-probability of token {int(np.argmin(finite)) + 1} is not finite")
    return Likelihood(log_probs)
