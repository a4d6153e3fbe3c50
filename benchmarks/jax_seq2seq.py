"""Our side of the encoder-decoder's comparison; in the process that runs it, and there only."""

import dataclasses
from pathlib import Path

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict
from jax_side import ADAM
from seq2seq_families import ANSWER, BLANK, QUERY, SYMBOLS, Seq2SeqFamily, to_torch

from rgnn_jax.contracts import Params
from rgnn_jax.datasets.arithmetic import ArithmeticBatch
from rgnn_jax.models.seq2seq import Seq2Seq
from rgnn_jax.models.seq2seq_config import Seq2SeqConfig
from rgnn_jax.models.translation import Translate
from rgnn_jax.tasks.arithmetic import answer_queries
from rgnn_jax.train.devices import Compiled, micro_batches_for
from rgnn_jax.train.step import Clock, Training


def make_model(family: Seq2SeqFamily) -> nn.Module:
    """The network of configs/arithmetic_lstm.toml."""
    return Seq2Seq(Seq2SeqConfig(width=family.width), SYMBOLS, QUERY, SYMBOLS, ANSWER)


@dataclasses.dataclass(frozen=True)
class FixedQueries:
    """Batches that come round in order (`contracts.Batches`), the same for both libraries."""

    data: tuple[np.ndarray, np.ndarray]

    def draw(
        self,
        data: tuple[jax.Array, jax.Array],
        key: jax.Array,
        step: jax.Array,
        index: jax.Array,
        count: int,
    ) -> ArithmeticBatch:
        """Micro-batch `index` of `count` of the step's batch."""
        del key
        size = data[0].shape[1] // count
        parts = (
            jax.lax.dynamic_slice_in_dim(part[step % part.shape[0]], index * size, size) for part in data
        )
        return ArithmeticBatch(*parts)


class Trainer:
    """Steps as `rgnn train` takes them, several in one compiled call, on all devices."""

    def __init__(
        self, family: Seq2SeqFamily, queries: np.ndarray, answers: np.ndarray, weights: Path
    ) -> None:
        size, devices = family.batch_size, jax.devices()
        data = (queries.reshape(-1, size, QUERY), answers.reshape(-1, size, ANSWER))
        count = micro_batches_for(size, 0, len(devices))
        objective = Translate(make_model(family), BLANK)
        training = Training(objective, FixedQueries(data), ADAM, micro_batches=count)
        self._compiled = Compiled(training, "auto", devices)
        self._state = self._compiled.init(0)
        self._data = self._compiled.place(data)
        save_weights(self._compiled.fetch(self._state.params), weights)

    def run(self, steps: int) -> float:
        """Takes steps and returns the loss at the last one, in nats a symbol."""
        clock = Clock(np.int32(0), np.float32(0.0), np.float32(0.0))
        self._state, result = self._compiled.run(self._state, self._data, 0, steps, clock)
        return float(result.loss)


class Decoder:
    """Greedy answers to queries, as `rgnn solve` and `rgnn evaluate` find them."""

    def __init__(self, family: Seq2SeqFamily, queries: np.ndarray, weights: Path, at_once: int) -> None:
        self._at_once = at_once
        self._model, self._queries = make_model(family), queries
        tokens = jnp.zeros((1, ANSWER), jnp.int32)
        self._params = jax.jit(self._model.init)(jax.random.key(0), tokens, queries[:1])["params"]
        save_weights(self._params, weights)

    def run(self, times: int) -> list[list[int]]:
        """Answers all queries so many times."""
        found = np.zeros((0, ANSWER), np.int32)
        for _ in range(times):
            found = answer_queries(self._model, self._params, self._queries, batch_size=self._at_once)
        return found.tolist()


def save_weights(params: Params, path: Path) -> None:
    """Writes the parameters for the peer to start from."""
    flat = {name: np.asarray(value) for name, value in flatten_dict(params, sep="/").items()}
    np.savez(path, **to_torch(flat))
