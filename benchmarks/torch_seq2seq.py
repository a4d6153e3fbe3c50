"""The PyTorch peer of the document's encoder-decoder; in the process that runs it, and there only."""

from pathlib import Path

import numpy as np
import torch
from seq2seq_families import ANSWER, QUERY, SYMBOLS, Seq2SeqFamily
from torch import Tensor, nn
from torch.nn import functional as F


class Seq2Seq(nn.Module):
    """`nn.LSTM`, its last state repeated, `nn.LSTM`, a linear layer."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.encoder = nn.LSTM(SYMBOLS, width, batch_first=True)
        self.decoder = nn.LSTM(width, width, batch_first=True)
        self.head = nn.Linear(width, SYMBOLS)

    def forward(self, queries: Tensor) -> Tensor:
        """Maps queries [b, s] to logits of their answers' symbols [b, t, v]."""
        _, (summary, _) = self.encoder(F.one_hot(queries, SYMBOLS).float())
        repeated = summary[0][:, None].expand(-1, ANSWER, -1)
        return self.head(self.decoder(repeated)[0])


def make_model(family: Seq2SeqFamily, weights: Path) -> Seq2Seq:
    """The network with the weights that our side saved."""
    model = Seq2Seq(family.width)
    with np.load(weights) as saved:
        model.load_state_dict({name: torch.tensor(saved[name]) for name in saved.files})
    return model


class Trainer:
    """Forward, cross-entropy, backward, clipping and Adam, run eagerly."""

    def __init__(
        self, family: Seq2SeqFamily, queries: np.ndarray, answers: np.ndarray, weights: Path
    ) -> None:
        self._model = make_model(family, weights).train()
        self._optimizer = torch.optim.Adam(self._model.parameters(), 1e-3, betas=(0.9, 0.99))
        size = family.batch_size
        self._queries = torch.tensor(queries, dtype=torch.long).reshape(-1, size, queries.shape[1])
        self._answers = torch.tensor(answers, dtype=torch.long).reshape(-1, size, answers.shape[1])
        self._taken = 0

    def run(self, steps: int) -> float:
        """Takes steps and returns the loss at the last one, in nats a symbol."""
        loss = torch.zeros(())
        for _ in range(steps):
            place = self._taken % len(self._queries)
            logits = self._model(self._queries[place])
            loss = F.cross_entropy(logits.flatten(0, 1), self._answers[place].flatten())
            self._optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(self._model.parameters(), 1.0)
            self._optimizer.step()
            self._taken += 1
        return loss.item()


class Decoder:
    """Greedy answers to queries, a call of `nn.LSTM` a symbol as a decoder makes them, or one for all.

    Attributes:
        stepwise: a symbol at a time, which is what a decoder that reads its last symbol must do; this one
            need not, and one call for all symbols is the quicker peer.
    """

    def __init__(
        self, family: Seq2SeqFamily, queries: np.ndarray, weights: Path, at_once: int, *, stepwise: bool
    ) -> None:
        self._model, self._stepwise = make_model(family, weights).eval(), stepwise
        self._batches = torch.tensor(queries, dtype=torch.long).split(at_once)

    @torch.inference_mode()
    def run(self, times: int) -> list[list[int]]:
        """Answers all queries so many times."""
        found = torch.zeros(())
        for _ in range(times):
            found = torch.cat([self._answer(queries) for queries in self._batches])
        return found.tolist()

    def _answer(self, queries: Tensor) -> Tensor:
        model = self._model
        if not self._stepwise:
            return model(queries).argmax(-1)
        _, (summary, _) = model.encoder(F.one_hot(queries, SYMBOLS).float())
        state, chosen = None, []
        for _ in range(ANSWER):
            output, state = model.decoder(summary[0][:, None], state)
            chosen.append(model.head(output[:, 0]).argmax(-1))
        return torch.stack(chosen, dim=1)


class Products:
    """The matrix products that no program can leave out of a step, or of answers, and nothing else.

    A state of zeros need not be multiplied, and the repeated summary once; the small products of symbols
    are left out, as is all that is no product. A gradient takes two products for each one forward: by the
    weights a step at a time, by the inputs for all steps at once.
    """

    def __init__(self, family: Seq2SeqFamily, queries: int, *, gradient: bool) -> None:
        width = family.width
        self._groups = (QUERY - 1, 1, ANSWER - 1)
        self._gradient = gradient
        self._weights = torch.randn(width, 4 * width)
        self._inputs = torch.randn(sum(self._groups) * queries, width)
        self._gates = torch.randn(sum(self._groups) * queries, 4 * width)
        self._queries = queries

    @property
    def operations(self) -> int:
        """Multiplications and additions."""
        once = 2 * self._inputs.numel() * self._weights.shape[1]
        return 3 * once if self._gradient else once

    @torch.inference_mode()
    def run(self, times: int) -> int:
        """Takes the products so many times."""
        inputs, gates = torch.empty_like(self._inputs), torch.empty_like(self._gates)
        kernel = torch.empty_like(self._weights)
        steps = range(0, len(self._inputs), self._queries)
        for _ in range(times):
            for start in steps:
                rows = slice(start, start + self._queries)
                torch.mm(self._inputs[rows], self._weights, out=gates[rows])
            if self._gradient:
                for start in steps:
                    rows = slice(start, start + self._queries)
                    torch.mm(self._gates[rows], self._weights.T, out=inputs[rows])
                for rows in self._inputs.split([count * self._queries for count in self._groups]):
                    torch.mm(rows.T, self._gates[: len(rows)], out=kernel)
        return self.operations
