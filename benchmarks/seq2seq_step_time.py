"""The encoder-decoder of configs/arithmetic_lstm.toml beside eager PyTorch: a training step, and answers.

A step is forward pass, cross-entropy, backward pass, clipping and Adam on 128 queries; answering is greedy,
1,000 queries at once or each by itself. Float32 on the CPU, the same weights, queries and work; ours runs
through `Training`, `Compiled` and `generate` as the commands do. Beside them PyTorch takes the matrix
products that no program can leave out, and nothing else: what multiplies no faster cannot be quicker.
See interleaved.py for how the sides take turns.

    python benchmarks/seq2seq_step_time.py [--quick] [--rounds 10] [--steps 50]
"""

import argparse
import tempfile
from functools import partial
from pathlib import Path

import record
from interleaved import Block, Comparison, Side, compare
from record import Column, Row
from seq2seq_families import Seq2SeqFamily, random_queries

COLUMNS = [
    Column("label", "LSTM 256, repeated, LSTM 256"),
    Column("peer", "PyTorch"),
    Column("ours_ms", "ours ms", "{:.2f}"),
    Column("torch_ms", "PyTorch ms", "{:.2f}"),
    Column("ratio", "ours / PyTorch (quartiles)"),
    Column("same", "the same"),
]
FAMILY = Seq2SeqFamily()
_BATCHES = 8
_QUERIES = 1000
_PRODUCTS = "its least products alone"


def our_trainer(weights: Path) -> Block:
    """Our trainer, in the process that calls this."""
    from rgnn_jax.train.devices import cpu_devices_for

    _set_up(cpu_devices_for(FAMILY.batch_size))
    import jax_seq2seq

    return jax_seq2seq.make_trainer(FAMILY, *random_queries(_BATCHES * FAMILY.batch_size), weights).run


def torch_trainer(weights: Path) -> Block:
    """PyTorch's trainer, in the process that calls this."""
    import torch_seq2seq

    return torch_seq2seq.Trainer(FAMILY, *random_queries(_BATCHES * FAMILY.batch_size), weights).run


def our_decoder(at_once: int, weights: Path) -> Block:
    """Our decoder, in the process that calls this."""
    _set_up(1)
    import jax_seq2seq

    return jax_seq2seq.Decoder(FAMILY, random_queries(_QUERIES)[0], weights, at_once).run


def torch_decoder(at_once: int, weights: Path, stepwise: bool) -> Block:
    """PyTorch's decoder, in the process that calls this."""
    import torch_seq2seq

    queries, _ = random_queries(_QUERIES)
    return torch_seq2seq.Decoder(FAMILY, queries, weights, at_once, stepwise=stepwise).run


def torch_products(queries: int, gradient: bool) -> Block:
    """The products alone, by PyTorch, in the process that calls this."""
    import torch_seq2seq

    return torch_seq2seq.Products(FAMILY, queries, gradient=gradient).run


def _set_up(devices: int) -> None:
    import jax

    from rgnn_jax.train.devices import set_up

    jax.config.update("jax_platforms", "cpu")
    set_up(devices)


def measure_training(steps: int, rounds: int) -> list[Row]:
    """Blocks of `steps` steps, ours and PyTorch's in turn."""
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / "weights.npz"
        # Ours comes first: it writes the weights that PyTorch reads.
        sides: dict[str, Side] = {
            "ours": partial(our_trainer, weights),
            "eager": partial(torch_trainer, weights),
            _PRODUCTS: partial(torch_products, FAMILY.batch_size, True),
        }
        comparison = compare(sides, steps, rounds)
    apart = abs(comparison.first["ours"] - comparison.first["eager"])
    label = f"training step, {FAMILY.batch_size} queries"
    same = f"first loss differs by {apart:.0e}"
    return [_row(label, "eager", comparison, steps, same), _bound(label, "eager", comparison, steps)]


def measure_decoding(at_once: int, times: int, rounds: int) -> list[Row]:
    """Blocks of so many rounds of answers, so many at once, ours and PyTorch's in turn."""
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / "weights.npz"
        sides: dict[str, Side] = {
            "ours": partial(our_decoder, at_once, weights),
            "a symbol at a time": partial(torch_decoder, at_once, weights, True),
            "all symbols in one call": partial(torch_decoder, at_once, weights, False),
        }
        peers = list(sides)[1:]
        if at_once > 1:
            sides[_PRODUCTS] = partial(torch_products, at_once, False)
        comparison = compare(sides, times, rounds)
    rows = []
    for peer in peers:
        pairs = zip(comparison.last["ours"], comparison.last[peer], strict=True)
        same = sum(one == other for one, other in pairs)
        label = f"greedy answers to {_QUERIES:,} queries, {'all at once' if at_once > 1 else 'one at a time'}"
        rows.append(_row(label, peer, comparison, times, f"{same:,} of {_QUERIES:,} answers"))
    if at_once > 1:
        rows.append(_bound(label, peers[-1], comparison, times))
    return rows


def _bound(label: str, peer: str, comparison: Comparison, work: int) -> Row:
    """What would be left of PyTorch's time if all but the least products took none."""
    rate = comparison.first[_PRODUCTS] * work / comparison.median(_PRODUCTS)
    same = f"{rate / 1e9:.0f} GFLOP/s"
    return _row(f"{label}: {_PRODUCTS}", peer, comparison, work, same, _PRODUCTS)


def _row(label: str, peer: str, comparison: Comparison, work: int, same: str, side: str = "ours") -> Row:
    ratio = comparison.ratio(side, peer)
    return {
        "label": label,
        "peer": peer,
        "ours_ms": 1e3 * comparison.median(side) / work,
        "torch_ms": 1e3 * comparison.median(peer) / work,
        "ratio": str(ratio),
        "ratio_median": ratio.median,
        "same": same,
        "work_a_block": work,
        "seconds": {side: comparison.seconds[side], "torch": comparison.seconds[peer]},
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--rounds", type=int, default=10, help="blocks of each side (default: 10)")
    parser.add_argument("--steps", type=int, default=50, help="steps, or answers, a block (default: 50)")
    parser.add_argument("--quick", action="store_true", help="a smoke run of seconds; keeps nothing")
    args = parser.parse_args()
    busy = record.busy_cores()
    rounds, work = (2, 2) if args.quick else (args.rounds, args.steps)
    rows = measure_training(work, rounds)
    print(record.plain(rows, COLUMNS), end="\n\n", flush=True)
    rows += measure_decoding(_QUERIES, work, rounds)
    rows += measure_decoding(1, max(1, work // 25), rounds)
    print(record.plain(rows, COLUMNS))
    if not args.quick:
        settings = {"busy_cores_before": busy, "rounds": rounds, "dtype": "float32"}
        print(f"kept in {record.write('seq2seq_step_time', rows, settings)}")


if __name__ == "__main__":
    main()
