"""The time of a training step beside eager PyTorch: same weights, same batches, same work.

Forward pass, cross-entropy, backward pass, clipping and Adam in float32 on the CPU. Ours runs through the
project's own `Training` and `Compiled` on the virtual devices that `rgnn train` would choose, several steps a
compiled call; PyTorch runs eagerly with its default threads. See interleaved.py for how they take turns.

    python benchmarks/step_time.py [--quick] [--families lstm gru tcn gpt] [--rounds 10] [--steps 16]
"""

import argparse
import dataclasses
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import record
from families import FAMILIES, VOCABULARY_SIZE, Family
from interleaved import Block, Comparison, Side, compare
from record import Column, Row

COLUMNS = [
    Column("label", "training step"),
    Column("work", "batch x tokens"),
    Column("ours_ms", "ours ms", "{:.1f}"),
    Column("torch_ms", "PyTorch ms", "{:.1f}"),
    Column("ratio", "ours / PyTorch (quartiles)"),
    Column("first_difference", "first loss differs by", "{:.0e}"),
    Column("last_loss", "ours after all steps", "{:.4f}"),
    Column("torch_last_loss", "PyTorch after all steps", "{:.4f}"),
]
_BATCHES = 8


@dataclasses.dataclass(frozen=True)
class Setting:
    """Where and how a step runs."""

    device: str = "cpu"
    dtype: str = "float32"
    compiled: bool = False


def ours(family: Family, setting: Setting, weights: Path) -> Block:
    """Our trainer, in the process that calls this."""
    from rgnn_jax.train.devices import cpu_devices_for, set_up

    if setting.device == "cpu":
        import jax

        jax.config.update("jax_platforms", "cpu")
    set_up(cpu_devices_for(family.batch_size))
    import jax_side

    return jax_side.make_trainer(family, random_batches(family), weights, setting.dtype).run


def torchs(family: Family, setting: Setting, weights: Path) -> Block:
    """PyTorch's trainer, in the process that calls this."""
    import torch_side

    trainer = torch_side.Trainer(
        family, random_batches(family), weights, setting.device, setting.dtype, setting.compiled
    )
    return trainer.run


def random_batches(family: Family) -> np.ndarray:
    """Tokens [n, b, t + 1]; each is one of eight that may follow the one before."""
    rng = np.random.default_rng(0)
    choices = rng.integers(8, size=(family.window + 1, _BATCHES, family.batch_size))
    tokens = [choices[0]]
    for choice in choices[1:]:
        tokens.append((tokens[-1] * 5 + choice) % VOCABULARY_SIZE)
    return np.stack(tokens, axis=-1).astype(np.int32)


def measure(family: Family, setting: Setting, steps: int, rounds: int) -> Comparison:
    """Blocks of `steps` steps, ours and PyTorch's in turn."""
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / "weights.npz"
        # Ours comes first: it writes the weights that PyTorch reads.
        sides: dict[str, Side] = {
            "ours": partial(ours, family, setting, weights),
            "torch": partial(torchs, family, setting, weights),
        }
        return compare(sides, steps, rounds)


def summarise(family: Family, comparison: Comparison, steps: int) -> Row:
    """A line of the table."""
    ratio = comparison.ratio("ours", "torch")
    return {
        "family": family.name,
        "label": family.label,
        "work": f"{family.batch_size} x {family.window}",
        "ours_ms": 1e3 * comparison.median("ours") / steps,
        "torch_ms": 1e3 * comparison.median("torch") / steps,
        "ratio": str(ratio),
        "ratio_median": ratio.median,
        "first_difference": abs(comparison.first["ours"] - comparison.first["torch"]),
        "last_loss": comparison.last["ours"],
        "torch_last_loss": comparison.last["torch"],
        "seconds": dict(comparison.seconds),
    }


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--families", nargs="+", choices=FAMILIES, default=list(FAMILIES))
    parser.add_argument("--rounds", type=int, default=10, help="blocks of each side (default: 10)")
    parser.add_argument("--steps", type=int, default=16, help="steps a block (default: 16)")
    parser.add_argument("--quick", action="store_true", help="a smoke run of seconds; keeps nothing")
    return parser.parse_args()


def main() -> None:
    args = parse()
    busy = record.busy_cores()
    rounds, steps = (2, 2) if args.quick else (args.rounds, args.steps)
    rows = []
    for name in args.families:
        family = FAMILIES[name]
        rows.append(summarise(family, measure(family, Setting(), steps, rounds), steps))
        print(record.plain(rows[-1:], COLUMNS), end="\n\n", flush=True)
    print(record.plain(rows, COLUMNS))
    if not args.quick:
        settings = {"busy_cores_before": busy, "rounds": rounds, "steps_a_block": steps, "dtype": "float32"}
        print(f"kept in {record.write('step_time', rows, settings)}")


if __name__ == "__main__":
    main()
