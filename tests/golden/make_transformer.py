"""Writes transformer.npz: what PyTorch's attention and a small GPT give on known weights.

python tests/golden/make_transformer.py
"""

import dataclasses
import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
from torch_gpt import GPT, Recipe


def attention() -> dict[str, torch.Tensor]:
    """`nn.MultiheadAttention` under a causal mask."""
    torch.manual_seed(0)
    layer = nn.MultiheadAttention(8, 2, batch_first=True)
    nn.init.normal_(layer.in_proj_bias, std=0.5)
    nn.init.normal_(layer.out_proj.bias, std=0.5)
    x = torch.randn(2, 5, 8, requires_grad=True)
    mask = nn.Transformer.generate_square_subsequent_mask(5)
    y, _ = layer(x, x, x, attn_mask=mask, need_weights=False, is_causal=True)
    y.square().sum().backward()
    values = {f"attention/{name}": p for name, p in layer.named_parameters()}
    return values | {"attention/x": x, "attention/y": y, "attention/gradient/x": x.grad}


def gpt(use_bias: bool) -> dict[str, torch.Tensor]:
    """The logits of a GPT, the gradients of its loss, and its first block on its own."""
    torch.manual_seed(1)
    recipe = dataclasses.replace(Recipe(), layers=2, heads=2, width=8, window=6, use_bias=use_bias)
    model = GPT(7, recipe)
    for parameter in model.parameters():
        nn.init.normal_(parameter, mean=float(parameter.ndim == 1), std=0.4)
    tokens = torch.randint(7, (2, 7))
    stream = torch.randn(2, 6, 8)
    logits = model(tokens[:, :-1])
    F.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten()).backward()
    values = {"tokens": tokens, "logits": logits, "stream": stream, "block": model.blocks[0](stream)}
    for name, parameter in model.named_parameters():
        values |= {f"parameter/{name}": parameter, f"gradient/{name}": parameter.grad}
    prefix = "gpt_bias" if use_bias else "gpt"
    return {f"{prefix}/{name}": value for name, value in values.items()}


if __name__ == "__main__":
    arrays = attention() | gpt(use_bias=False) | gpt(use_bias=True)
    arrays = {name: array.detach().numpy() for name, array in arrays.items()}
    np.savez_compressed(Path(__file__).with_name("transformer.npz"), **arrays)
