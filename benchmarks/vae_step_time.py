"""The time of an autoencoder's training step beside PyTorch: same weights, same pictures, same work.

Forward pass, Bernoulli likelihood and KL divergence, backward pass and Adam in float32 on the CPU. Ours
runs through the project's own `Variational`, `Training` and `Compiled`, several steps a compiled call;
PyTorch runs eagerly with its default memory format, with channels last, and through `torch.compile`, with its
default threads. Each side draws its own noise, so the losses agree to about a thousandth only; that the
networks agree is tested (tests/benchmarks/test_vae_families.py). See interleaved.py for how the sides take
turns.

    python benchmarks/vae_step_time.py [--quick] [--families conv mlp] [--peers eager channels_last compiled]
"""

import argparse
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import get_args

import numpy as np
import record
from interleaved import Block, Comparison, Side, compare
from record import Column, Row
from vae_families import FAMILIES, Form, VAEFamily

COLUMNS = [
    Column("label", "training step"),
    Column("batch_size", "batch"),
    Column("peer", "PyTorch"),
    Column("ours_ms", "ours ms", "{:.1f}"),
    Column("torch_ms", "PyTorch ms", "{:.1f}"),
    Column("ratio", "ours / PyTorch (quartiles)"),
    Column("first_loss", "first loss", "{:.1f}"),
    Column("torch_first_loss", "PyTorch's", "{:.1f}"),
    Column("last_loss", "after all steps", "{:.1f}"),
    Column("torch_last_loss", "PyTorch's", "{:.1f}"),
    Column("compile_seconds", "first step, s", "{:.1f}"),
]
_BATCHES = 4


def ours(family: VAEFamily, weights: Path) -> Block:
    """Our trainer, in the process that calls this; its compilation is not kept."""
    import jax

    from rgnn_jax.train.devices import cpu_devices_for, set_up

    jax.config.update("jax_platforms", "cpu")
    set_up(family.devices or cpu_devices_for(family.batch_size))
    jax.config.update("jax_enable_compilation_cache", False)
    import jax_vae

    return _timed_at_first(jax_vae.make_trainer(family, random_images(family), weights).run)


def torchs(family: VAEFamily, form: Form, weights: Path) -> Block:
    """PyTorch's trainer, in the process that calls this."""
    import torch_vae

    return _timed_at_first(torch_vae.Trainer(family, random_images(family), weights, form).run)


def _timed_at_first(block: Block) -> Block:
    """The block, returning the loss and the seconds that it took."""

    def run(steps: int) -> tuple[float, float]:
        began = time.perf_counter()
        loss = block(steps)
        return loss, time.perf_counter() - began

    return run


def random_images(family: VAEFamily) -> np.ndarray:
    """Bytes [n, b, h, w, c]: rectangles on a dark ground, so that there is something to learn."""
    rng = np.random.default_rng(0)
    height, width, channels = family.image_shape
    images = np.full((_BATCHES, family.batch_size, height, width, channels), 16, np.uint8)
    for picture in images.reshape(-1, height, width, channels):
        top, left = rng.integers(height // 2), rng.integers(width // 2)
        picture[top : top + height // 2, left : left + width // 3] = rng.integers(128, 256, channels)
    return images


def measure(family: VAEFamily, peers: list[Form], steps: int, rounds: int) -> Comparison:
    """Blocks of `steps` steps of each side in turn."""
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / "weights.npz"
        # Ours comes first: it writes the weights that PyTorch reads.
        sides: dict[str, Side] = {"ours": partial(ours, family, weights)}
        sides |= {peer: partial(torchs, family, peer, weights) for peer in peers}
        return compare(sides, steps, rounds)


def summarise(family: VAEFamily, comparison: Comparison, steps: int) -> list[Row]:
    """A line of the table for each peer."""
    peers = [side for side in comparison.seconds if side != "ours"]
    return [
        {
            "family": family.name,
            "label": family.label,
            "batch_size": family.batch_size,
            "peer": peer.replace("_", " "),
            "ours_ms": 1e3 * comparison.median("ours") / steps,
            "torch_ms": 1e3 * comparison.median(peer) / steps,
            "ratio": str(comparison.ratio("ours", peer)),
            "ratio_median": comparison.ratio("ours", peer).median,
            "first_loss": comparison.first["ours"][0],
            "torch_first_loss": comparison.first[peer][0],
            "last_loss": comparison.last["ours"][0],
            "torch_last_loss": comparison.last[peer][0],
            "compile_seconds": comparison.first["ours"][1],
            "torch_compile_seconds": comparison.first[peer][1],
            "seconds": {side: comparison.seconds[side] for side in ("ours", peer)},
        }
        for peer in peers
    ]


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--families", nargs="+", choices=FAMILIES, default=list(FAMILIES))
    parser.add_argument("--peers", nargs="+", choices=get_args(Form), default=list(get_args(Form)))
    parser.add_argument("--rounds", type=int, default=10, help="blocks of each side (default: 10)")
    parser.add_argument("--steps", type=int, default=0, help="steps a block (default: about a second's)")
    parser.add_argument("--quick", action="store_true", help="a smoke run of seconds; keeps nothing")
    return parser.parse_args()


def main() -> None:
    args = parse()
    busy = record.busy_cores()
    rows = []
    for name in args.families:
        family = FAMILIES[name]
        rounds, steps = (2, 2) if args.quick else (args.rounds, args.steps or family.steps_a_block)
        rows += summarise(family, measure(family, args.peers, steps, rounds), steps)
    print(record.plain(rows, COLUMNS))
    if not args.quick:
        settings = {"busy_cores_before": busy, "rounds": args.rounds, "dtype": "float32"}
        print(f"kept in {record.write('vae_step_time', rows, settings)}")


if __name__ == "__main__":
    main()
