"""What all pairs share: classes, and a discriminator whose kernels may be normalised."""

import jax
import jax.numpy as jnp
import msgspec
import numpy as np
import pytest

from rgnn_jax.models.adversarial import Adversarial
from rgnn_jax.models.dcgan import DCGAN, DCGANConfig
from rgnn_jax.models.gan import default_labels

CONFIG = DCGANConfig(z_dim=4, width=3, discriminator_norm="none", codes=2)
PICTURES = jax.random.normal(jax.random.key(1), (4, 8, 8, 1))
KEY = jax.random.key(0)


def test_random_points_have_all_classes_equally_often():
    labels = default_labels(jax.random.normal(KEY, (4000, 2)), 4)
    assert np.abs(np.bincount(labels, minlength=4) / 4000 - 0.25).max() < 0.03


def test_a_conditional_pair_tells_classes_apart():
    config = msgspec.structs.replace(CONFIG, conditional=True)
    model = DCGAN(config, (8, 8, 1), 3)
    z = jnp.broadcast_to(jax.random.normal(KEY, (1, 4)), (3, 4))
    params = model.init(KEY, z, jnp.arange(3))
    pictures = model.apply(params, z, jnp.arange(3), method="decode")
    scores = model.apply(
        params, jnp.broadcast_to(PICTURES[:1], (3, 8, 8, 1)), jnp.arange(3), method="judge"
    ).scores
    for found in (pictures, scores):
        assert np.abs(np.diff(np.asarray(found), axis=0)).max(axis=tuple(range(1, found.ndim))).min() > 1e-3
    same = model.apply(params, z, method="decode")
    np.testing.assert_allclose(same, model.apply(params, z, default_labels(z, 3), method="decode"))


@pytest.mark.parametrize("spectral", [False, True])
def test_spectral_normalisation_takes_the_size_of_every_kernel_away(spectral):
    config = msgspec.structs.replace(CONFIG, spectral=spectral)
    model = DCGAN(config, (8, 8, 1))
    params = Adversarial(model, config).init(KEY)

    def scored(factor):
        larger = jax.tree_util.tree_map_with_path(
            lambda path, leaf: factor * leaf if path[-1].key == "kernel" else leaf, params
        )
        return model.apply({"params": larger}, PICTURES, method="judge").scores

    assert np.allclose(scored(7.0), scored(1.0), rtol=1e-4, atol=1e-6) == spectral
