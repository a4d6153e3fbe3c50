"""Pictures as training data: decoded once, and split in three."""

import difflib
import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np

from rgnn_jax.datasets.handwriting_signs import add_signs
from rgnn_jax.datasets.image_archives import decode_archive
from rgnn_jax.datasets.image_arrays import decode_arrays
from rgnn_jax.datasets.image_cache import Decoded, cache_directory, cached, check_memory, hash_files
from rgnn_jax.datasets.image_download import DOWNLOADS
from rgnn_jax.datasets.image_files import decode_folder, picture_paths
from rgnn_jax.datasets.image_idx import decode_idx, idx_files
from rgnn_jax.datasets.image_resize import fit_pictures
from rgnn_jax.datasets.image_spec import ImageSpec
from rgnn_jax.datasets.image_tfds import decode_tfds, prepared_set
from rgnn_jax.datasets.pictures import Images, Pictures
from rgnn_jax.errors import UserError
from rgnn_jax.fields import Count, NaturalNumber, Pixels, Rate, Seed, Variant
from rgnn_jax.typography import counted

FACES = "faces"
DIGITS = "digits"
_RENDERED = 1024


class ImageData(Variant, frozen=True, tag="images"):
    """A set of pictures to model.

    Attributes:
        path: "faces" for rendered faces, "digits" for scikit-learn's, the name of a set of TensorFlow
            Datasets, or a folder, a .zip, .tgz, .npy, .npz or idx file.
        data_dir: where prepared sets of TensorFlow Datasets lie.
        size: pixels of a side; pictures are cropped to a square about the centre and resized. 0 keeps them.
        channels: 1 turns pictures grey, 3 makes them colour, 0 keeps them.
        count: how many faces are rendered.
        limit: the most pictures that a split keeps; 0 keeps all.
        validation_fraction: the share of the pictures kept for validation, may be 0.
        test_fraction: the share kept for the test where the set has no test split of its own, may be 0.
        split: "picture" deals single pictures to the splits, "class" whole classes; "auto" deals whole
            classes where they are more than the pictures in each, since they are then people or other
            individuals. A set with a test split of its own keeps it.
        seed: which pictures are dealt to which split, and which faces are rendered.
        binarize: whether training draws each pixel as 0 or 1 with its value as the probability, anew each
            time, and evaluation once.
        flip: whether training mirrors left and right with probability 1/2.
        augment: whether training mirrors, turns, shifts and changes brightness.
        blur: training blurs by a Gaussian whose standard deviation is drawn from 0 to this many pixels; what
            is to judge pictures that networks make should not live on their finest detail.
        signs: whether + and -, drawn by arithmetic, become two further classes of a set of digits.
        distort: whether training turns, slants, scales, shifts and bends each grey, square picture a little.
    """

    path: str = FACES
    data_dir: str = "data"
    size: NaturalNumber = 0
    channels: NaturalNumber = 0
    count: Count = 20_000
    limit: NaturalNumber = 0
    validation_fraction: Rate = 0.1
    test_fraction: Rate = 0.1
    split: Literal["auto", "picture", "class"] = "auto"
    seed: Seed = 0
    binarize: bool = False
    flip: bool = False
    augment: bool = False
    blur: Pixels = 0.0
    signs: bool = False
    distort: bool = False

    def __post_init__(self) -> None:
        if self.validation_fraction + self.test_fraction >= 1:
            raise UserError("data.validation_fraction and data.test_fraction must leave pictures to train on")
        if self.channels not in (0, 1, 3):
            raise UserError(f"data.channels must be 0, 1 or 3, not {self.channels}")


def load_images(data: ImageData, *, cache: Path | None = None) -> Images:
    """Reads, decodes and splits the pictures that `data` names.

    Pictures are decoded once; later loads map them from `cache`, whose entries are keyed by the source's
    digest.

    Args:
        data: which pictures, and how they are split.
        cache: where decoded pictures are kept; None for `cache_directory()`.

    Raises:
        UserError: the source is missing or damaged, does not hold pictures of one size, or holds too few.
    """
    source = find_source(data)
    place = cache or cache_directory()
    decoded = cached(
        (source.digest, data.size, data.channels), lambda: source.decode(data.size, data.channels), place
    )
    pictures = Pictures(decoded.images, decoded.labels, decoded.factors)
    train, validation, test = (pictures.take(indices) for indices in deal(decoded, data))
    height, width, channels = decoded.images.shape[1:]
    spec = ImageSpec(
        height=height, width=width, channels=channels, classes=decoded.classes, factors=decoded.factor_names
    )
    images = Images(train, validation, test, spec, source.digest)
    return add_signs(images, data.seed) if data.signs else images


@dataclass(frozen=True)
class Source:
    """Where pictures come from.

    Attributes:
        digest: SHA-256 of the bytes that decide what the pictures are.
        decode: gives the pictures of a size and number of channels, 0 for their own.
    """

    digest: str
    decode: Callable[[int, int], Decoded]


def find_source(data: ImageData) -> Source:
    """What `data.path` names: an embedded set, a prepared set of TensorFlow Datasets, or a file or folder.

    Raises:
        UserError: it names none of these; the message says how to get it.
    """
    if data.path == FACES:
        return Source(_faces_digest(data), lambda size, channels: _faces(data, size, channels))
    if data.path == DIGITS:
        from rgnn_jax.datasets.digits import decode_digits

        digits = decode_digits()
        return Source(
            hashlib.sha256(digits.images.tobytes()).hexdigest(),
            lambda size, channels: replace(digits, images=fit_pictures(digits.images, size, channels)),
        )
    folder = prepared_set(data.path, Path(data.data_dir))
    if folder is not None:
        return Source(
            hash_files(sorted(p for p in folder.iterdir() if p.is_file()), folder),
            partial(decode_tfds, folder),
        )
    return _file_source(find_files(data))


