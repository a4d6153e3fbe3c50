import numpy as np
import pytest

from rgnn_jax.datasets.digits import decode_digits

pytest.importorskip("sklearn")


def test_the_digits_are_whole():
    digits = decode_digits()
    assert digits.images.shape == (1797, 8, 8, 1) and digits.images.dtype == np.uint8
    assert digits.images.max() == 255 and digits.images.min() == 0
    assert digits.classes == tuple("0123456789")
    # A nearest-mean reader of half of them reads the other half: pictures and labels belong together.
    flat, half = digits.images.reshape(1797, -1).astype(float), 900
    means = np.stack([flat[:half][digits.labels[:half] == n].mean(0) for n in range(10)])
    distances = ((flat[half:, None] - means[None]) ** 2).sum(-1)
    assert (distances.argmin(1) == digits.labels[half:]).mean() > 0.85
