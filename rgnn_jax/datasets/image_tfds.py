"""Prepared sets of TensorFlow Datasets, read without TensorFlow."""

import contextlib
import logging
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from rgnn_jax.datasets.image_cache import Decoded, number_labels
from rgnn_jax.datasets.image_files import EncodedPicture, decode_pictures
from rgnn_jax.errors import UserError

_INFO = "dataset_info.json"
_READ_AT_ONCE = 1000
_KEPT_SPLITS = ("train", "validation", "test")


def prepared_set(name: str, data_dir: Path) -> Path | None:
    """The folder of a prepared set's newest version, such as data/mnist/3.0.1, or None.

    It is looked for in `data_dir`, in its folder `tfds`, and where TensorFlow Datasets puts it by default.
    """
    for place in (data_dir, data_dir / "tfds", Path.home() / "tensorflow_datasets"):
        if name.strip("./") == name and (place / name).is_dir():
            found = [path.parent for path in (place / name).rglob(_INFO)]
            if found:
                return max(found, key=_version)
    return None


def _version(folder: Path) -> tuple[int, ...]:
    numbers = folder.name.split(".")
    return tuple(map(int, numbers)) if all(n.isdecimal() for n in numbers) else ()


def decode_tfds(folder: Path, size: int, channels: int) -> Decoded:
    """All pictures of a prepared set, with its classes and attributes.

    Args:
        folder: where its `dataset_info.json` lies.
        size: as `fit_pictures`.
        channels: as `fit_pictures`.

    Raises:
        UserError: it is damaged, holds no pictures, or was prepared in another format than array_record.
    """
    with _quiet():
        tfds = _import_tfds()
        try:
            builder = tfds.builder_from_directory(str(folder))
            splits = [name for name in _KEPT_SPLITS if name in builder.info.splits]
            features = dict(builder.info.features.items())
            image = _first(features, tfds.features.Image)
            if image is None or not splits:
                raise UserError(f"{folder}: a set without pictures to train on; name another")
            raw = {image: tfds.decode.SkipDecoding()}
            examples = [list(_examples(builder.as_data_source(split, decoders=raw))) for split in splits]
        except UserError:
            raise
        except NotImplementedError:
            raise UserError(
                f"{folder}: prepared in a format that only TensorFlow reads; prepare it with "
                "`tfds build --file_format=array_record`"
            ) from None
        except Exception as error:
            # TFDS and its record reader report damage by many types, of C++ too.
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise UserError(f"{folder}: a damaged set ({reason}); remove it and prepare it again") from None
    together = [example for split in examples for example in split]
    pictures = [
        EncodedPicture(f"{folder}, picture {number}", "", partial(bytes, example[image]))
        for number, example in enumerate(together)
    ]
    shape = features[image].shape
    kept = None if None in shape else shape
    decoded = decode_pictures(pictures, str(folder), size, channels, kept)
    labels, classes = _labels(together, features, tfds)
    factors, names = _factors(together, features, tfds)
    test = len(examples[-1]) if splits[-1] == "test" else 0
    return Decoded(decoded.images, labels, factors, test, classes, names)


def _examples(source: Any) -> Iterator[dict[str, Any]]:
    for start in range(0, len(source), _READ_AT_ONCE):
        yield from source.__getitems__(list(range(start, min(start + _READ_AT_ONCE, len(source)))))


def _first(features: Any, kind: Any) -> str | None:
    return next((name for name, feature in features.items() if isinstance(feature, kind)), None)


def _labels(examples: list, features: Any, tfds: Any) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """Numbers of the classes: of the first label, or of a text called label, such as a person's name."""
    name = _first(features, tfds.features.ClassLabel)
    if name is not None:
        labels = np.array([example[name] for example in examples], np.int32)
        return labels, tuple(features[name].names)
    if isinstance(features.get("label"), tfds.features.Text):
        return number_labels([_text(example["label"]) for example in examples])
    return None, ()


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _factors(examples: list, features: Any, tfds: Any) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """The numbers under `attributes`, as the 40 of CelebA, in alphabetical order."""
    if not isinstance(features.get("attributes"), tfds.features.FeaturesDict):
        return None, ()
    names = tuple(sorted(features["attributes"]))
    values = [[float(example["attributes"][name]) for name in names] for example in examples]
    return np.array(values, np.float32), names


def _import_tfds() -> Any:
    try:
        import tensorflow_datasets
    except ImportError:
        raise UserError(
            'sets of TensorFlow Datasets need it; install it by `pip install "rgnn-jax[images]"`'
        ) from None
    return tensorflow_datasets


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keeps TFDS's advice on OpenCV and on metadata off the screen."""
    logger = logging.getLogger("absl")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)
