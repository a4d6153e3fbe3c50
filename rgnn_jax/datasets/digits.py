"""The 1,797 handwritten digits of 8x8 pixels that come with scikit-learn."""

import numpy as np

from rgnn_jax.datasets.image_cache import Decoded
from rgnn_jax.errors import UserError


def decode_digits() -> Decoded:
    """Grey pictures [1797, 8, 8, 1] with the digits as labels (Alpaydin and Kaynak 1998).

    Raises:
        UserError: scikit-learn is not installed.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise UserError(
            'the digits need scikit-learn; install it by `pip install "rgnn-jax[latent]"`'
        ) from None
    digits = load_digits()
    # The source counts the dark pixels in blocks of 4x4: values of 0 to 16.
    images = np.rint(digits.images * (255 / 16)).astype(np.uint8)[..., None]
    return Decoded(images, digits.target.astype(np.int32), classes=tuple("0123456789"))
