"""This project's side of the comparisons; imported in the process that runs it, and there only."""

import dataclasses
from pathlib import Path

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from families import VOCABULARY_SIZE, Family, to_torch
from flax.traverse_util import flatten_dict

from rgnn_jax.contracts import Params
from rgnn_jax.models.language import NextToken
from rgnn_jax.models.recurrent import GRU, LSTM, GRUConfig, LSTMConfig
from rgnn_jax.models.tcn import TCN, TCNConfig
from rgnn_jax.models.transformer import Transformer, TransformerConfig
from rgnn_jax.optimizer import OptimizerConfig
from rgnn_jax.sampling.decode import generate
from rgnn_jax.sampling.rules import GREEDY
from rgnn_jax.train.devices import Compiled, micro_batches_for
from rgnn_jax.train.step import Clock, Training

ADAM = OptimizerConfig(learning_rate=1e-3, schedule="constant", warmup_steps=0, beta2=0.99, clip_norm=1.0)


@dataclasses.dataclass(frozen=True)
class FixedBatches:
    """Batches [n, b, t + 1] that come round in order (`contracts.Batches`), the same for both libraries."""

    data: np.ndarray

    def draw(
        self, data: jax.Array, key: jax.Array, step: jax.Array, index: jax.Array, count: int
    ) -> jax.Array:
        """Micro-batch `index` of `count` of the step's batch."""
        del key
        size = data.shape[1] // count
        return jax.lax.dynamic_slice_in_dim(data[step % data.shape[0]], index * size, size)


def make_model(family: Family, dtype: str = "float32") -> nn.Module:
    """The family's network."""
    v, width, compute = VOCABULARY_SIZE, family.width, jnp.dtype(dtype)
    match family.name:
        case "lstm":
            return LSTM(LSTMConfig(layers=family.layers, width=width, dropout=0.0), v, compute)
        case "gru":
            return GRU(GRUConfig(layers=family.layers, width=width, dropout=0.0), v, compute)
        case "tcn":
            tcn = TCNConfig(levels=family.layers, channels=width, embedding=width, dropout=0.0)
            return TCN(tcn, v, compute)
        case _:
            config = TransformerConfig(
                layers=family.layers,
                width=width,
                heads=family.heads,
                feed_forward=0,
                positions="learned",
                context=family.context,
                use_bias=False,
                tied_embeddings=True,
            )
            return Transformer(config, v, compute)


class Trainer:
    """Steps as `rgnn train` takes them, several in one compiled call, on all devices."""

    def __init__(self, family: Family, batches: np.ndarray, weights: Path, dtype: str) -> None:
        objective = NextToken(make_model(family, dtype), family.window)
        devices = jax.devices()
        wanted = family.micro_batches if jax.default_backend() == "cpu" else 0
        count = micro_batches_for(family.batch_size, wanted, len(devices))
        training = Training(objective, FixedBatches(batches), ADAM, micro_batches=count)
        self._compiled = Compiled(training, "auto", devices)
        self._state = self._compiled.init(0)
        self._data = self._compiled.place(batches)
        save_weights(family, self._compiled.fetch(self._state.params), weights)

    def run(self, steps: int) -> float:
        """Takes steps and returns the loss at the last one, in nats."""
        clock = Clock(np.int32(0), np.float32(0.0), np.float32(0.0))
        self._state, result = self._compiled.run(self._state, self._data, 0, steps, clock)
        return float(result.loss)


class Decoder:
    """Greedy continuations of one token, as `rgnn sample` makes them."""

    def __init__(self, family: Family, weights: Path) -> None:
        self._model = make_model(family)
        prompt = jnp.zeros((1, 1), jnp.int32)
        self._params = jax.jit(self._model.init)(jax.random.key(0), prompt)["params"]
        save_weights(family, self._params, weights)

    def run(self, count: int) -> list[int]:
        """The next `count` tokens."""
        prompt = np.zeros((1, 1), np.int32)
        key = jax.random.key(0)
        tokens = generate(self._model, self._params, prompt, rule=GREEDY, max_new_tokens=count, key=key)
        return tokens[0].tolist()


def save_weights(family: Family, params: Params, path: Path) -> None:
    """Writes the parameters for the peer to start from."""
    flat = {name: np.asarray(value) for name, value in flatten_dict(params, sep="/").items()}
    np.savez(path, **to_torch(family, flat))
