"""Character language models as tasks."""

import flax.linen as nn

from rgnn_jax.config import Experiment, SequenceConfig
from rgnn_jax.contracts import Objective, Params
from rgnn_jax.datasets.text import load_text
from rgnn_jax.datasets.text_batches import TextBatches
from rgnn_jax.datasets.vocabulary import Vocabulary
from rgnn_jax.errors import UserError
from rgnn_jax.evaluate.likelihood import score_windows
from rgnn_jax.models.language import NextToken
from rgnn_jax.models.recurrent import GRU, LSTM, GRUConfig, LSTMConfig
from rgnn_jax.models.tcn import TCN, TCNConfig
from rgnn_jax.models.transformer import Transformer, TransformerConfig
from rgnn_jax.tasks.task import Task


def build_text_task(experiment: Experiment, vocabulary: Vocabulary | None) -> Task:
    """A text and a model that learns to predict it; `vocabulary` is a saved run's."""
    config, data = experiment.of_text
    text = load_text(data, vocabulary)
    window, batch_size = data.window, experiment.training.batch_size
    model = build_sequence_model(experiment, text.vocabulary)

    def evaluate(params: Params, split: str) -> dict[str, float]:
        codes = getattr(text, split)
        if codes.size < 2:
            return {}
        score = score_windows(model, params, codes, min(window, codes.size - 1))
        return {"loss": score.loss, "bits_per_char": score.bits_per_char}

    return Task(
        model=model,
        objective=build_text_objective(experiment, model),
        batches=TextBatches(text.train, window, batch_size),
        data=text,
        spec=text.vocabulary,
        symbols_per_step=batch_size * window,
        symbol="tokens",
        steps_per_epoch=text.train_characters / (batch_size * window),
        evaluate=evaluate,
        shown=("loss", "bits_per_char"),
        summary=f"{text.train_characters:,} characters of {len(text.vocabulary)} symbols",
        model_summary=_summary(config),
    )


def build_text_objective(experiment: Experiment, model: nn.Module) -> Objective:
    """The loss that an experiment minimises."""
    _, data = experiment.of_text
    return NextToken(model, data.window)


def build_sequence_model(experiment: Experiment, vocabulary: Vocabulary) -> nn.Module:
    """The network that a configuration describes.

    Raises:
        UserError: where it cannot read a window of the data.
    """
    config, data = experiment.of_text
    size = len(vocabulary)
    dtype = experiment.training.dtype
    match config:
        case LSTMConfig():
            return LSTM(config, size, dtype)
        case GRUConfig():
            return GRU(config, size, dtype)
        case TCNConfig():
            return TCN(config, size, dtype)
        case TransformerConfig():
            if config.context < data.window:
                raise UserError(
                    f"model.context {config.context} is shorter than data.window {data.window}; "
                    f"set model.context to at least {data.window}"
                )
            return Transformer(config, size, dtype)


def _summary(config: SequenceConfig) -> str:
    kind = str(config.__struct_config__.tag)
    match config:
        case TCNConfig():
            return f"{kind} that sees the last {config.receptive_field} characters"
        case TransformerConfig():
            return f"{kind} with {'no' if config.positions == 'none' else config.positions} positions"
        case _:
            return kind
