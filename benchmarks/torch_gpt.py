"""The PyTorch peer of the Transformer: nanoGPT's architecture and CPU recipe, written from the description.

The recipe is the one nanoGPT gives for a laptop without a GPU on tiny shakespeare: 4 layers, 4 heads,
width 128, windows of 64 characters, batch 12, 2,000 steps, no dropout, no biases, learned positions, tied
embeddings. PyTorch runs eagerly with its default number of threads.
"""

import dataclasses
import math
import time
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclasses.dataclass(frozen=True)
class Recipe:
    """Sizes and settings of a run; the defaults are nanoGPT's CPU recipe."""

    layers: int = 4
    heads: int = 4
    width: int = 128
    window: int = 64
    batch_size: int = 12
    steps: int = 2000
    dropout: float = 0.0
    use_bias: bool = False
    learning_rate: float = 1e-3
    final_learning_rate: float = 1e-4
    warmup_steps: int = 100
    weight_decay: float = 0.1
    betas: tuple[float, float] = (0.9, 0.99)
    clip_norm: float = 1.0


Cache = list[tuple[Tensor, Tensor]]


class Attention(nn.Module):
    """Causal multi-head attention through `F.scaled_dot_product_attention`."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        self.heads = recipe.heads
        self.dropout = recipe.dropout
        self.qkv = nn.Linear(recipe.width, 3 * recipe.width, bias=recipe.use_bias)
        self.out = nn.Linear(recipe.width, recipe.width, bias=recipe.use_bias)

    def project(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values, each [b, h, t, d]."""
        batch, time_, width = x.shape
        split = self.qkv(x).view(batch, time_, 3, self.heads, width // self.heads)
        query, key, value = split.permute(2, 0, 3, 1, 4)
        return query, key, value

    def forward(self, x: Tensor) -> Tensor:
        """Every position attends to itself and to what came before."""
        query, key, value = self.project(x)
        dropout = self.dropout if self.training else 0.0
        mixed = F.scaled_dot_product_attention(query, key, value, dropout_p=dropout, is_causal=True)
        return F.dropout(self.out(mixed.transpose(1, 2).flatten(2)), self.dropout, self.training)

    def step(self, x: Tensor, cache: tuple[Tensor, Tensor], position: int) -> Tensor:
        """One position, [b, 1, d], after `position` cached ones."""
        query, key, value = self.project(x)
        keys, values = cache
        keys[:, :, position] = key[:, :, 0]
        values[:, :, position] = value[:, :, 0]
        seen = position + 1
        mixed = F.scaled_dot_product_attention(query, keys[:, :, :seen], values[:, :, :seen])
        return self.out(mixed.transpose(1, 2).flatten(2))


class Block(nn.Module):
    """Pre-LN attention and GELU perceptron, each added to its input."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(recipe.width, bias=recipe.use_bias)
        self.attention = Attention(recipe)
        self.norm2 = nn.LayerNorm(recipe.width, bias=recipe.use_bias)
        self.up = nn.Linear(recipe.width, 4 * recipe.width, bias=recipe.use_bias)
        self.down = nn.Linear(4 * recipe.width, recipe.width, bias=recipe.use_bias)
        self.dropout = recipe.dropout

    def feed_forward(self, x: Tensor) -> Tensor:
        """The perceptron's share of the residual stream."""
        x = self.down(F.gelu(self.up(self.norm2(x))))
        return F.dropout(x, self.dropout, self.training)

    def forward(self, x: Tensor) -> Tensor:
        """The block over whole sequences."""
        x = x + self.attention(self.norm1(x))
        return x + self.feed_forward(x)

    def step(self, x: Tensor, cache: tuple[Tensor, Tensor], position: int) -> Tensor:
        """The block over one position."""
        x = x + self.attention.step(self.norm1(x), cache, position)
        return x + self.feed_forward(x)


class GPT(nn.Module):
    """nanoGPT's language model: learned positions, pre-LN blocks, a head tied to the embedding."""

    def __init__(self, vocabulary_size: int, recipe: Recipe) -> None:
        super().__init__()
        self.recipe = recipe
        self.embedding = nn.Embedding(vocabulary_size, recipe.width)
        self.positions = nn.Embedding(recipe.window, recipe.width)
        self.blocks = nn.ModuleList(Block(recipe) for _ in range(recipe.layers))
        self.norm = nn.LayerNorm(recipe.width, bias=recipe.use_bias)
        for name, parameter in self.named_parameters():
            residual = name.endswith(("attention.out.weight", "down.weight"))
            if parameter.ndim == 2:
                nn.init.normal_(parameter, std=0.02 / (math.sqrt(2 * recipe.layers) if residual else 1.0))
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits [b, t, v] of each next token."""
        x = self.embedding(tokens) + self.positions.weight[: tokens.shape[1]]
        x = F.dropout(x, self.recipe.dropout, self.training)
        for block in self.blocks:
            x = block(x)
        return F.linear(self.norm(x), self.embedding.weight)

    def init_cache(self, batch: int) -> Cache:
        """Room for a whole window of keys and values in every layer."""
        recipe = self.recipe
        shape = (batch, recipe.heads, recipe.window, recipe.width // recipe.heads)
        return [(torch.zeros(shape), torch.zeros(shape)) for _ in range(recipe.layers)]

    def step(self, token: Tensor, cache: Cache, position: int) -> Tensor:
        """Logits [b, v] after one more token; writes into the cache."""
        x = self.embedding(token)[:, None] + self.positions.weight[position]
        for block, layer in zip(self.blocks, cache, strict=True):
            x = block.step(x, layer, position)
        return F.linear(self.norm(x[:, 0]), self.embedding.weight)


def make_optimizer(model: GPT, recipe: Recipe) -> torch.optim.AdamW:
    """AdamW that decays matrices and spares vectors."""
    parameters = list(model.parameters())
    groups = [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": recipe.weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=recipe.learning_rate, betas=recipe.betas)


def learning_rate(recipe: Recipe, step: int, progress: float) -> float:
    """Linear warm-up, then a cosine in the run's progress down to the final rate."""
    if step < recipe.warmup_steps:
        return recipe.learning_rate * (step + 1) / (recipe.warmup_steps + 1)
    cosine = 0.5 * (1.0 + math.cos(math.pi * min(progress, 1.0)))
    return recipe.final_learning_rate + cosine * (recipe.learning_rate - recipe.final_learning_rate)


def train_step(
    model: GPT, optimizer: torch.optim.Optimizer, tokens: Tensor, targets: Tensor, clip_norm: float = 1.0
) -> float:
    """One update, and the loss before it in nats a character."""
    logits = model(tokens)
    loss = F.cross_entropy(logits.flatten(0, 1), targets.flatten())
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), clip_norm)
    optimizer.step()
    return loss.item()


