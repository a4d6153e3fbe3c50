"""The time to decode 1,000 characters, one after the other, beside Python loops over PyTorch.

Batch 1, greedy, the same weights. Ours is `rgnn_jax.sampling.decode.generate` after one call that compiles.
The peers are loops over `torch.nn.LSTM` and `torch.nn.LSTMCell`, over a Transformer with a key/value cache
and over a TCN with ring buffers, each with PyTorch's default threads and with a single one.

    python benchmarks/decode_time.py [--quick] [--families lstm gpt tcn] [--rounds 9] [--characters 1000]
"""

import argparse
import dataclasses
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import record
from families import FAMILIES, Family
from interleaved import Block, Comparison, Side, compare
from record import Column, Row

COLUMNS = [
    Column("label", "decoding"),
    Column("peer", "peer"),
    Column("ours_ms", "ours ms", "{:.0f}"),
    Column("torch_ms", "PyTorch ms", "{:.0f}"),
    Column("ratio", "ours / PyTorch (quartiles)"),
    Column("same", "same characters"),
]


@dataclasses.dataclass(frozen=True)
class Peer:
    """A loop over PyTorch; `threads` None is the library's default."""

    label: str
    threads: int | None = None
    cell: bool = False


PEERS = {
    "lstm": (Peer("nn.LSTM"), Peer("nn.LSTM, one thread", 1), Peer("nn.LSTMCell, one thread", 1, cell=True)),
    "gpt": (Peer("key/value cache"), Peer("key/value cache, one thread", 1)),
    "tcn": (Peer("ring buffers"), Peer("ring buffers, one thread", 1)),
}


def decoded(name: str) -> Family:
    """The family as it decodes: the Transformer with room for the whole text."""
    family = FAMILIES[name]
    if name != "gpt":
        return family
    return dataclasses.replace(family, label=f"{family.label}, context 1024", context=1024)


def ours(family: Family, weights: Path) -> Block:
    """Our decoder, in the process that calls this."""
    import jax

    from rgnn_jax.train.devices import set_up

    jax.config.update("jax_platforms", "cpu")
    set_up(1)
    import jax_side

    return jax_side.Decoder(family, weights).run


def torchs(family: Family, peer: Peer, weights: Path) -> Block:
    """A peer's decoder, in the process that calls this."""
    import torch
    import torch_decode

    if peer.threads:
        torch.set_num_threads(peer.threads)
    return torch_decode.decoder(family, weights, cell=peer.cell)


def measure(family: Family, peers: Sequence[Peer], characters: int, rounds: int) -> Comparison:
    """Blocks of `characters` characters, ours and each peer's in turn."""
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / "weights.npz"
        # Ours comes first: it writes the weights that the peers read.
        sides: dict[str, Side] = {"ours": partial(ours, family, weights)}
        sides |= {peer.label: partial(torchs, family, peer, weights) for peer in peers}
        return compare(sides, characters, rounds, first=characters)


def summarise(family: Family, comparison: Comparison, peer: Peer) -> Row:
    """A line of the table; `same` counts characters up to the first that differs."""
    ratio = comparison.ratio("ours", peer.label)
    pairs = list(zip(comparison.last["ours"], comparison.last[peer.label], strict=True))
    same = next((i for i, (a, b) in enumerate(pairs) if a != b), len(pairs))
    return {
        "family": family.name,
        "label": family.label,
        "peer": peer.label,
        "ours_ms": 1e3 * comparison.median("ours"),
        "torch_ms": 1e3 * comparison.median(peer.label),
        "ratio": str(ratio),
        "ratio_median": ratio.median,
        "same": f"{same} of {len(pairs)}",
        "seconds": {"ours": comparison.seconds["ours"], "torch": comparison.seconds[peer.label]},
    }


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--families", nargs="+", choices=PEERS, default=list(PEERS))
    parser.add_argument("--rounds", type=int, default=9, help="blocks of each side (default: 9)")
    parser.add_argument("--characters", type=int, default=1000, help="characters a block (default: 1000)")
    parser.add_argument("--quick", action="store_true", help="a smoke run of seconds; keeps nothing")
    return parser.parse_args()


def main() -> None:
    args = parse()
    busy = record.busy_cores()
    rounds, characters = (2, 100) if args.quick else (args.rounds, args.characters)
    rows = []
    for name in args.families:
        family, peers = decoded(name), PEERS[name]
        comparison = measure(family, peers, characters, rounds)
        rows += [summarise(family, comparison, peer) for peer in peers]
        print(record.plain(rows[-len(peers) :], COLUMNS), end="\n\n", flush=True)
    print(record.plain(rows, COLUMNS))
    if not args.quick:
        settings = {
            "busy_cores_before": busy,
            "rounds": rounds,
            "characters": characters,
            "batch": 1,
            "rule": "greedy",
        }
        print(f"kept in {record.write('decode_time', rows, settings)}")


if __name__ == "__main__":
    main()
