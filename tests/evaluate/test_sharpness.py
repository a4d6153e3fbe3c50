import numpy as np
import pytest

from rgnn_jax.evaluate.sharpness import laplacian_variance, radial_spectrum, spectral_energy


def stripes(cycles, size=32, amplitude=0.5):
    """A cosine of `cycles` whole periods across the picture."""
    wave = 0.5 + amplitude * np.cos(2 * np.pi * cycles * np.arange(size) / size)
    return np.tile(wave[None, None, :, None], (1, size, 1, 1))


def blurred(images):
    return (np.roll(images, 1, 2) + images + np.roll(images, -1, 2)) / 3


@pytest.mark.parametrize(("cycles", "share"), [(1, 0), (4, 0), (5, 1), (16, 1)])
def test_spectral_energy_of_stripes_is_all_or_nothing(cycles, share):
    assert spectral_energy(stripes(cycles), cutoff=4 / 32)[0] == pytest.approx(share, abs=1e-9)


def test_spectral_energy_of_a_sum_is_the_share_of_power_and_ignores_contrast():
    mixed = stripes(2, amplitude=0.3) + stripes(10, amplitude=0.1)
    assert spectral_energy(mixed)[0] == pytest.approx(0.1, rel=1e-9)
    assert spectral_energy(mixed / 5)[0] == pytest.approx(0.1, rel=1e-9)
    assert spectral_energy(np.full((1, 8, 8, 3), 0.2))[0] == 0


def test_laplacian_variance_of_stripes_is_the_closed_form():
    cycles, size, amplitude = 8, 32, 0.5
    gain = 2 - 2 * np.cos(2 * np.pi * cycles / size)
    wide = np.tile(stripes(cycles, size, amplitude), (1, 1, 20, 1))
    assert laplacian_variance(wide)[0] == pytest.approx(gain**2 * amplitude**2 / 2, rel=0.01)


def test_a_ramp_has_no_laplacian():
    ramp = np.tile(np.linspace(0, 1, 9)[None, None, :, None], (1, 9, 1, 1))
    assert laplacian_variance(ramp)[0] == pytest.approx(0, abs=1e-20)


def test_blur_lowers_both():
    noise = np.random.default_rng(0).uniform(size=(5, 16, 16, 3))
    assert (laplacian_variance(blurred(noise)) < laplacian_variance(noise)).all()
    assert (spectral_energy(blurred(noise)) < spectral_energy(noise)).all()


def test_bytes_and_fractions_agree():
    images = np.random.default_rng(0).integers(0, 256, (2, 12, 10, 3), np.uint8)
    np.testing.assert_allclose(laplacian_variance(images), laplacian_variance(images / 255))
    np.testing.assert_allclose(spectral_energy(images), spectral_energy(images / 255))


def test_radial_spectrum_peaks_where_the_stripes_are():
    frequencies, power = radial_spectrum(stripes(8), bins=16)
    assert frequencies[power.argmax()] == pytest.approx(8 / 32, abs=1 / 64)
    assert frequencies.max() < 0.5
    noise = np.random.default_rng(0).normal(size=(200, 16, 16, 1))
    _, flat = radial_spectrum(noise, bins=4)
    np.testing.assert_allclose(flat[1:], 1 / 256, rtol=0.1)
