"""Both libraries answer alike from the same weights."""

from pathlib import Path

import jax
import numpy as np
import pytest
from seq2seq_families import ANSWER, Seq2SeqFamily, random_queries, to_torch

torch = pytest.importorskip("torch", reason="PyTorch is needed by the benchmarks only")


def test_logits_agree(tmp_path: Path) -> None:
    import jax_seq2seq
    import torch_seq2seq
    from jax_trainer import save_weights

    family = Seq2SeqFamily(width=8)
    model, (queries, _) = jax_seq2seq.make_model(family), random_queries(4)
    given = jax.numpy.asarray(queries)
    tokens = jax.numpy.zeros((4, ANSWER), jax.numpy.int32)
    params = jax.jit(model.init)(jax.random.key(0), tokens, given)["params"]
    # Initial values hide a mistake where they are all alike, as zeros of a bias are.
    keys = iter(jax.random.split(jax.random.key(2), len(jax.tree.leaves(params))))
    params = jax.tree.map(lambda p: p + 0.3 * jax.random.normal(next(keys), p.shape), params)
    save_weights(tmp_path / "weights.npz", to_torch, params)
    peer = torch_seq2seq.make_model(family, tmp_path / "weights.npz").eval()
    with torch.no_grad():
        theirs = peer(torch.from_numpy(queries.astype(np.int64))).numpy()
    assert np.abs(theirs).max() > 0.1
    ours = model.apply({"params": params}, tokens, given)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5)
    decoders = [
        torch_seq2seq.Decoder(family, queries, tmp_path / "weights.npz", at_once, stepwise=stepwise).run(1)
        for stepwise in (True, False)
        for at_once in (len(queries), 1)
    ]
    assert all(found == theirs.argmax(-1).tolist() for found in decoders)
