"""Both libraries' autoencoders compute the same function from the same weights."""

from functools import partial
from pathlib import Path

import jax
import numpy as np
import pytest
from vae_families import FAMILIES, VAEFamily, to_torch

torch = pytest.importorskip("torch", reason="PyTorch is needed by the benchmarks only")


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_codes_and_logits_agree(family: VAEFamily, tmp_path: Path) -> None:
    import jax_vae
    import torch_vae
    from jax_trainer import save_weights

    model = jax_vae.make_model(family)
    images = jax.random.uniform(jax.random.key(1), (2, *family.image_shape))
    params = jax.jit(model.init)(jax.random.key(0), images)["params"]
    # Initial values hide a mistake where they are all alike, as zeros of a bias are.
    keys = iter(jax.random.split(jax.random.key(2), len(jax.tree.leaves(params))))
    params = jax.tree.map(lambda p: p + 0.02 * jax.random.normal(next(keys), p.shape), params)
    save_weights(tmp_path / "weights.npz", partial(to_torch, family), params)
    peer = torch_vae.make_model(family, tmp_path / "weights.npz").eval()
    with torch.no_grad():
        pictures = torch.from_numpy(np.array(images)).permute(0, 3, 1, 2)
        z_mean, z_logvar = (part.numpy() for part in peer.encoder(pictures).chunk(2, dim=1))
        logits = peer.decoder(torch.from_numpy(z_mean)).permute(0, 2, 3, 1).numpy()
    ours = jax.jit(lambda params, images: model.apply({"params": params}, images, method="encode"))
    for actual, expected in zip(ours(params, images), (z_mean, z_logvar), strict=True):
        assert np.abs(expected).max() > 0.1
        np.testing.assert_allclose(actual, expected, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(jax.jit(model.apply)({"params": params}, images), logits, rtol=1e-3, atol=1e-3)
