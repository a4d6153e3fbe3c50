"""Both libraries compute the same function from the same weights."""

import dataclasses
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from families import FAMILIES, VOCABULARY_SIZE, Family, to_torch

torch = pytest.importorskip("torch", reason="PyTorch is needed by the benchmarks only")

SMALL = {
    name: dataclasses.replace(
        family,
        layers=1 if name in ("lstm", "gru") else 2,
        width=8,
        heads=family.heads and 2,
        context=family.context and 9,
    )
    for name, family in FAMILIES.items()
}


@pytest.mark.parametrize("family", SMALL.values(), ids=SMALL)
def test_logits_agree(family: Family, tmp_path: Path) -> None:
    import jax_side
    import torch_side
    from jax_trainer import save_weights

    model = jax_side.make_model(family)
    tokens = jax.random.randint(jax.random.key(1), (2, 9), 0, VOCABULARY_SIZE)
    params = jax.jit(model.init)(jax.random.key(0), tokens)["params"]
    # Initial values hide a mistake where they are all alike, as zeros of a bias are.
    keys = iter(jax.random.split(jax.random.key(2), len(jax.tree.leaves(params))))
    params = jax.tree.map(lambda p: p + 0.1 * jax.random.normal(next(keys), p.shape), params)
    save_weights(tmp_path / "weights.npz", partial(to_torch, family), params)
    peer = torch_side.make_model(family, tmp_path / "weights.npz").eval()
    with torch.no_grad():
        theirs = peer(torch.from_numpy(np.array(tokens, np.int64))).numpy()
    assert jnp.abs(theirs).max() > 0.1
    np.testing.assert_allclose(model.apply({"params": params}, tokens), theirs, rtol=0, atol=1e-5)
