"""Times a training step of the LSTM against eager PyTorch, block by block in one process.

    python benchmarks/step_time_lstm.py [--layers 1] [--width 256] [--batch 32] [--length 128]

Prints the median milliseconds a step of both and the median ratio of neighbouring blocks. Ours runs on two
virtual CPU devices, several steps to a compiled call; PyTorch runs with its default number of threads.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import jax
import numpy as np
import optax
import torch
import torch_lstm
from jax.flatten_util import ravel_pytree
from jax.sharding import AxisType, PartitionSpec

from rgnn_jax.losses import cross_entropy
from rgnn_jax.models.recurrent import LSTM, LSTMConfig


def jax_steps(recipe: torch_lstm.Recipe, windows: np.ndarray, devices: int) -> Callable[[], None]:
    """A function that trains on each of the windows [k, b, t + 1] in one compiled call."""
    config = LSTMConfig(layers=recipe.layers, width=recipe.width, embedding=recipe.embedding, dropout=0.0)
    model = LSTM(config, vocabulary_size=recipe.vocabulary_size)
    params = jax.jit(model.init)(jax.random.key(0), windows[0, :1, :-1])["params"]
    optimizer = optax.chain(optax.clip_by_global_norm(recipe.clip_norm), optax.adam(recipe.learning_rate))

    def loss(params: dict, window: jax.Array) -> jax.Array:
        return cross_entropy(model.apply({"params": params}, window[:, :-1]), window[:, 1:]).mean()

    def update(state: tuple, window: jax.Array) -> tuple[tuple, jax.Array]:
        params, optimizer_state = state
        value, gradient = jax.value_and_grad(loss)(params, window)
        flat, unravel = ravel_pytree((value, gradient))
        value, gradient = unravel(jax.lax.pmean(flat, "data"))
        updates, optimizer_state = optimizer.update(gradient, optimizer_state, params)
        return (optax.apply_updates(params, updates), optimizer_state), value

    mesh = jax.make_mesh((devices,), ("data",), axis_types=(AxisType.Auto,))
    program = jax.jit(
        jax.shard_map(
            lambda state, windows: jax.lax.scan(update, state, windows),
            mesh=mesh,
            in_specs=(PartitionSpec(), PartitionSpec(None, "data")),
            out_specs=PartitionSpec(),
            check_vma=False,
        ),
        donate_argnums=0,
    )
    state = (params, optimizer.init(params))

    def run() -> None:
        nonlocal state
        state, _ = jax.block_until_ready(program(state, windows))

    return run


def torch_steps(recipe: torch_lstm.Recipe, windows: np.ndarray) -> Callable[[], None]:
    """A function that trains on each of the windows in turn."""
    trainer = torch_lstm.Trainer(recipe)
    batches = torch.from_numpy(windows).long()

    def run() -> None:
        for window in batches:
            trainer.step(window)

    return run


def seconds(run: Callable[[], None]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    for name, default in (("layers", 1), ("width", 256), ("embedding", 0), ("batch", 32), ("length", 128)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--devices", type=int, default=2, help="virtual CPU devices")
    parser.add_argument("--steps", type=int, default=8, help="steps a block")
    parser.add_argument("--blocks", type=int, default=11, help="blocks of each, interleaved")
    args = parser.parse_args()
    jax.config.update("jax_num_cpu_devices", args.devices)
    recipe = torch_lstm.Recipe(layers=args.layers, width=args.width, embedding=args.embedding)
    shape = (args.steps, args.batch, args.length + 1)
    windows = np.random.default_rng(0).integers(recipe.vocabulary_size, size=shape).astype(np.int32)
    ours, peer = jax_steps(recipe, windows, args.devices), torch_steps(recipe, windows)
    ours()
    peer()
    pairs = [(seconds(ours), seconds(peer)) for _ in range(args.blocks)]
    ours_ms, peer_ms = (1e3 * statistics.median(times) / args.steps for times in zip(*pairs, strict=True))
    ratio = statistics.median(a / b for a, b in pairs)
    print(f"{recipe}: rgnn_jax {ours_ms:.1f} ms, PyTorch {peer_ms:.1f} ms, ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
