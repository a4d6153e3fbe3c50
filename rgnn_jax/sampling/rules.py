"""How the next token is chosen from its logits: the rule, as data and as arithmetic."""

import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from rgnn_jax.errors import UserError
from rgnn_jax.fields import Section

UNDEFINED = -1
"""The token chosen where the logits define no distribution."""

_PAIRWISE_VOCABULARY = 256


class SamplingRule(Section, frozen=True):
    """How to choose a token; names, meaning and order as in Hugging Face's generation config.

    Attributes:
        do_sample: draw from the distribution; if False take the most likely token, which leaves only the
            repetition penalty in force.
        temperature: divides the logits.
        top_k: keeps the k most likely tokens, and what ties with the last of them; 0 keeps all.
        top_p: keeps the smallest set of most likely tokens whose probabilities reach this sum (nucleus
            sampling, Holtzman et al. 2020, arXiv:1904.09751); 1 keeps all.
        min_p: keeps tokens at least this fraction as likely as the most likely one (Nguyen et al. 2024,
            arXiv:2407.01082); 0 keeps all.
        repetition_penalty: makes every token of the prompt and of the text so far less likely (Keskar et al.
            2019, arXiv:1909.05858, section 4.1); 1 is no penalty.

    Raises:
        UserError: if a number is out of its range.
    """

    do_sample: bool = True
    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    repetition_penalty: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.temperature < math.inf:
            raise UserError(
                f"temperature {self.temperature}: must be above 0; "
                "for the most likely token at every step use --greedy (do_sample = false)"
            )
        if self.top_k < 0:
            raise UserError(f"top_k {self.top_k}: must be 1 or more, or 0 to keep all tokens")
        if not 0 < self.top_p <= 1:
            raise UserError(f"top_p {self.top_p}: must be above 0 and at most 1, where 1 keeps all tokens")
        if not 0 <= self.min_p <= 1:
            raise UserError(f"min_p {self.min_p}: must be between 0 and 1, where 0 keeps all tokens")
        if not 0 < self.repetition_penalty < math.inf:
            raise UserError(f"repetition_penalty {self.repetition_penalty}: must be above 0; 1 is no penalty")


GREEDY = SamplingRule(do_sample=False)


def process_logits(
    rule: SamplingRule, logits: Float[Array, "b v"], seen: Bool[Array, "b v"]
) -> Float[Array, "b v"]:
    """The logits of the distribution that the rule draws from: -inf for a token it excludes.

    Args:
        rule: the rule; what it leaves off costs nothing.
        logits: the model's logits of the next token.
        seen: which tokens occur in the prompt or in the text so far.
    """
    logits = logits.astype(jnp.float32)
    if rule.repetition_penalty != 1:
        factor = jnp.where(logits < 0, rule.repetition_penalty, 1 / rule.repetition_penalty)
        logits = jnp.where(seen, logits * factor, logits)
    if not rule.do_sample:
        return logits
    if rule.temperature != 1:
        logits = logits / rule.temperature
    if 0 < rule.top_k < logits.shape[-1]:
        rank = _sum_over_likelier(logits, jnp.ones_like(logits))
        logits = _keep(logits, rank < rule.top_k)
    if rule.top_p < 1:
        mass = _sum_over_likelier(logits, jax.nn.softmax(logits))
        logits = _keep(logits, mass < rule.top_p)
    if rule.min_p > 0:
        logits = _keep(logits, logits >= logits.max(axis=-1, keepdims=True) + math.log(rule.min_p))
    return logits


def choose(logits: Float[Array, "b v"], noise: Float[Array, "b v"] | None) -> Int[Array, " b"]:
    """Chooses a token from processed logits.

    The most likely token after adding Gumbel noise is a draw from the softmax of the logits.

    Args:
        logits: what `process_logits` returned.
        noise: standard Gumbel noise; None for the most likely token.

    Returns:
        The token, or `UNDEFINED` where the largest logit is not a finite number, because a plain argmax would
        silently return a token for NaN.
    """
    defined = jnp.isfinite(logits.max(axis=-1))
    token = jnp.argmax(logits if noise is None else logits + noise, axis=-1)
    return jnp.where(defined, token, UNDEFINED).astype(jnp.int32)


def _keep(logits: Float[Array, "b v"], kept: Bool[Array, "b v"]) -> Float[Array, "b v"]:
    # NaN compares as excluded; it must stay NaN to be noticed by `choose`.
    return jnp.where(kept | jnp.isnan(logits), logits, -jnp.inf)


def _sum_over_likelier(logits: Float[Array, "b v"], weights: Float[Array, "b v"]) -> Float[Array, "b v"]:
    """For each token, the sum of the weights of all strictly more likely tokens."""
    if logits.shape[-1] <= _PAIRWISE_VOCABULARY:  # three times as fast as sorting 65 characters on a CPU
        likelier = logits[:, None, :] > logits[:, :, None]
        return jnp.where(likelier, weights[:, None, :], 0).sum(axis=-1)
    return jax.vmap(_sum_over_likelier_by_sorting)(logits, weights)


def _sum_over_likelier_by_sorting(
    logits: Float[Array, " v"], weights: Float[Array, " v"]
) -> Float[Array, " v"]:
    order = jnp.argsort(logits, descending=True)
    before = jnp.cumsum(weights[order]) - weights[order]
    return before[jnp.searchsorted(-logits[order], -logits)]
