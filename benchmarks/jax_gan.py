"""This project's side of the comparison of pairs; imported in the process that runs it only."""

from pathlib import Path

import jax
import numpy as np
from flax.traverse_util import flatten_dict
from jax_vae import FixedImages

from rgnn_jax.contracts import Params
from rgnn_jax.models.adversarial import Adversarial
from rgnn_jax.models.dcgan import DCGAN, DCGANConfig
from rgnn_jax.optimizer import OptimizerConfig
from rgnn_jax.train.devices import Compiled, micro_batches_for
from rgnn_jax.train.step import Clock, Training

ADAM = OptimizerConfig(
    learning_rate=2e-4, schedule="constant", warmup_steps=0, beta1=0.5, beta2=0.999, clip_norm=0.0
)


class Trainer:
    """Steps as `rgnn train` takes them, several in one compiled call."""

    def __init__(self, images: np.ndarray, z_dim: int, width: int, micro_batches: int, weights: Path) -> None:
        config = DCGANConfig(z_dim=z_dim, width=width)
        count = micro_batches_for(images.shape[1], micro_batches, len(jax.devices()))
        height, columns, channels = images.shape[2:]
        game = Adversarial(DCGAN(config, (height, columns, channels)), config)
        training = Training(game, FixedImages(images), ADAM, micro_batches=count)
        self._compiled = Compiled(training, "auto", jax.devices())
        self._state = self._compiled.init(0)
        self._data = self._compiled.place(images)
        np.savez(weights, **to_torch(self._compiled.fetch(self._state.params), width))

    def run(self, steps: int) -> float:
        """Takes steps and returns the generator's loss at the last one."""
        clock = Clock(np.int32(0), np.float32(0.0), np.float32(0.0))
        self._state, result = self._compiled.run(self._state, self._data, 0, steps, clock)
        return float(result.loss)


def to_torch(params: Params, width: int) -> dict[str, np.ndarray]:
    """Our parameters in PyTorch's names and layouts; where maps are flattened, ours have channels last."""
    weights = {}
    for name, leaf in flatten_dict(params, sep=".").items():
        layer, _, kind = name.replace("head.", "").rpartition(".")
        value = np.asarray(leaf)
        if kind in ("mean", "variance"):
            continue
        if value.ndim > 1:
            value = value.transpose((3, 2, 0, 1) if value.ndim == 4 else (1, 0))
        weights[f"{layer}.{'bias' if kind == 'bias' else 'weight'}"] = value
    order = np.arange(16 * 8 * width).reshape(16, 8 * width).T.ravel()
    weights["generator.input.weight"] = weights["generator.input.weight"][order]
    weights["discriminator.score.weight"] = weights["discriminator.score.weight"][:, order]
    return weights
