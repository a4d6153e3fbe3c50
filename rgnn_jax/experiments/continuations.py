"""The exercise's test: a true beginning, and what a model makes of it beside the true text."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import numpy as np

from rgnn_jax.errors import UserError
from rgnn_jax.sampling.decode import generate
from rgnn_jax.sampling.rules import SamplingRule
from rgnn_jax.train.session import LoadedRun


class Continuation(NamedTuple):
    """A paragraph's beginning, the model's continuation, and the true text as far as both reach."""

    text: str
    prompt: str
    continuation: str


def continue_paragraphs(
    run: LoadedRun,
    paragraphs: Sequence[str],
    *,
    rule: SamplingRule,
    count: int,
    prompt_length: int = 30,
    max_new_tokens: int = 100,
    seed: int = 0,
) -> list[Continuation]:
    """Continues the first `count` paragraphs that are longer than the prompt, all in one batch.

    Raises:
        UserError: where no paragraph is long enough.
    """
    long = [paragraph for paragraph in paragraphs if len(paragraph) > prompt_length][:count]
    if not long:
        raise UserError(
            f"no paragraph of this split is longer than {prompt_length} characters; use --prompt-length"
        )
    prompts = np.stack([run.vocabulary.encode(paragraph[:prompt_length]) for paragraph in long])
    tokens = generate(
        run.model, run.params, prompts, rule=rule, max_new_tokens=max_new_tokens, key=jax.random.key(seed)
    )
    return [
        Continuation(
            paragraph[: prompt_length + max_new_tokens], paragraph[:prompt_length], run.vocabulary.decode(row)
        )
        for paragraph, row in zip(long, tokens, strict=True)
    ]
