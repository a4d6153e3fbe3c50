"""The PyTorch peer of the LSTM language model: `nn.LSTM` over token embeddings, run eagerly.

The same work as ours a step: forward pass, cross entropy, backward pass, gradient clipping, Adam. With
`embedding` 0 the tokens are one-hot rows, as in the usual character model.
"""

import dataclasses

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclasses.dataclass(frozen=True)
class Recipe:
    """Sizes and settings of a run."""

    vocabulary_size: int = 64
    layers: int = 1
    width: int = 256
    embedding: int = 0
    dropout: float = 0.0
    learning_rate: float = 1e-3
    clip_norm: float = 1.0


class LSTM(nn.Module):
    """Tokens to logits of each next token."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        self.recipe = recipe
        features = recipe.embedding or recipe.vocabulary_size
        self.embed = nn.Embedding(recipe.vocabulary_size, features) if recipe.embedding else None
        between = recipe.dropout if recipe.layers > 1 else 0.0
        self.lstm = nn.LSTM(features, recipe.width, recipe.layers, batch_first=True, dropout=between)
        self.drop = nn.Dropout(recipe.dropout)
        self.head = nn.Linear(recipe.width, recipe.vocabulary_size)

    def forward(self, tokens: Tensor) -> Tensor:
        """Maps [b, t] to [b, t, v]."""
        if self.embed is None:
            x = F.one_hot(tokens, self.recipe.vocabulary_size).float()
        else:
            x = self.embed(tokens)
        return self.head(self.drop(self.lstm(x)[0]))


class Trainer:
    """A model, its optimizer, and one training step."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.model = LSTM(recipe)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=recipe.learning_rate)

    def step(self, window: Tensor) -> float:
        """One update on a window of tokens [b, t + 1]; returns the loss before it, in nats a token."""
        tokens, targets = window[:, :-1], window[:, 1:]
        self.optimizer.zero_grad(set_to_none=True)
        loss = F.cross_entropy(self.model(tokens).flatten(0, 1), targets.flatten())
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.clip_norm)
        self.optimizer.step()
        return loss.item()
