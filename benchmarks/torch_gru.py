"""The PyTorch peer of the GRU language model: `nn.GRU` over one-hot tokens, run eagerly."""

import torch_lstm
from torch import Tensor, nn
from torch.nn import functional as F


class GRU(nn.Module):
    """Tokens to logits of each next token."""

    def __init__(self, recipe: torch_lstm.Recipe) -> None:
        super().__init__()
        self.recipe = recipe
        self.gru = nn.GRU(recipe.vocabulary_size, recipe.width, recipe.layers, batch_first=True)
        self.head = nn.Linear(recipe.width, recipe.vocabulary_size)

    def forward(self, tokens: Tensor) -> Tensor:
        """Maps [b, t] to [b, t, v]."""
        x = F.one_hot(tokens, self.recipe.vocabulary_size).float()
        return self.head(self.gru(x)[0])
