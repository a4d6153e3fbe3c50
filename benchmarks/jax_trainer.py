"""The trainer on this project's side of the comparisons; in the process that runs it, and there only."""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
from flax.traverse_util import flatten_dict
from jaxtyping import PyTree

from rgnn_jax.contracts import Batch, Game, Objective, Params
from rgnn_jax.optimizer import OptimizerConfig
from rgnn_jax.train.devices import Compiled, micro_batches_for
from rgnn_jax.train.step import Clock, Training

Weights = Mapping[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Fixed:
    """Batches that come round in order (`contracts.Batches`), the same for both libraries.

    Attributes:
        data: arrays [n, b, ...].
        make: a micro-batch of its slice [c, ...] of each.
    """

    data: PyTree
    make: Callable[[Any], Batch] = lambda arrays: arrays

    def draw(self, data: PyTree, key: jax.Array, step: jax.Array, index: jax.Array, count: int) -> Batch:
        """Micro-batch `index` of `count` of the step's batch."""
        del key

        def cut(array: jax.Array) -> jax.Array:
            size = array.shape[1] // count
            return jax.lax.dynamic_slice_in_dim(array[step % array.shape[0]], index * size, size)

        return self.make(jax.tree.map(cut, data))


class Trainer:
    """Steps as `rgnn train` takes them, several in one compiled call, on all devices.

    Args:
        objective: what is minimised, or the game that is played.
        batches: what it learns from.
        optimizer: its settings.
        micro_batches: how the batch is dealt on a CPU; 0 for one a device.
        save: takes the initial parameters, which the peer starts from.
    """

    def __init__(
        self,
        objective: Objective | Game,
        batches: Fixed,
        optimizer: OptimizerConfig,
        micro_batches: int,
        save: Callable[[Params], None],
    ) -> None:
        devices = jax.devices()
        wanted = micro_batches if jax.default_backend() == "cpu" else 0
        batch_size = jax.tree.leaves(batches.data)[0].shape[1]
        count = micro_batches_for(batch_size, wanted, len(devices))
        training = Training(objective, batches, optimizer, micro_batches=count)
        self._compiled = Compiled(training, "auto", devices)
        self._state = self._compiled.init(0)
        self._data = self._compiled.place(batches.data)
        save(self._compiled.fetch(self._state.params))

    def run(self, steps: int) -> float:
        """Takes steps and returns the loss at the last one; of a pair, the generator's."""
        clock = Clock(np.int32(0), np.float32(0.0), np.float32(0.0))
        self._state, result = self._compiled.run(self._state, self._data, 0, steps, clock)
        return float(result.loss)


def save_weights(path: Path, to_torch: Callable[[Weights], Weights], params: Params) -> None:
    """Writes the parameters for the peer to start from.

    Args:
        path: of the file.
        to_torch: gives parameters, named by their paths, as the state of the PyTorch peer.
        params: ours.
    """
    flat = {name: np.asarray(value) for name, value in flatten_dict(params, sep="/").items()}
    np.savez(path, **to_torch(flat))
