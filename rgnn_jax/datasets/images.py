"""Pictures as training data: decoded once, and split in three."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Int32, UInt8

from rgnn_jax.datasets.image_cache import Decoded
from rgnn_jax.datasets.image_spec import ImageSpec
from rgnn_jax.errors import UserError
from rgnn_jax.fields import Count, NaturalNumber, Rate, Seed, Variant

FACES = "faces"


class ImageData(Variant, frozen=True, tag="images"):
    """A set of pictures to model.

    Attributes:
        path: "faces" for rendered faces, "digits" for scikit-learn's, the name of a set of TensorFlow
            Datasets, or a folder, a .zip, .npy, .npz or idx file.
        data_dir: where prepared sets of TensorFlow Datasets lie.
        size: pixels of a side; pictures are cropped to a square about the centre and resized. 0 keeps them.
        channels: 1 turns pictures grey, 3 makes them colour, 0 keeps them.
        count: how many faces are rendered.
        limit: the most pictures that a split keeps; 0 keeps all.
        validation_fraction: the share of the pictures kept for validation, may be 0.
        test_fraction: the share kept for the test where the set has no test split of its own, may be 0.
        seed: which pictures are dealt to which split, and which faces are rendered.
        binarize: whether training draws each pixel as 0 or 1 with its value as the probability, anew each
            time, and evaluation once.
        flip: whether training mirrors left and right with probability 1/2.
        augment: whether training mirrors, turns, shifts and changes brightness.
    """

    path: str = FACES
    data_dir: str = "data"
    size: NaturalNumber = 0
    channels: NaturalNumber = 0
    count: Count = 20_000
    limit: NaturalNumber = 0
    validation_fraction: Rate = 0.1
    test_fraction: Rate = 0.1
    seed: Seed = 0
    binarize: bool = False
    flip: bool = False
    augment: bool = False

    def __post_init__(self) -> None:
        if self.validation_fraction + self.test_fraction >= 1:
            raise UserError("data.validation_fraction and data.test_fraction must leave pictures to train on")
        if self.channels not in (0, 1, 3):
            raise UserError(f"data.channels must be 0, 1 or 3, not {self.channels}")


@dataclass(frozen=True)
class Pictures:
    """Pictures of one split, with what is known of each.

    Attributes:
        images: values of 0 to 255; may be mapped from a file.
        labels: numbers of the classes.
        factors: known causes of each picture.
    """

    images: UInt8[np.ndarray, "n h w c"]
    labels: Int32[np.ndarray, " n"] | None = None
    factors: Float32[np.ndarray, "n f"] | None = None

    def __len__(self) -> int:
        return len(self.images)

    def take(self, indices: np.ndarray | slice) -> "Pictures":
        """Some of the pictures."""
        chosen = (array if array is None else array[indices] for array in (self.labels, self.factors))
        return Pictures(self.images[indices], *chosen)


@dataclass(frozen=True)
class Images:
    """A set of pictures in three splits.

    Attributes:
        spec: shape and names.
        digest: SHA-256 of the source, in hexadecimal.
    """

    train: Pictures
    validation: Pictures
    test: Pictures
    spec: ImageSpec
    digest: str


def load_images(data: ImageData) -> Images:
    """Reads, decodes and splits the pictures that `data` names.

    Raises:
        UserError: the source is missing or damaged, or does not hold pictures of one size.
    """
    decoded, digest = _decode(data)
    pictures = Pictures(decoded.images, decoded.labels, decoded.factors)
    train, validation, test = (pictures.take(chosen[: data.limit or None]) for chosen in deal(decoded, data))
    height, width, channels = decoded.images.shape[1:]
    spec = ImageSpec(
        height=height, width=width, channels=channels, classes=decoded.classes, factors=decoded.factor_names
    )
    return Images(train, validation, test, spec, digest)


def _decode(data: ImageData) -> tuple[Decoded, str]:
    if data.path == FACES:
        from rgnn_jax.datasets.faces import FACTOR_NAMES, render_faces

        images, factors = render_faces(data.seed, np.arange(data.count))
        digest = hashlib.sha256(images.tobytes()).hexdigest()
        return Decoded(images, factors=factors, factor_names=tuple(FACTOR_NAMES)), digest
    from rgnn_jax.datasets.image_tfds import decode_tfds

    return decode_tfds(data.path, Path(data.data_dir)), data.path


def deal(decoded: Decoded, data: ImageData) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Indices of the training, validation and test pictures, by a seeded permutation."""
    total = len(decoded.images)
    held_out = decoded.test or round(data.test_fraction * total)
    rest = total - decoded.test
    order = np.random.default_rng(data.seed).permutation(rest)
    test = np.arange(rest, total) if decoded.test else order[:held_out]
    order = order if decoded.test else order[held_out:]
    validation = round(data.validation_fraction * total)
    return order[validation:], order[:validation], test
