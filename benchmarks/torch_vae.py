"""The PyTorch peers of the autoencoders, and their training step; imported in the process that runs it only.

The same networks as `rgnn_jax.models.conv_autoencoder` (the beta-VAE paper's, at 64x64) and
`rgnn_jax.models.mlp_autoencoder`. PyTorch has its default number of threads.
"""

from collections import OrderedDict
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from vae_families import Form, VAEFamily


class VAE(nn.Module):
    """An encoder to means and log-variances, a decoder to logits."""

    def __init__(self, encoder: nn.Module, decoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits at a sample of the posterior, its mean and its log-variance."""
        z_mean, z_logvar = self.encoder(images).chunk(2, dim=1)
        z = z_mean + torch.exp(0.5 * z_logvar) * torch.randn_like(z_mean)
        return self.decoder(z), z_mean, z_logvar


def conv_vae(family: VAEFamily) -> VAE:
    """Higgins et al. (2017), table 1."""
    channels = family.image_shape[-1]
    encoder = OrderedDict(
        conv_0=nn.Conv2d(channels, 32, 4, 2, 1),
        relu_0=nn.ReLU(),
        conv_1=nn.Conv2d(32, 32, 4, 2, 1),
        relu_1=nn.ReLU(),
        conv_2=nn.Conv2d(32, 64, 4, 2, 1),
        relu_2=nn.ReLU(),
        conv_3=nn.Conv2d(64, 64, 4, 2, 1),
        relu_3=nn.ReLU(),
        flatten=nn.Flatten(),
        hidden_0=nn.Linear(1024, 256),
        relu_4=nn.ReLU(),
        output=nn.Linear(256, 2 * family.z_dim),
    )
    decoder = OrderedDict(
        hidden_0=nn.Linear(family.z_dim, 256),
        relu_0=nn.ReLU(),
        hidden_1=nn.Linear(256, 1024),
        relu_1=nn.ReLU(),
        unflatten=nn.Unflatten(1, (64, 4, 4)),
        conv_0=nn.ConvTranspose2d(64, 64, 4, 2, 1),
        relu_2=nn.ReLU(),
        conv_1=nn.ConvTranspose2d(64, 32, 4, 2, 1),
        relu_3=nn.ReLU(),
        conv_2=nn.ConvTranspose2d(32, 32, 4, 2, 1),
        relu_4=nn.ReLU(),
        output=nn.ConvTranspose2d(32, channels, 4, 2, 1),
    )
    return VAE(nn.Sequential(encoder), nn.Sequential(decoder))


def mlp_vae(family: VAEFamily) -> VAE:
    """784-400-20 with SiLU."""
    height, width, channels = family.image_shape
    pixels = height * width * channels
    encoder = OrderedDict(
        flatten=nn.Flatten(),
        hidden_0=nn.Linear(pixels, 400),
        silu=nn.SiLU(),
        output=nn.Linear(400, 2 * family.z_dim),
    )
    decoder = OrderedDict(
        hidden_0=nn.Linear(family.z_dim, 400),
        silu=nn.SiLU(),
        output=nn.Linear(400, pixels),
        unflatten=nn.Unflatten(1, (channels, height, width)),
    )
    return VAE(nn.Sequential(encoder), nn.Sequential(decoder))


def make_model(family: VAEFamily, weights: Path) -> VAE:
    """The family's network, with the weights that our side saved."""
    model = conv_vae(family) if family.name == "conv" else mlp_vae(family)
    with np.load(weights) as saved:
        model.load_state_dict({name: torch.tensor(saved[name]) for name in saved.files})
    return model


class Trainer:
    """Forward, Bernoulli likelihood and KL divergence, backward and Adam."""

    def __init__(
        self, family: VAEFamily, images: np.ndarray, weights: Path, form: Form, device: str = "cpu"
    ) -> None:
        memory_format = torch.channels_last if form == "channels_last" else torch.contiguous_format
        self._model = make_model(family, weights).to(device, memory_format=memory_format).train()
        self._forward = torch.compile(self._model) if form == "compiled" else self._model
        self._optimizer = torch.optim.Adam(self._model.parameters(), 1e-4, betas=(0.9, 0.999))
        pictures = torch.tensor(images, device=device).permute(0, 1, 4, 2, 3).float() / 255
        self._batches = [batch.contiguous(memory_format=memory_format) for batch in pictures]
        self._taken = 0

    def run(self, steps: int) -> float:
        """Takes steps and returns the loss at the last one, in nats a picture."""
        loss = torch.zeros(())
        for _ in range(steps):
            images = self._batches[self._taken % len(self._batches)]
            logits, z_mean, z_logvar = self._forward(images)
            reconstruction = F.binary_cross_entropy_with_logits(logits, images, reduction="sum")
            kl = 0.5 * (z_mean.square() + z_logvar.exp() - z_logvar - 1).sum()
            loss = (reconstruction + kl) / len(images)
            self._optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self._optimizer.step()
            self._taken += 1
        return loss.item()
