"""Public sets of pictures that a command fetches by name."""

import threading
import urllib.error
import urllib.request
from pathlib import Path

from rgnn_jax.datasets.download import Source, download
from rgnn_jax.datasets.image_idx import CLASS_NAMES_FILE
from rgnn_jax.errors import UserError, WorkFailed

_PATIENCE = 8.0
_TFDS_HOST = "https://storage.googleapis.com/tfds-data"


def _idx(base: str, digests: tuple[str, str, str, str]) -> tuple[Source, ...]:
    names = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
    files = [f"{name}-ubyte.gz" for name in names]
    return tuple(Source(base + file, digest, file) for file, digest in zip(files, digests, strict=True))


DOWNLOADS: dict[str, tuple[Source, ...]] = {
    "mnist": _idx(
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
        (
            "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        ),
    ),
    "fashion_mnist": _idx(
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        (
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        ),
    ),
    "tf_flowers": (
        Source(
            "http://download.tensorflow.org/example_images/flower_photos.tgz",
            "4c54ace7911aaffe13a365c34f650e71dd5bf1be0a58b464e5a7183e3e595d9c",
            "flower_photos.tgz",
        ),
    ),
    "lfw": (
        Source(
            "https://ndownloader.figshare.com/files/5976018",
            "055f7d9c632d7370e6fb4afc7468d40f970c34a80d4c6f50ffec63f5a8d536c0",
            "lfw.tgz",
        ),
    ),
}
"""Sets that need neither TensorFlow nor its data sets: the publishers' own files, by name."""

_CLASS_NAMES = {
    "fashion_mnist": (
        "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
        "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
    )
}  # fmt: skip
"""What the publishers say of their classes beside the files."""


def prepare_pictures(name: str, data_dir: Path) -> Path:
    """Fetches a set of pictures, so that `data.path = NAME` finds it under `data_dir`.

    The sets in `DOWNLOADS` are fetched as their publishers made them; any other is left to TensorFlow
    Datasets, most of which need TensorFlow to be prepared (not to be read).

    Returns:
        The folder of the set.

    Raises:
        UserError: there is no network, or the name or a needed package is missing.
        WorkFailed: TensorFlow Datasets could not prepare the set.
    """
    if name in DOWNLOADS:
        sources = DOWNLOADS[name]
        if not all((data_dir / name / source.filename).exists() for source in sources):
            cure = f"fetch {', '.join(source.url for source in sources)} elsewhere, into {data_dir / name}"
            _check_network(name, sources[0].url, cure)
        for source in sources:
            download(source, data_dir / name, timeout=_PATIENCE)
        if name in _CLASS_NAMES:
            names = "".join(f"{line}\n" for line in _CLASS_NAMES[name])
            (data_dir / name / CLASS_NAMES_FILE).write_text(names, encoding="utf-8")
        return data_dir / name
    return _prepare_tfds(name, data_dir)


def _check_network(name: str, url: str, cure: str) -> None:
    """Refuses within `_PATIENCE` seconds where `url` does not answer.

    It is asked for in a thread of its own, since looking up a name knows no time limit.
    """
    failures: list[object] = ["no answer"]

    def ask() -> None:
        request = urllib.request.Request(url, method="HEAD")
        try:
            urllib.request.urlopen(request, timeout=_PATIENCE).close()
        except urllib.error.HTTPError:
            failures.clear()
        except OSError as error:
            failures[0] = getattr(error, "reason", error)
        else:
            failures.clear()

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(_PATIENCE)
    if failures:
        raise UserError(f"{name}: there is no network ({failures[0]}); {cure}")


def is_tfds_name(name: str) -> bool:
    """Whether TensorFlow Datasets is installed and knows a set of this name."""
    try:
        import tensorflow_datasets as tfds
    except ImportError:
        return False
    try:
        tfds.builder_cls(name)
    except (tfds.core.registered.DatasetNotFoundError, ValueError):
        return False
    return True


def _prepare_tfds(name: str, data_dir: Path) -> Path:
    cure = f"run `tfds build {name} --file_format=array_record` elsewhere and copy it to {data_dir / name}"
    if not is_tfds_name(name):
        raise UserError(f"{name}: no set that TensorFlow Datasets, if it is installed at all, knows")
    import tensorflow_datasets as tfds

    _check_network(name, _TFDS_HOST, cure)
    try:
        builder = tfds.builder(name, data_dir=data_dir, file_format="array_record")
        builder.download_and_prepare(download_config=tfds.download.DownloadConfig(try_download_gcs=False))
    except ImportError as error:
        raise UserError(
            f"{name}: preparing it needs {error.name or error}; install that here, or {cure}"
        ) from None
    except Exception as error:
        # Builders are 1,300 programs by as many people; whatever stops one is told in a line.
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise WorkFailed(f"{name}: could not be prepared ({reason}); {cure}") from None
    return Path(builder.data_path)
