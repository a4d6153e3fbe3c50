"""Encoder-decoders that calculate, as tasks."""

import functools
from typing import Any, cast

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Shaped

from rgnn_jax.config import Experiment
from rgnn_jax.contracts import Batches, Objective, Params, Rows
from rgnn_jax.datasets.arithmetic import Arithmetic, ArithmeticBatches, ArithmeticData
from rgnn_jax.datasets.arithmetic_spec import BLANK, SYMBOLS, ArithmeticSpec
from rgnn_jax.datasets.arithmetic_split import Side
from rgnn_jax.datasets.handwriting import Handwriting, HandwritingBatches, HandwritingData
from rgnn_jax.errors import UserError
from rgnn_jax.evaluate.translation import score_targets
from rgnn_jax.in_batches import in_batches
from rgnn_jax.models.seq2seq import Seq2Seq
from rgnn_jax.models.translation import Translate
from rgnn_jax.sampling.beam import beam_search
from rgnn_jax.sampling.decode import generate
from rgnn_jax.sampling.rules import GREEDY
from rgnn_jax.tasks.task import HeldOut, Task


def build_arithmetic_task(experiment: Experiment, spec: ArithmeticSpec | None) -> Task:
    """Queries and a model that learns to answer them; `spec` is a saved run's.

    Raises:
        UserError: where the queries are not written as those that the run was trained on.
    """
    _, data = experiment.of_arithmetic
    if spec is not None and spec != data.spec:
        raise UserError(
            "data: the queries are not written as those that the run was trained on; leave data.kind, "
            "data.digits, data.operators, data.layout, data.operand_order, data.answer_order, data.pictures "
            "and data.size as they were"
        )
    batch_size = experiment.training.batch_size
    arithmetic, batches = _load(data, batch_size)
    model = build_arithmetic_model(experiment, data.spec)

    def evaluate(params: Params, split: str) -> HeldOut:
        examples = arithmetic.examples(cast(Side, split))
        if not len(examples):
            return {}
        loss = score_targets(
            model, params, examples.given, examples.target, BLANK, batch_size=_rows_at_a_time(model)
        )
        right = answer_queries(model, params, examples.given) == examples.target
        return {
            "loss": loss,
            "whole_accuracy": float(right.all(axis=1).mean()),
            "accuracy": float(right.mean()),
        }

    return Task(
        model=model,
        objective=build_arithmetic_objective(model),
        batches=batches,
        data=arithmetic,
        spec=data.spec,
        symbols_per_step=batch_size,
        symbol="queries",
        steps_per_epoch=arithmetic.train_queries / batch_size,
        evaluate=evaluate,
        shown=("loss", "whole_accuracy", "accuracy"),
        summary=f"{arithmetic.train_queries:,} queries of operands below {data.deck.size:,}, "
        f"split: {data.split}",
        model_summary=_summary(experiment),
    )


def build_arithmetic_objective(model: nn.Module) -> Objective:
    """The loss that an experiment minimises."""
    return Translate(model, BLANK)


def build_arithmetic_model(experiment: Experiment, spec: ArithmeticSpec) -> Seq2Seq:
    """The network that a configuration describes."""
    config, _ = experiment.of_arithmetic
    return Seq2Seq(
        config,
        source_symbols=len(SYMBOLS),
        source_length=spec.query_length,
        vocabulary_size=len(SYMBOLS),
        target_length=spec.answer_length,
        side=spec.side,
        answer_side=spec.answer_side,
        dtype=experiment.training.dtype,
    )


def answer_queries(
    model: nn.Module, params: Params, source: Rows, *, batch_size: int | None = None
) -> Int[np.ndarray, "n t"]:
    """The symbols that the model finds likeliest one after the other, for each query.

    Args:
        model: a `contracts.ConditionalModel`.
        params: its parameters.
        source: queries, a row each, as the model reads them.
        batch_size: queries at a time; of no influence on the result.
    """
    unused = jax.random.key(0)

    def answer(rows: np.ndarray) -> np.ndarray:
        start = np.full((len(rows), 1), BLANK)
        return generate(
            model, params, start,
            rule=GREEDY, max_new_tokens=model.target_length, key=unused, source=source[rows],
        )  # fmt: skip

    return in_batches(answer, len(source), batch_size or _rows_at_a_time(model))


def read_symbols(
    model: nn.Module, params: Params, source: Rows, *, batch_size: int | None = None
) -> Int[np.ndarray, "n s"]:
    """The likeliest symbol of each picture of the queries, by the model's own front end.

    Args:
        model: a `Seq2Seq` that reads pictures.
        params: its parameters.
        source: queries, a row each, in pictures.
        batch_size: queries at a time; of no influence on the result.
    """

    def read(rows: np.ndarray) -> Array:
        return _read(model, params, source[rows])

    return in_batches(read, len(source), batch_size or _rows_at_a_time(model))


def likeliest_answers(
    model: nn.Module, params: Params, spec: ArithmeticSpec, source: Shaped[np.ndarray, "n ..."], beams: int
) -> list[list[tuple[str, float]]]:
    """The `beams` likeliest answers to each query at most, with their probabilities."""
    beams = min(beams, len(SYMBOLS) ** model.target_length)
    start = np.full((len(source), 1), BLANK)
    found = beam_search(model, params, start, beams=beams, max_new_tokens=model.target_length, source=source)
    return [
        [
            (answer, float(probability))
            for answer, probability in zip(spec.decode_answers(tokens), np.exp(log_probs), strict=True)
            if probability
        ]
        for tokens, log_probs in zip(found.tokens, found.log_probs, strict=True)
    ]


@functools.partial(jax.jit, static_argnames="model")
def _read(model: nn.Module, params: Params, source: Float[Array, "b s h w c"]) -> Int[Array, "b s"]:
    logits: Any = model.apply({"params": params}, source, method="read")
    return jnp.argmax(logits, axis=-1)


def _load(data: ArithmeticData, batch_size: int) -> tuple[Arithmetic, Batches]:
    """All splits, and the batches of the training split."""
    if not isinstance(data, HandwritingData):
        return Arithmetic(data), ArithmeticBatches(data, batch_size)
    handwriting = Handwriting(data)
    # A digit of which a held-out split has no picture is better missed before the training than after it.
    train, _, _ = (handwriting.table(split) for split in ("train", "validation", "test"))
    return handwriting, HandwritingBatches(data, train, batch_size)


def _rows_at_a_time(model: nn.Module) -> int:
    """Queries whose pictures, and what convolutions make of them, take little memory."""
    return 100 if model.side else 1000


def _summary(experiment: Experiment) -> str:
    config, _ = experiment.of_arithmetic
    return f"seq2seq from {config.encoder} to {config.decoder} of width {config.width}"
