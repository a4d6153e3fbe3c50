"""The time of a DCGAN pair's training step at 64x64 beside PyTorch: same weights, same pictures, same work.

One update of the discriminator and one of the generator, each on freshly generated pictures, with
non-saturating losses and Adam in float32 on the CPU. Ours runs through the project's own `Adversarial`,
`Training` and `Compiled`, several steps a compiled call; PyTorch runs eagerly with its default threads. Batch
normalisation is of micro-batches on our side, so the losses agree roughly only; that the networks agree is
tested (tests/benchmarks/test_gan.py). See interleaved.py for how the sides take turns.

    python benchmarks/gan_step_time.py [--quick] [--width 64] [--micro-batches 0]
"""

import argparse
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import record
from interleaved import Block, Comparison, compare
from record import Column, Row

COLUMNS = [
    Column("label", "training step"),
    Column("batch_size", "batch"),
    Column("ours_ms", "ours ms", "{:.0f}"),
    Column("torch_ms", "PyTorch ms", "{:.0f}"),
    Column("ratio", "ours / PyTorch (quartiles)"),
    Column("last_loss", "generator's loss", "{:.2f}"),
    Column("torch_last_loss", "PyTorch's", "{:.2f}"),
]
Z_DIM, BATCH, SIDE, CHANNELS, BATCHES = 100, 64, 64, 3, 2


def random_images(side: int = SIDE) -> np.ndarray:
    """Bytes [n, b, h, w, c]: rectangles on a dark ground."""
    rng = np.random.default_rng(0)
    images = np.full((BATCHES, BATCH, side, side, CHANNELS), 16, np.uint8)
    for picture in images.reshape(-1, side, side, CHANNELS):
        top, left = rng.integers(side // 2, size=2)
        picture[top : top + side // 2, left : left + side // 3] = rng.integers(128, 256, CHANNELS)
    return images


def ours(width: int, micro_batches: int, devices: int, weights: Path) -> Block:
    """Our trainer, in the process that calls this; its compilation is not kept."""
    import jax

    from rgnn_jax.train.devices import cpu_devices_for, set_up

    jax.config.update("jax_platforms", "cpu")
    set_up(devices or cpu_devices_for(BATCH))
    jax.config.update("jax_enable_compilation_cache", False)
    import jax_gan

    return jax_gan.make_trainer(random_images(), Z_DIM, width, micro_batches, weights).run


def torchs(width: int, weights: Path) -> Block:
    """PyTorch's trainer, in the process that calls this."""
    import torch_gan

    return torch_gan.Trainer(random_images(), Z_DIM, width, weights).run


def summarise(width: int, comparison: Comparison, steps: int) -> Row:
    """A line of the table."""
    return {
        "label": f"DCGAN 64x64x3, {width} channels",
        "batch_size": BATCH,
        "ours_ms": 1e3 * comparison.median("ours") / steps,
        "torch_ms": 1e3 * comparison.median("torch") / steps,
        "ratio": str(comparison.ratio("ours", "torch")),
        "ratio_median": comparison.ratio("ours", "torch").median,
        "last_loss": comparison.last["ours"],
        "torch_last_loss": comparison.last["torch"],
        "seconds": dict(comparison.seconds),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--width", type=int, default=64, help="channels next to the picture (default: 64)")
    parser.add_argument("--micro-batches", type=int, default=0, help="on our side (default: one a device)")
    parser.add_argument("--devices", type=int, default=0, help="virtual, on our side (default: one a core)")
    parser.add_argument("--rounds", type=int, default=8, help="blocks of each side (default: 8)")
    parser.add_argument("--steps", type=int, default=2, help="steps a block (default: 2)")
    parser.add_argument("--quick", action="store_true", help="a smoke run; keeps nothing")
    args = parser.parse_args()
    busy = record.busy_cores()
    rounds, steps, width = (2, 1, 8) if args.quick else (args.rounds, args.steps, args.width)
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / "weights.npz"
        # Ours comes first: it writes the weights that PyTorch reads.
        sides = {
            "ours": partial(ours, width, args.micro_batches, args.devices, weights),
            "torch": partial(torchs, width, weights),
        }
        rows = [summarise(width, compare(sides, steps, rounds), steps)]
    print(record.plain(rows, COLUMNS))
    if not args.quick:
        settings = {"busy_cores_before": busy, "rounds": rounds, "dtype": "float32"}
        settings["micro_batches"] = args.micro_batches
        print(f"kept in {record.write('gan_step_time', rows, settings)}")


if __name__ == "__main__":
    main()