def find_files(data: ImageData) -> Path:
    """The file or folder of pictures that `data.path` names, as it stands or under `data.data_dir`.

    Raises:
        UserError: there is none.
    """
    for place in (Path(data.path), Path(data.data_dir) / data.path):
        if place.exists():
            return place
    raise UserError(missing(data.path, data.data_dir))


def missing(name: str, data_dir: str) -> str:
    """What to say of pictures that are not there."""
    if name in DOWNLOADS:
        return f"{name}: is not under {data_dir}/ yet; get it by `rgnn data prepare {name} --out {data_dir}`"
    if re.fullmatch(r"[a-z][a-z0-9_]*", name):
        near = difflib.get_close_matches(name, [FACES, DIGITS, *DOWNLOADS], n=1)
        hint = f"did you mean {near[0]}? Otherwise" if near else "name a folder or file of pictures, or"
        return (
            f"{name}: neither a file nor a prepared set under {data_dir}/; {hint} "
            f"`rgnn data prepare {name} --out {data_dir}` gets a set of TensorFlow Datasets"
        )
    return f"{name}: no such file or folder; name one with pictures, or an embedded set: {FACES}, {DIGITS}"


def _file_source(path: Path) -> Source:
    archives = sorted(path.glob("*.tgz")) if path.is_dir() else []
    if len(archives) == 1 and not picture_paths(path):
        path = archives[0]
    idx = idx_files(path)
    if idx:

        def decode(size: int, channels: int) -> Decoded:
            decoded = decode_idx(path)
            return replace(decoded, images=fit_pictures(decoded.images, size, channels))

        return Source(hash_files(idx, idx[0].parent), decode)
    if path.is_dir():
        return Source(hash_files(picture_paths(path), path), partial(decode_folder, path))
    suffix = path.suffix.lower()
    if suffix in (".npy", ".npz"):
        return Source(hash_files([path]), partial(decode_arrays, path))
    if suffix in (".zip", ".tar", ".tgz", ".gz"):
        return Source(hash_files([path]), partial(decode_archive, path))
    raise UserError(f"{path}: not a set of pictures; name a folder or a .zip, .tgz, .npy, .npz or idx file")


def _faces_digest(data: ImageData) -> str:
    """Stands for the pixels: the renderer's own source code, with what it is asked for."""
    code = hash_files(sorted(Path(__file__).parent.glob("face*.py")))
    return hashlib.sha256(f"{code} {data.seed} {data.count}".encode()).hexdigest()


def _faces(data: ImageData, size: int, channels: int) -> Decoded:
    from rgnn_jax.datasets.face_solids import SIZE
    from rgnn_jax.datasets.faces import FACTOR_NAMES, render_faces

    check_memory((data.count, size or SIZE, size or SIZE, channels or 3), data.path)
    images, factors = [], []
    for start in range(0, data.count, _RENDERED):
        pictures, causes = render_faces(data.seed, np.arange(start, min(start + _RENDERED, data.count)))
        images.append(fit_pictures(pictures, size, channels))
        factors.append(causes)
    return Decoded(np.concatenate(images), factors=np.concatenate(factors), factor_names=FACTOR_NAMES)


def deal(decoded: Decoded, data: ImageData) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Indices of the training, validation and test pictures, each in ascending order.

    Raises:
        UserError: there are too few pictures (or classes, where these are kept together) for three splits.
    """
    total = len(decoded.images)
    rest = total - decoded.test
    draws = np.random.default_rng(data.seed)
    fractions = (0.0 if decoded.test else data.test_fraction, data.validation_fraction)
    groups = np.arange(rest)
    if not decoded.test and _by_class(decoded, data):
        groups = np.asarray(decoded.labels)
    test, validation, train = deal_groups(groups, fractions, draws)
    if decoded.test:
        test = np.arange(rest, total)
    if not len(train):
        raise UserError(
            f"{data.path}: {counted(rest, 'picture')} in {counted(len(np.unique(groups)), 'group')} leave "
            "none to train on; give more, or set data.validation_fraction or data.test_fraction to 0"
        )
    if data.limit:
        train, validation, test = (
            np.sort(draws.permutation(part)[: data.limit]) for part in (train, validation, test)
        )
    return train, validation, test


def deal_groups(
    groups: np.ndarray, fractions: Sequence[float], draws: np.random.Generator
) -> list[np.ndarray]:
    """Deals pictures to a hand for each fraction and one for the rest, whole groups to one hand.

    A hand is dealt groups in random order until it holds its fraction, and at least one group where that is
    more than nothing.
    """
    _, group, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    order = draws.permutation(len(sizes))
    dealt = np.cumsum(sizes[order])
    hand = np.full(len(sizes), len(fractions))
    first = held = 0
    for number, fraction in enumerate(fractions):
        if fraction > 0:
            last = max(int(np.searchsorted(dealt, held + round(fraction * len(groups)))), first)
            hand[order[first : last + 1]] = number
            first = last + 1
            held = int(dealt[min(last, len(dealt) - 1)])
    return [np.flatnonzero(hand[group] == number) for number in range(len(fractions) + 1)]


def _by_class(decoded: Decoded, data: ImageData) -> bool:
    if data.split == "picture" or decoded.labels is None:
        if data.split == "class":
            raise UserError(f"{data.path}: has no classes to split by; set data.split to picture")
        return False
    # More classes than pictures in each: they are individuals, who must not be both learned and tested.
    return data.split == "class" or len(np.unique(decoded.labels)) ** 2 > len(decoded.labels)
