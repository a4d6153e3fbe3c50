"""How sharp pictures are, in two numbers that blur lowers and that need no reference picture."""

import numpy as np
from jaxtyping import Float, Num


def laplacian_variance(images: Num[np.ndarray, "n h w c"]) -> Float[np.ndarray, " n"]:
    """Variance of each picture's discrete Laplacian, a common measure of focus (Pech-Pacheco et al. 2000).

    Grows with contrast as well as with sharpness, and most with noise.

    Args:
        images: uint8 or floats in [0, 1]; the channels' mean is taken first.
    """
    grey = _grey(images)
    centre = grey[:, 1:-1, 1:-1]
    around = grey[:, :-2, 1:-1] + grey[:, 2:, 1:-1] + grey[:, 1:-1, :-2] + grey[:, 1:-1, 2:]
    return (around - 4 * centre).var((1, 2))


def spectral_energy(images: Num[np.ndarray, "n h w c"], *, cutoff: float = 0.125) -> Float[np.ndarray, " n"]:
    """Share of each picture's power, its mean left out, at spatial frequencies above `cutoff`.

    Does not depend on contrast. 0 for a picture of one colour.

    Args:
        images: uint8 or floats in [0, 1]; the channels' mean is taken first.
        cutoff: cycles a pixel; half a cycle a pixel is the finest stripe along a side.
    """
    grey = _grey(images)
    power, radius = _power(grey), _radius(*grey.shape[1:])
    total = power.sum((1, 2))
    return power[:, radius > cutoff].sum(1) / np.where(total > 0, total, 1)


def radial_spectrum(
    images: Num[np.ndarray, "n h w c"], *, bins: int = 32
) -> tuple[Float[np.ndarray, " f"], Float[np.ndarray, " f"]]:
    """Mean power of a set of pictures by spatial frequency, for a curve.

    Args:
        images: uint8 or floats in [0, 1]; the channels' mean is taken first.
        bins: rings of equal width from 0 to below half a cycle a pixel; empty rings are left out.

    Returns:
        The rings' middle in cycles a pixel, and the mean power of a frequency in each.
    """
    grey = _grey(images)
    power, radius = _power(grey).mean(0), _radius(*grey.shape[1:])
    ring = (radius * 2 * bins).astype(int)
    counts = np.bincount(ring.ravel(), minlength=bins)[:bins]
    sums = np.bincount(ring.ravel(), power.ravel(), minlength=bins)[:bins]
    middles = (np.arange(bins) + 0.5) / (2 * bins)
    return middles[counts > 0], sums[counts > 0] / counts[counts > 0]


def _grey(images: Num[np.ndarray, "n h w c"]) -> Float[np.ndarray, "n h w"]:
    return images.mean(3, dtype=np.float64) / (255 if images.dtype == np.uint8 else 1)


def _power(grey: Float[np.ndarray, "n h w"]) -> Float[np.ndarray, "n h w"]:
    """Normalised so that it sums to each picture's variance."""
    centred = grey - grey.mean((1, 2), keepdims=True)
    return np.abs(np.fft.fft2(centred)) ** 2 / centred[0].size ** 2


def _radius(height: int, width: int) -> Float[np.ndarray, "h w"]:
    return np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None])
