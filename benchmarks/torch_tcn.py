"""The PyTorch peer of the temporal convolutional network, written from Bai, Kolter & Koltun (2018).

The same network as `rgnn_jax.models.tcn`: residual blocks of two weight-normalised dilated causal
convolutions, whole channels dropped, layer normalisation before the head. PyTorch runs eagerly with its
default number of threads.
"""

import dataclasses

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import weight_norm


@dataclasses.dataclass(frozen=True)
class Recipe:
    """Sizes and settings of the network."""

    vocabulary_size: int = 64
    levels: int = 6
    channels: int = 128
    kernel_size: int = 3
    dropout: float = 0.1


class CausalConv(nn.Module):
    """`nn.Conv1d` under `weight_norm`, padded on the left."""

    def __init__(self, in_features: int, features: int, kernel_size: int, dilation: int) -> None:
        super().__init__()
        self.span = (kernel_size - 1) * dilation
        self.dilation = dilation
        self.conv = weight_norm(nn.Conv1d(in_features, features, kernel_size, dilation=dilation))

    def forward(self, x: Tensor) -> Tensor:
        """Maps [b, d, t] to [b, f, t]."""
        return self.conv(F.pad(x, (self.span, 0)))


class ResidualBlock(nn.Module):
    """relu(x + F(x)), with a 1x1 convolution of x where widths differ."""

    def __init__(
        self, in_features: int, features: int, kernel_size: int, dilation: int, dropout: float
    ) -> None:
        super().__init__()
        self.conv1 = CausalConv(in_features, features, kernel_size, dilation)
        self.conv2 = CausalConv(features, features, kernel_size, dilation)
        self.drop = nn.Dropout1d(dropout)
        self.project = nn.Conv1d(in_features, features, 1) if in_features != features else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Maps [b, d, t] to [b, f, t]."""
        h = self.drop(torch.relu(self.conv1(x)))
        h = self.drop(torch.relu(self.conv2(h)))
        return torch.relu(self.project(x) + h)


class TCN(nn.Module):
    """Tokens to logits of each next token."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        width = recipe.channels
        self.embed = nn.Embedding(recipe.vocabulary_size, width)
        self.blocks = nn.Sequential(
            *(
                ResidualBlock(width, width, recipe.kernel_size, 2**level, recipe.dropout)
                for level in range(recipe.levels)
            )
        )
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, recipe.vocabulary_size)

    def forward(self, tokens: Tensor) -> Tensor:
        """Maps [b, t] to [b, t, v]."""
        h = self.blocks(self.embed(tokens).transpose(1, 2)).transpose(1, 2)
        return self.head(self.norm(h))


class Decoder:
    """Greedy decoding, token by token, with a ring buffer a convolution and kernels computed once."""

    def __init__(self, model: TCN, batch: int = 1) -> None:
        self.model = model.eval()
        self.convs = [conv for block in model.blocks for conv in (block.conv1, block.conv2)]
        with torch.no_grad():
            # [f, d, k] to [k d, f]: the taps of a step, the oldest first, times one matrix.
            self.kernels = [
                conv.conv.weight.permute(2, 1, 0).flatten(0, 1).contiguous() for conv in self.convs
            ]
        self.biases = [conv.conv.bias for conv in self.convs]
        self.rings = [torch.zeros(conv.span, batch, conv.conv.in_channels) for conv in self.convs]
        self.position = 0

    def _conv(self, index: int, x: Tensor) -> Tensor:
        conv, ring = self.convs[index], self.rings[index]
        ages = range(0, conv.span, conv.dilation)
        taps = [ring[(self.position + age) % conv.span] for age in ages]
        y = torch.addmm(self.biases[index], torch.cat([*taps, x], dim=-1), self.kernels[index])
        ring[self.position % conv.span] = x
        return torch.relu(y)

    @torch.no_grad()
    def step(self, token: Tensor) -> Tensor:
        """Reads one token [b]; returns logits [b, v]."""
        h = self.model.embed(token)
        for level in range(len(self.model.blocks)):
            h = torch.relu(h + self._conv(2 * level + 1, self._conv(2 * level, h)))
        self.position += 1
        return self.model.head(self.model.norm(h))

    def generate(self, token: Tensor, count: int) -> Tensor:
        """The `count` most probable tokens after `token` [b], one after the other; returns [b, count]."""
        tokens = []
        for _ in range(count):
            token = self.step(token).argmax(dim=-1)
            tokens.append(token)
        return torch.stack(tokens, dim=1)
