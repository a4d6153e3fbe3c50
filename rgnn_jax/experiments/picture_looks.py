"""How a set of generated pictures looks beside the data, in numbers that need no network."""

import jax
import msgspec
import numpy as np
from jaxtyping import Float, Int, UInt8

from rgnn_jax.datasets.pictures import evenly
from rgnn_jax.evaluate.distances import precision_recall
from rgnn_jax.evaluate.sharpness import radial_spectrum, spectral_energy
from rgnn_jax.evaluate.sliced_wasserstein import patch_sliced_wasserstein, sliced_wasserstein

_ROWS = 256
_COMPARED, _TRAINING = 2000, 5000
_PATCHES, _DIRECTIONS = 32, 256
_NEIGHBOURS = 3


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """Means over a set of pictures.

    Attributes:
        sharpness: share of a picture's power above an eighth of a cycle a pixel (`spectral_energy`).
        contrast: standard deviation of a picture's pixels, in [0, 1].
        distance: sliced Wasserstein distance to as many held-out pictures, of layout and colour.
        texture: the same of patches, mean over scales, times 1000.
        precision: share of the pictures that lie among the held-out ones, each as far from the next as these
            are (Kynkaanniemi et al. 2019, in pixels and not in features of a network).
        recall: share of the held-out pictures that lie among these.
        nearest: root mean square difference a pixel from the nearest training picture.
        frequencies: in cycles a pixel.
        spectrum: power at each of them.
    """

    sharpness: float
    contrast: float
    distance: float
    texture: float
    precision: float
    recall: float
    nearest: float
    frequencies: list[float]
    spectrum: list[float]


def compared(test: UInt8[np.ndarray, "n h w c"]) -> UInt8[np.ndarray, "m h w c"]:
    """The test pictures that others are measured against, at most 2,000, evenly taken.

    So many, for the distance of a few hundred is mostly that of their own mean picture.
    """
    return test[evenly(len(test), _COMPARED)]


def look_of_data(
    test: UInt8[np.ndarray, "n h w c"], training: UInt8[np.ndarray, "m h w c"], *, seed: int = 0
) -> Look:
    """Training pictures beside test pictures: what a model that misses nothing would come to.

    Only `nearest` is that of the test pictures.
    """
    count = min(len(compared(test)), len(training))
    held_out = test[evenly(len(test), count)]
    look = measure_look(training[evenly(len(training), count)], held_out, training, seed=seed)
    distances, _ = nearest(held_out, training[evenly(len(training), _TRAINING)])
    return msgspec.structs.replace(look, nearest=float(distances.mean()))


def measure_look(
    pictures: UInt8[np.ndarray, "n h w c"],
    held_out: UInt8[np.ndarray, "n h w c"],
    training: UInt8[np.ndarray, "m h w c"],
    *,
    seed: int = 0,
) -> Look:
    """Measures generated pictures against data.

    Args:
        pictures: what is measured.
        held_out: as many pictures of the data, at least two.
        training: among which the nearest is looked for; of many, 5,000 evenly taken.
        seed: of the directions and patches; equal seeds compare on equal ones.
    """
    few = training[evenly(len(training), _TRAINING)]
    key, patch_key = jax.random.split(jax.random.key(seed))
    texture = patch_sliced_wasserstein(
        pictures, held_out, patch_key, patches=_PATCHES, directions=_DIRECTIONS
    )
    neighbours = min(_NEIGHBOURS, len(held_out) - 1)
    support = precision_recall(flat_rows(held_out), flat_rows(pictures), neighbours=neighbours)
    frequencies, spectrum = radial_spectrum(pictures)
    return Look(
        sharpness=float(spectral_energy(pictures).mean()),
        contrast=float((pictures / np.float32(255)).std(axis=(1, 2, 3)).mean()),
        distance=sliced_wasserstein(pictures, held_out, key, directions=_DIRECTIONS),
        texture=float(np.mean(list(texture.values()))),
        precision=support.precision,
        recall=support.recall,
        nearest=float(nearest(pictures, few)[0].mean()),
        frequencies=frequencies.tolist(),
        spectrum=spectrum.tolist(),
    )


def nearest(
    pictures: UInt8[np.ndarray, "n h w c"], among: UInt8[np.ndarray, "m h w c"]
) -> tuple[Float[np.ndarray, " n"], Int[np.ndarray, " n"]]:
    """Root mean square difference a pixel, in [0, 1], of each picture from its nearest, and which that is."""
    flat = flat_rows(among)
    norms = np.square(flat).sum(axis=1)
    places = []
    for start in range(0, len(pictures), _ROWS):
        rows = flat_rows(pictures[start : start + _ROWS])
        places.append((norms[None] - 2 * rows @ flat.T).argmin(axis=1))
    found = np.concatenate(places)
    return np.sqrt(np.square(flat_rows(pictures) - flat[found]).mean(axis=1, dtype=np.float64)), found


def variance_explained(
    pictures: UInt8[np.ndarray, "n h w c"], reconstructions: UInt8[np.ndarray, "n h w c"]
) -> float:
    """Share of the pictures' variance about their mean picture that reconstructions keep, 1 where exact."""
    truth, made = flat_rows(pictures), flat_rows(reconstructions)
    spread = np.square(truth - truth.mean(axis=0, keepdims=True)).sum(dtype=np.float64)
    return float(1 - np.square(truth - made).sum(dtype=np.float64) / spread)


def flat_rows(pictures: UInt8[np.ndarray, "n h w c"]) -> Float[np.ndarray, "n d"]:
    """Each picture's pixels, in [0, 1]."""
    return pictures.reshape(len(pictures), -1) / np.float32(255)
