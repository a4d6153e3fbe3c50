"""The autoencoders that are compared, and their weights in PyTorch's names and layouts."""

import dataclasses
from collections.abc import Mapping
from typing import Literal

import numpy as np

Form = Literal["eager", "channels_last", "compiled"]
"""How PyTorch runs: eagerly with its default memory format or channels last, or through `torch.compile`."""

Weights = dict[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class VAEFamily:
    """One network and the batch it learns from.

    Attributes:
        name: as on the command line.
        label: as in tables.
        image_shape: height, width, channels.
        batch_size: pictures a step.
        z_dim: latent dimensions.
        micro_batches: how the batch is dealt on our side on a CPU.
        steps_a_block: steps that are timed together, about a second's.
        devices: virtual CPU devices on our side; 0 for as many as `rgnn train` would choose.
    """

    name: str
    label: str
    image_shape: tuple[int, int, int]
    batch_size: int
    z_dim: int
    micro_batches: int
    steps_a_block: int
    devices: int = 0


FAMILIES = {
    family.name: family
    for family in (
        VAEFamily("conv", "beta-VAE 64x64x3 (Higgins)", (64, 64, 3), 64, 32, 8, steps_a_block=12),
        VAEFamily("mlp", "VAE 784-400-20", (28, 28, 1), 128, 20, 1, steps_a_block=150, devices=1),
    )
}


def to_torch(family: VAEFamily, params: Mapping[str, np.ndarray]) -> Weights:
    """Our parameters, named by their paths, as the state of the PyTorch peer."""
    weights: Weights = {}
    for name, value in params.items():
        layer, _, kind = name.rpartition("/")
        if kind == "bias":
            weights[f"{layer.replace('/', '.')}.bias"] = value
        else:
            # [k, k, in, out] to [out, in, k, k], and for a transposed one [k, k, out, in] to [in, out, k, k].
            axes = (3, 2, 0, 1) if value.ndim == 4 else (1, 0)
            weights[f"{layer.replace('/', '.')}.weight"] = value.transpose(axes)
    if family.name == "conv":
        _reorder_features(weights)
    return weights


def _reorder_features(weights: Weights) -> None:
    """Where a map of features is flattened, ours has the channels last, PyTorch's first."""
    inwards, outwards = "encoder.hidden_0.weight", "decoder.hidden_1"
    channels = weights["encoder.conv_3.bias"].size
    pixels = weights[inwards].shape[1] // channels
    order = np.arange(pixels * channels).reshape(pixels, channels).T.ravel()
    weights[inwards] = weights[inwards][:, order]
    for kind in ("weight", "bias"):
        weights[f"{outwards}.{kind}"] = weights[f"{outwards}.{kind}"][order]
