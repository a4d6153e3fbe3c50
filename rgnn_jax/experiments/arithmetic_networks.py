"""The networks of the page on arithmetic, each a file in `configs/` with changes, and their answers."""

from collections.abc import Mapping
from typing import NamedTuple

from rgnn_jax.datasets.arithmetic_split import Split
from rgnn_jax.evaluate.arithmetic import AnswerReport, report_answers
from rgnn_jax.experiments.arithmetic_results import BASELINE, GRU, LSTM, TRANSFORMER, TWO_LAYERS
from rgnn_jax.experiments.workshop import FinishedRun
from rgnn_jax.tasks.arithmetic import answer_queries
from rgnn_jax.train.session import load_task


class Network(NamedTuple):
    """A network of the page.

    Attributes:
        directory: the beginning of its runs' names.
        config: the file in `configs/` that it is made from.
        settings: what sets it apart from that.
    """

    directory: str
    config: str
    settings: Mapping[str, str]


NETWORKS = {
    BASELINE: Network(
        "baseline",
        "arithmetic_lstm",
        {
            "optimizer.kind": "adamw", "optimizer.learning_rate": "1e-3", "optimizer.beta2": "0.999",
            "optimizer.weight_decay": "0", "optimizer.schedule": "constant", "optimizer.warmup_steps": "0",
            "optimizer.clip_norm": "0", "training.batch_size": "64", "training.ema_decay": "0",
            "training.epochs": "15",
        },
    ),
    LSTM: Network("lstm", "arithmetic_lstm", {}),
    TRANSFORMER: Network("transformer", "arithmetic_transformer", {}),
    TWO_LAYERS: Network(
        "two_layers", "arithmetic_lstm", {"model.encoder_layers": "2", "model.decoder_layers": "2"}
    ),
    GRU: Network("gru", "arithmetic_lstm", {"model.encoder": "gru", "model.decoder": "gru"}),
}  # fmt: skip


def answers(run: FinishedRun, split: Split) -> AnswerReport:
    """What becomes of a split's queries."""
    loaded = run.run
    examples = load_task(loaded).arithmetic.examples(split)
    return report_answers(
        loaded.arithmetic, examples, answer_queries(loaded.model, loaded.params, examples.given)
    )
