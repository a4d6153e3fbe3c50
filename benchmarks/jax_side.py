"""This project's side of the comparisons; imported in the process that runs it, and there only."""

from functools import partial
from pathlib import Path

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from families import VOCABULARY_SIZE, Family, to_torch
from jax_trainer import Fixed, Trainer, save_weights

from rgnn_jax.models.language import NextToken
from rgnn_jax.models.recurrent import GRU, LSTM, GRUConfig, LSTMConfig
from rgnn_jax.models.tcn import TCN, TCNConfig
from rgnn_jax.models.transformer import Transformer, TransformerConfig
from rgnn_jax.optimizer import OptimizerConfig
from rgnn_jax.sampling.decode import generate
from rgnn_jax.sampling.rules import GREEDY

ADAM = OptimizerConfig(learning_rate=1e-3, schedule="constant", warmup_steps=0, beta2=0.99, clip_norm=1.0)


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


def make_trainer(family: Family, batches: np.ndarray, weights: Path, dtype: str) -> Trainer:
    """Trains the family's network on batches of tokens [n, b, t + 1]."""
    objective = NextToken(make_model(family, dtype), family.window)
    save = partial(save_weights, weights, partial(to_torch, family))
    return Trainer(objective, Fixed(batches), ADAM, family.micro_batches, save)


class Decoder:
    """Greedy continuations of one token, as `rgnn sample` makes them."""

    def __init__(self, family: Family, weights: Path) -> None:
        self._model = make_model(family)
        prompt = jnp.zeros((1, 1), jnp.int32)
        self._params = jax.jit(self._model.init)(jax.random.key(0), prompt)["params"]
        save_weights(weights, partial(to_torch, family), self._params)

    def run(self, count: int) -> list[int]:
        """The next `count` tokens."""
        prompt = np.zeros((1, 1), np.int32)
        key = jax.random.key(0)
        tokens = generate(self._model, self._params, prompt, rule=GREEDY, max_new_tokens=count, key=key)
        return tokens[0].tolist()
