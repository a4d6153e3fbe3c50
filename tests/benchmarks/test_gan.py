"""Both libraries' DCGANs compute the same functions from the same weights."""

from functools import partial

import jax
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is needed by the benchmarks only")


def test_pictures_and_scores_agree(tmp_path):
    import jax_gan
    import torch_gan
    from jax_trainer import save_weights

    from rgnn_jax.models.dcgan import DCGAN, DCGANConfig

    width, z_dim = 2, 5
    model = DCGAN(DCGANConfig(z_dim=z_dim, width=width), (64, 64, 3))
    z = jax.random.normal(jax.random.key(1), (3, z_dim))
    images = jax.random.uniform(jax.random.key(2), (3, 64, 64, 3)) * 2 - 1
    params = jax.jit(model.init)(jax.random.key(0), z, jax.numpy.zeros(3, int))["params"]
    keys = iter(jax.random.split(jax.random.key(3), len(jax.tree.leaves(params))))
    params = jax.tree.map(lambda p: p + 0.02 * jax.random.normal(next(keys), p.shape), params)
    save_weights(tmp_path / "weights.npz", partial(jax_gan.to_torch, width), params)
    bytes_ = np.zeros((1, 3, 64, 64, 3), np.uint8)
    peer = torch_gan.Trainer(bytes_, z_dim, width, tmp_path / "weights.npz")
    with torch.no_grad():
        logits = peer.generator(torch.from_numpy(np.array(z))).permute(0, 2, 3, 1).numpy()
        scores = peer.discriminator(torch.from_numpy(np.array(images)).permute(0, 3, 1, 2))[:, 0].numpy()
    found, _ = model.apply({"params": params}, z, train=True, method="decode", mutable=["moved"])
    np.testing.assert_allclose(found, logits, rtol=1e-3, atol=1e-3)
    verdict, _ = model.apply({"params": params}, images, train=True, method="judge", mutable=["moved"])
    np.testing.assert_allclose(verdict.scores, scores, rtol=1e-3, atol=1e-3)
    assert np.isfinite(peer.run(1))
