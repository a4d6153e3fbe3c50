"""Trains a small model on as many devices and processes as it is told and saves what came out.

Run in a process of its own: `python parallel_program.py OUT PARALLEL DEVICES [PROCESSES INDEX PORT]`.
"""

import sys

import jax
import numpy as np


def main(out: str, parallel: str, devices: int, processes: int = 1, index: int = 0, port: int = 0) -> None:
    jax.config.update("jax_num_cpu_devices", devices // processes)
    if processes > 1:
        jax.distributed.initialize(f"127.0.0.1:{port}", processes, index)
    from rgnn_jax.datasets.text_batches import TextBatches
    from rgnn_jax.models.language import NextToken
    from rgnn_jax.models.recurrent import LSTM, LSTMConfig
    from rgnn_jax.optimizer import OptimizerConfig
    from rgnn_jax.train.devices import Compiled
    from rgnn_jax.train.step import Clock, Training

    codes = np.random.default_rng(0).integers(0, 7, 500).astype(np.uint8)
    model = LSTM(LSTMConfig(width=8, layers=2, dropout=0.2), 7)
    training = Training(
        NextToken(model, 6), TextBatches(codes, 6, 16), OptimizerConfig(learning_rate=1e-2), micro_batches=8
    )
    compiled = Compiled(training, parallel, jax.devices())
    state, data = compiled.init(3), compiled.place(codes)
    clock = Clock(np.int32(0), np.float32(0), np.float32(0.1))
    for count in (1, 4):
        state, result = compiled.run(state, data, 3, count, clock)
    if jax.process_index() == 0:
        leaves = jax.tree.leaves(compiled.fetch(state))
        np.savez(out, *[np.asarray(leaf) for leaf in leaves], loss=result.loss)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:]))
