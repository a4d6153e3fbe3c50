"""Our side of the encoder-decoder's comparison; in the process that runs it, and there only."""

from functools import partial
from pathlib import Path

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax_side import ADAM
from jax_trainer import Fixed, Trainer, save_weights
from seq2seq_families import ANSWER, BLANK, QUERY, SYMBOLS, Seq2SeqFamily, to_torch

from rgnn_jax.datasets.arithmetic import ArithmeticBatch
from rgnn_jax.models.seq2seq import Seq2Seq
from rgnn_jax.models.seq2seq_config import Seq2SeqConfig
from rgnn_jax.models.translation import Translate
from rgnn_jax.tasks.arithmetic import answer_queries


def make_model(family: Seq2SeqFamily) -> nn.Module:
    """The network of configs/arithmetic_lstm.toml."""
    return Seq2Seq(Seq2SeqConfig(width=family.width), SYMBOLS, QUERY, SYMBOLS, ANSWER)


def make_trainer(family: Seq2SeqFamily, queries: np.ndarray, answers: np.ndarray, weights: Path) -> Trainer:
    """Trains the family's network on the queries, dealt into batches."""
    size = family.batch_size
    data = ArithmeticBatch(queries.reshape(-1, size, QUERY), answers.reshape(-1, size, ANSWER))
    objective = Translate(make_model(family), BLANK)
    return Trainer(objective, Fixed(data), ADAM, 0, partial(save_weights, weights, to_torch))


class Decoder:
    """Greedy answers to queries, as `rgnn solve` and `rgnn evaluate` find them."""

    def __init__(self, family: Seq2SeqFamily, queries: np.ndarray, weights: Path, at_once: int) -> None:
        self._at_once = at_once
        self._model, self._queries = make_model(family), queries
        tokens = jnp.zeros((1, ANSWER), jnp.int32)
        self._params = jax.jit(self._model.init)(jax.random.key(0), tokens, queries[:1])["params"]
        save_weights(weights, to_torch, self._params)

    def run(self, times: int) -> list[list[int]]:
        """Answers all queries so many times."""
        found = np.zeros((0, ANSWER), np.int32)
        for _ in range(times):
            found = answer_queries(self._model, self._params, self._queries, batch_size=self._at_once)
        return found.tolist()
