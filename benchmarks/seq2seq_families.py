"""The encoder-decoder that is compared: the course document's, as in configs/arithmetic_lstm.toml."""

import dataclasses
from collections.abc import Mapping

import numpy as np

SYMBOLS, BLANK, QUERY, ANSWER = 13, 12, 5, 3


@dataclasses.dataclass(frozen=True)
class Seq2SeqFamily:
    """An LSTM whose last state, repeated, is what a second one writes the answer from.

    Attributes:
        width: features of either.
        batch_size: queries a training step.
    """

    width: int = 256
    batch_size: int = 128

    @property
    def label(self) -> str:
        """As in tables."""
        return f"LSTM {self.width}, repeated, LSTM {self.width}"


def to_torch(params: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Our parameters, named by their paths, as the state of the PyTorch peer.

    Ours has one bias where PyTorch adds two, of which the second starts at zero.
    """
    weights = {"head.weight": params["decoder/head/kernel"].T, "head.bias": params["decoder/head/bias"]}
    parts = {
        "encoder": (params["encoder/front/embedding"], "encoder/layers_0_0"),
        "decoder": (params["decoder/repeat/kernel"], "decoder/layers_0"),
    }
    for name, (kernel, layer) in parts.items():
        bias = params[f"{layer}/bias"]
        weights |= {
            f"{name}.weight_ih_l0": kernel.T,
            f"{name}.weight_hh_l0": params[f"{layer}/kernel"].T,
            f"{name}.bias_ih_l0": bias,
            f"{name}.bias_hh_l0": np.zeros_like(bias),
        }
    return weights


def random_queries(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Symbols of queries [n, 5] and of their answers [n, 3]; what they say does not matter here."""
    rng = np.random.default_rng(seed)
    queries = rng.integers(SYMBOLS, size=(count, QUERY), dtype=np.int32)
    answers = (queries[:, :ANSWER] + queries[:, -ANSWER:]) % SYMBOLS
    return queries, answers.astype(np.int32)
