"""Greedy decoding with PyTorch, a Python loop a token; in the process that runs it, and there only."""

from collections.abc import Callable
from pathlib import Path

import torch
import torch_gpt
import torch_side
import torch_tcn
from families import Family
from torch import Tensor, nn
from torch.nn import functional as F
from torch_recurrent import Recurrent


def decoder(family: Family, weights: Path, *, cell: bool) -> Callable[[int], list[int]]:
    """A function that continues token 0 by so many tokens, with the weights that our side saved.

    Args:
        family: the network.
        weights: where they are.
        cell: for the LSTM, whether the loop is over `nn.LSTMCell`.
    """
    model = torch_side.make_model(family, weights).eval()
    first = torch.zeros(1, dtype=torch.long)

    def run(count: int) -> list[int]:
        match model:
            case Recurrent():
                tokens = loop_over_cell(model, first, count) if cell else loop_over_lstm(model, first, count)
            case torch_tcn.TCN():
                tokens = torch_tcn.Decoder(model).generate(first, count)[0]
            case _:
                tokens = torch_gpt.decode(model, first[None].numpy(), count)[0]
        return tokens.tolist()

    return run


@torch.inference_mode()
def loop_over_lstm(model: Recurrent, token: Tensor, count: int) -> Tensor:
    """The `count` most probable tokens after `token` [1], one call of `nn.LSTM` each."""
    state, chosen = None, []
    for _ in range(count):
        x = F.one_hot(token[None], model.vocabulary_size).float()
        output, state = model.layers(x, state)
        token = model.head(output[:, 0]).argmax(-1)
        chosen.append(token)
    return torch.cat(chosen)


@torch.inference_mode()
def loop_over_cell(model: Recurrent, token: Tensor, count: int) -> Tensor:
    """The same through `nn.LSTMCell`, which does less in each call."""
    cell = nn.LSTMCell(model.vocabulary_size, model.layers.hidden_size)
    weights = model.layers.state_dict()
    cell.load_state_dict({name: weights[f"{name}_l0"] for name in cell.state_dict()})
    state, chosen = None, []
    for _ in range(count):
        state = cell(F.one_hot(token, model.vocabulary_size).float(), state)
        token = model.head(state[0]).argmax(-1)
        chosen.append(token)
    return torch.cat(chosen)
