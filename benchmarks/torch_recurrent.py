"""The PyTorch peer of the LSTM and GRU language models: `nn.LSTM` or `nn.GRU` over one-hot tokens."""

from typing import Literal

from torch import Tensor, nn
from torch.nn import functional as F


class Recurrent(nn.Module):
    """Tokens to logits of each next token."""

    def __init__(self, kind: Literal["lstm", "gru"], vocabulary_size: int, layers: int, width: int) -> None:
        super().__init__()
        self.vocabulary_size = vocabulary_size
        network = {"lstm": nn.LSTM, "gru": nn.GRU}[kind]
        self.layers = network(vocabulary_size, width, layers, batch_first=True)
        self.head = nn.Linear(width, vocabulary_size)

    def forward(self, tokens: Tensor) -> Tensor:
        """Maps [b, t] to [b, t, v]."""
        x = F.one_hot(tokens, self.vocabulary_size).float()
        return self.head(self.layers(x)[0])
