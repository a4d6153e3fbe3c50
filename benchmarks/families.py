"""The networks that are compared, and their weights in PyTorch's names and layouts."""

import dataclasses
from collections.abc import Mapping

import numpy as np

VOCABULARY_SIZE = 64
Weights = dict[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Family:
    """One network and the batch it learns from; dropout is off, so that both libraries do the same.

    Attributes:
        name: as on the command line.
        label: as in tables.
        batch_size: sequences a step.
        window: tokens a sequence predicts.
        micro_batches: how the batch is dealt on our side on a CPU; 0 for one a device.
        layers: recurrent layers, levels of convolutions, or blocks.
        width: features of a layer.
        heads: of attention.
        context: longest sequence of the Transformer.
    """

    name: str
    label: str
    batch_size: int
    window: int
    layers: int
    width: int
    micro_batches: int = 0
    heads: int = 0
    context: int = 0


FAMILIES = {
    family.name: family
    for family in (
        Family("lstm", "LSTM 1x256", batch_size=32, window=128, layers=1, width=256),
        Family("gru", "GRU 1x256", batch_size=32, window=128, layers=1, width=256),
        Family("tcn", "TCN 6x2, k 3, 128", batch_size=32, window=128, layers=6, width=128, micro_batches=8),
        Family("gpt", "GPT 4/4/128", batch_size=12, window=64, layers=4, width=128, heads=4, context=64),
    )
}


def to_torch(family: Family, params: Mapping[str, np.ndarray]) -> Weights:
    """Our parameters, named by their paths, as the state of the PyTorch peer."""
    p = dict(params)
    match family.name:
        case "lstm" | "gru":
            return _recurrent(p)
        case "tcn":
            return _tcn(family, p)
        case _:
            return _gpt(family, p)


def _recurrent(p: Weights) -> Weights:
    """Ours has one bias where PyTorch adds two, of which the second starts at zero."""
    bias, kernel = p["layers_0/bias"], p["layers_0/kernel"]
    second = np.zeros_like(bias)
    if "layers_0/bias_n" in p:
        second[-kernel.shape[0] :] = p["layers_0/bias_n"]
    return {
        "layers.weight_ih_l0": p["embed/unigram/embedding"].T,
        "layers.weight_hh_l0": kernel.T,
        "layers.bias_ih_l0": bias,
        "layers.bias_hh_l0": second,
        "head.weight": p["head/kernel"].T,
        "head.bias": p["head/bias"],
    }


def _tcn(family: Family, p: Weights) -> Weights:
    weights = {
        "embed.weight": p["embed/unigram/embedding"],
        "norm.weight": p["norm/scale"],
        "norm.bias": p["norm/bias"],
        "head.weight": p["head/kernel"].T,
        "head.bias": p["head/bias"],
    }
    for level in range(family.layers):
        for name in ("conv1", "conv2"):
            ours, theirs = f"blocks_{level}/{name}", f"blocks.{level}.{name}.conv"
            weights |= {
                f"{theirs}.parametrizations.weight.original0": p[f"{ours}/magnitude"][:, None, None],
                f"{theirs}.parametrizations.weight.original1": p[f"{ours}/direction"].transpose(2, 1, 0),
                f"{theirs}.bias": p[f"{ours}/bias"],
            }
    return weights


def _gpt(family: Family, p: Weights) -> Weights:
    weights = {
        "embedding.weight": p["embed/unigram/embedding"],
        "positions.weight": p["position_embedding"],
        "norm.weight": p["norm/scale"],
    }
    for layer in range(family.layers):
        ours, theirs = f"blocks_{layer}", f"blocks.{layer}"
        for name in ("norm1", "norm2"):
            weights[f"{theirs}.{name}.weight"] = p[f"{ours}/{name}/scale"]
        for name in ("attention/qkv", "attention/out", "up", "down"):
            weights[f"{theirs}.{name.replace('/', '.')}.weight"] = p[f"{ours}/{name}/kernel"].T
    return weights
