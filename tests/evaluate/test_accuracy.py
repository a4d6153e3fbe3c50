"""Accuracy of a classifier, counted by hand."""

import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from rgnn_jax.evaluate.accuracy import score_classes


class Brightness(nn.Module):
    """Says class 1 where the first pixel is bright."""

    @nn.compact
    def __call__(self, images, *, train=False):
        return jnp.stack([jnp.zeros(len(images)), 10.0 * images[:, 0, 0, 0] - 5.0], axis=1)


@pytest.mark.parametrize("batch_size", [2, 3, 100])
def test_ragged_batches_are_counted_exactly(batch_size):
    images = np.zeros((5, 2, 2, 1), np.uint8)
    images[[0, 3], 0, 0, 0] = 255
    labels = np.array([1, 0, 1, 1, 0], np.int32)
    score = score_classes(Brightness(), {}, images, labels, batch_size=batch_size)
    right, wrong = np.log1p(np.exp(-5.0)), np.log1p(np.exp(5.0))
    assert score["accuracy"] == 4 / 5
    assert score["loss"] == pytest.approx((4 * right + wrong) / 5, rel=1e-6)
