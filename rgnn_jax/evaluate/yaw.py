"""The turn of a real face, read off its pixels by ridge regression on gradient orientations.

It is trained on faces whose yaw is known from landmarks, and is independent of every model that it judges.
"""

import csv
import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Num

from rgnn_jax.errors import UserError

CELL = 8
ORIENTATIONS = 9
_ROWS = 1000


@dataclasses.dataclass(frozen=True)
class YawReader:
    """A linear map from a face's left-right asymmetry to degrees.

    Attributes:
        weights: degrees a unit of each feature, by which the face's and its mirror image's histograms differ.
    """

    weights: Float[np.ndarray, " d"]

    def __call__(self, images: Num[np.ndarray, "n h w c"]) -> Float[np.ndarray, " n"]:
        """Degrees, positive for the nose to the picture's right; the exact opposite for the mirror image."""
        return _asymmetry(images) @ self.weights


def fit_yaw_reader(
    images: Num[np.ndarray, "n h w c"], yaw: Float[np.ndarray, " n"], *, ridge: float = 0.1
) -> YawReader:
    """Least squares with a penalty; the same as a fit to all faces and their mirror images together.

    Args:
        images: faces, uint8 or floats in [0, 1], aligned alike.
        yaw: degrees, positive for the nose to the picture's right.
        ridge: penalty, as a multiple of the features' mean variance and of the number of faces.
    """
    features = _asymmetry(images)
    gram = (features.T @ features).astype(np.float64)
    penalty = ridge * np.trace(gram) / len(gram)
    return YawReader(np.linalg.solve(gram + penalty * np.eye(len(gram)), features.T @ yaw))


def gradient_histograms(images: Num[np.ndarray, "n h w c"]) -> Float[np.ndarray, "n d"]:
    """Histograms of oriented gradients (Dalal & Triggs 2005): cells of 8x8 pixels, 9 unsigned orientations.

    Each gradient votes with its length for the two nearest orientations; 2x2 cells are normalised together.
    Pictures are blurred a little first, so that sharp photographs and a decoder's softer ones look alike.
    """
    parts = [_histograms(images[i : i + _ROWS]) for i in range(0, len(images), _ROWS)]
    return np.concatenate(parts)


def read_poses(path: str | Path) -> dict[str, float]:
    """Yaw in degrees by picture name, from a CSV file with the columns `name` and `yaw_deg_rough`.

    Raises:
        UserError: where the file is missing or has other columns.
    """
    try:
        with Path(path).open(encoding="utf-8", newline="") as file:
            return {row["name"]: float(row["yaw_deg_rough"]) for row in csv.DictReader(file)}
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None
    except (KeyError, TypeError, ValueError):
        raise UserError(f"{path}: not a table with the columns name and yaw_deg_rough") from None


def held_out_people(names: Sequence[str], fraction: float, seed: int = 0) -> Bool[np.ndarray, " n"]:
    """Which pictures belong to the held-out people; the folder `Person/` of a name says whose it is."""
    people = np.array([name.split("/")[0] for name in names])
    everybody = np.unique(people)
    order = np.random.default_rng(seed).permutation(len(everybody))
    return np.isin(people, everybody[order[: round(fraction * len(everybody))]])


def _asymmetry(images: Num[np.ndarray, "n h w c"]) -> Float[np.ndarray, "n d"]:
    return gradient_histograms(images) - gradient_histograms(images[:, :, ::-1])


def _histograms(images: Num[np.ndarray, "n h w c"]) -> Float[np.ndarray, "n d"]:
    grey = images.mean(3, dtype=np.float32) / np.float32(255 if images.dtype == np.uint8 else 1)
    for axis in (1, 2):
        margins = [(1, 1) if i == axis else (0, 0) for i in range(3)]
        padded = np.pad(grey, margins, mode="edge")
        size = grey.shape[axis]
        low, middle, high = (np.take(padded, range(i, i + size), axis) for i in range(3))
        grey = (low + 2 * middle + high) / 4
    n, rows, columns = len(grey), grey.shape[1] // CELL, grey.shape[2] // CELL
    down, right = np.gradient(grey[:, : rows * CELL, : columns * CELL], axis=(1, 2))
    # Orientation i has its middle at i, once the circle of orientations is turned by half a one.
    place = np.mod(np.arctan2(down, right) / np.pi, 1) * ORIENTATIONS - 0.5
    nearest = np.floor(place).astype(np.int64)
    length, share = np.hypot(down, right), place - nearest
    row, column = np.arange(rows * CELL) // CELL, np.arange(columns * CELL) // CELL
    cell = np.arange(n)[:, None, None] * rows * columns + (row[:, None] * columns + column[None])[None]
    cells = np.zeros(n * rows * columns * ORIENTATIONS)
    for orientation, votes in ((nearest, length * (1 - share)), (nearest + 1, length * share)):
        bins = cell * ORIENTATIONS + orientation % ORIENTATIONS
        cells += np.bincount(bins.ravel(), votes.ravel(), minlength=cells.size)
    cells = cells.reshape(n, rows, columns, ORIENTATIONS).astype(np.float32)
    corners = [(i, j) for i in (0, 1) for j in (0, 1)]
    blocks = np.concatenate([cells[:, i : rows - 1 + i, j : columns - 1 + j] for i, j in corners], axis=3)
    blocks /= np.sqrt((blocks**2).sum(3, keepdims=True) + 1e-4)
    return blocks.reshape(n, -1)
