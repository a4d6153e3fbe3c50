"""Writes dcgan.npz: what PyTorch's layers make of known weights, as a pair of `rgnn_jax.models.dcgan`.

python tests/golden/make_dcgan.py
"""

from pathlib import Path

import numpy as np
import torch
from torch import nn

COUNT, SIDE, CHANNELS, WIDTH, Z_DIM = 5, 16, 3, 2, 6


def generator() -> nn.Sequential:
    """Radford et al. (2016), of 16x16 pictures: a dense layer and two transposed convolutions."""
    net = nn.Sequential()
    net.add_module("input", nn.Linear(Z_DIM, 16 * 2 * WIDTH, bias=False))
    net.add_module("unflatten", nn.Unflatten(1, (2 * WIDTH, 4, 4)))
    net.add_module("norm_0", nn.BatchNorm2d(2 * WIDTH))
    net.add_module("relu_0", nn.ReLU())
    net.add_module("conv_1", nn.ConvTranspose2d(2 * WIDTH, WIDTH, 4, 2, 1, bias=False))
    net.add_module("norm_1", nn.BatchNorm2d(WIDTH))
    net.add_module("relu_1", nn.ReLU())
    net.add_module("output", nn.ConvTranspose2d(WIDTH, CHANNELS, 4, 2, 1))
    return net


def discriminator() -> nn.Sequential:
    """Its mirror image, with a linear layer at the end."""
    net = nn.Sequential()
    net.add_module("conv_0", nn.Conv2d(CHANNELS, WIDTH, 4, 2, 1))
    net.add_module("leaky_0", nn.LeakyReLU(0.2))
    net.add_module("conv_1", nn.Conv2d(WIDTH, 2 * WIDTH, 4, 2, 1, bias=False))
    net.add_module("norm_1", nn.BatchNorm2d(2 * WIDTH))
    net.add_module("leaky_1", nn.LeakyReLU(0.2))
    net.add_module("flatten", nn.Flatten())
    net.add_module("score", nn.Linear(16 * 2 * WIDTH, 1))
    return net


def main() -> None:
    torch.manual_seed(0)
    players = {"generator": generator(), "discriminator": discriminator()}
    arrays = {}
    for player, net in players.items():
        for name, parameter in net.named_parameters():
            parameter.data += 0.3 * torch.randn_like(parameter)
            arrays[f"parameter/{player}.{name}"] = parameter.detach().numpy()
    z, pictures = torch.randn(COUNT, Z_DIM), 2 * torch.rand(COUNT, CHANNELS, SIDE, SIDE) - 1
    with torch.no_grad():
        arrays["logits"] = players["generator"](z).permute(0, 2, 3, 1).numpy()
        arrays["scores"] = players["discriminator"](pictures)[:, 0].numpy()
    arrays |= {"z": z.numpy(), "pictures": pictures.permute(0, 2, 3, 1).numpy()}
    np.savez_compressed(Path(__file__).with_name("dcgan.npz"), **arrays)


if __name__ == "__main__":
    main()