@dataclasses.dataclass(frozen=True)
class Result:
    """A trained model, the wall-clock seconds it took and the curve as (step, seconds, nats)."""

    model: GPT
    seconds: float
    curve: list[tuple[int, float, float]]


def train(codes: np.ndarray, vocabulary_size: int, seed: int, seconds: float | None = None) -> Result:
    """Trains on windows drawn at random from `codes`.

    Args:
        codes: the training text as integers.
        vocabulary_size: the number of distinct codes.
        seed: of the weights and of the windows.
        seconds: where given, the run's length instead of the recipe's steps, and the schedule follows it.
    """
    recipe = Recipe()
    start = time.perf_counter()
    torch.manual_seed(seed)
    model = GPT(vocabulary_size, recipe).train()
    optimizer = make_optimizer(model, recipe)
    text = torch.as_tensor(codes, dtype=torch.long)
    offsets = torch.arange(recipe.window + 1)
    curve: list[tuple[int, float, float]] = []
    step, elapsed, done = 0, 0.0, False
    while not done:
        decay = max(recipe.steps - recipe.warmup_steps, 1)
        progress = (step - recipe.warmup_steps) / decay if seconds is None else elapsed / seconds
        optimizer.param_groups[0]["lr"] = optimizer.param_groups[1]["lr"] = learning_rate(
            recipe, step, progress
        )
        starts = torch.randint(len(text) - recipe.window, (recipe.batch_size,))
        windows = text[starts[:, None] + offsets]
        loss = train_step(model, optimizer, windows[:, :-1], windows[:, 1:], recipe.clip_norm)
        step, elapsed = step + 1, time.perf_counter() - start
        done = step >= recipe.steps if seconds is None else elapsed >= seconds
        if done or step % 50 == 0:
            curve.append((step, elapsed, loss))
    return Result(model.eval(), elapsed, curve)


def _batches(windows: Tensor, size: int = 64) -> Iterator[Tensor]:
    yield from windows.split(size)


@torch.no_grad()
def evaluate_windows(model: GPT, codes: np.ndarray, window: int = 64) -> float:
    """Nats a character over disjoint windows, each read from nothing; the last, shorter one counts too."""
    text = torch.as_tensor(codes, dtype=torch.long)
    count = len(text) - 1
    whole = count // window * window
    pieces = [(text[:whole].view(-1, window), text[1 : whole + 1].view(-1, window))]
    if whole < count:
        pieces.append((text[None, whole:-1], text[None, whole + 1 :]))
    total = 0.0
    for tokens, targets in pieces:
        for read, wanted in zip(_batches(tokens), _batches(targets), strict=True):
            total += F.cross_entropy(model(read).flatten(0, 1), wanted.flatten(), reduction="sum").item()
    return total / count


@torch.no_grad()
def evaluate_overlapping(model: GPT, codes: np.ndarray, window: int = 64, stride: int = 32) -> float:
    """Nats a character over windows that move by `stride`, each scored in the first window to hold it.

    All but the first window's characters have at least `window - stride` before them.
    """
    text = torch.as_tensor(codes, dtype=torch.long)
    count = len(text) - 1
    starts = [*range(0, max(count - window, 0), stride), max(count - window, 0)]
    window = min(window, count)
    offsets = torch.arange(window)
    total, scored = 0.0, 0
    for batch in _batches(torch.tensor(starts)):
        index = batch[:, None] + offsets
        losses = F.cross_entropy(model(text[index]).transpose(1, 2), text[index + 1], reduction="none")
        for first, row in zip(batch.tolist(), losses, strict=True):
            total += row[scored - first :].sum().item()
            scored = first + window
    return total / count


@torch.no_grad()
def decode(model: GPT, prompt: np.ndarray, count: int) -> np.ndarray:
    """Greedy continuation of `prompt` [b, t] by `count` characters [b, count], with a key/value cache."""
    tokens = torch.as_tensor(prompt, dtype=torch.long)
    cache = model.init_cache(len(tokens))
    logits = torch.empty(0)
    for position in range(tokens.shape[1]):
        logits = model.step(tokens[:, position], cache, position)
    chosen = []
    for position in range(tokens.shape[1], tokens.shape[1] + count):
        chosen.append(logits.argmax(-1))
        if len(chosen) < count:
            logits = model.step(chosen[-1], cache, position)
    return torch.stack(chosen, 1).numpy()
