"""What the discriminator's pictures are changed by."""

import jax
import jax.numpy as jnp
import numpy as np

from rgnn_jax.models.picture_augmentation import augment, cutout, translation

KEY = jax.random.key(0)


def test_augmentation_changes_each_picture_and_passes_gradients():
    pictures = jax.random.uniform(KEY, (32, 16, 16, 3))
    changed, back = jax.vjp(lambda x: augment(x, ("colour", "translation", "cutout"), KEY), pictures)
    assert changed.shape == pictures.shape
    assert np.abs(changed - pictures).max((1, 2, 3)).min() > 0.01
    assert np.isfinite(back(jnp.ones_like(changed))[0]).all()
    np.testing.assert_array_equal(augment(pictures, (), KEY), pictures)


def test_translation_moves_by_up_to_an_eighth_and_cutout_leaves_a_hole():
    dot = jnp.zeros((64, 16, 16, 1)).at[:, 8, 8].set(1.0)
    moved = np.asarray(translation(dot, KEY))
    places = np.argwhere(moved[..., 0])
    assert len(places) == 64 and np.abs(places[:, 1:] - 8).max() == 2
    assert len(np.unique(places[:, 1])) == len(np.unique(places[:, 2])) == 5
    cut = np.asarray(cutout(jnp.ones((64, 16, 16, 1)), KEY))
    assert cut.sum((1, 2, 3)).min() == 16 * 16 - 8 * 8 and set(np.unique(cut)) == {0.0, 1.0}
