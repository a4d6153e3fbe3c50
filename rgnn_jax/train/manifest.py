"""What a checkpoint says of itself: score, versions, a digest of every leaf, and one of all this."""

import hashlib
import platform
from collections.abc import Mapping
from typing import Any

import flax
import jax
import jax.numpy as jnp
import msgspec
import numpy as np
import orbax.checkpoint as ocp
from jax.experimental import multihost_utils
from jaxtyping import PyTree

from rgnn_jax import __version__

VERSIONS = {
    "rgnn_jax": __version__,
    "jax": jax.__version__,
    "flax": flax.__version__,
    "orbax": ocp.__version__,
    "numpy": np.__version__,
    "python": platform.python_version(),
}


class Leaf(msgspec.Struct, frozen=True):
    """One array of a state: its dtype, its shape, and the SHA-256 of both and of its bytes."""

    dtype: str
    shape: tuple[int, ...]
    sha256: str

    @classmethod
    def of(cls, array: np.ndarray) -> "Leaf":
        """Describes an array."""
        digest = hashlib.sha256(f"{array.dtype.name}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
        return cls(array.dtype.name, array.shape, digest.hexdigest())


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """A checkpoint's description.

    Attributes:
        step: training steps taken.
        metric: validation loss, lower is better; None where it was not measured or not finite.
        keep: a milestone, which is never removed.
        info: what the caller wanted remembered, as JSON.
        leaves: the state's arrays, by path.
        versions: the programs that wrote it.
    """

    step: int
    metric: float | None
    keep: bool
    info: dict[str, Any]
    leaves: dict[str, Leaf]
    versions: dict[str, str] = msgspec.field(default_factory=VERSIONS.copy)


class _Sealed(msgspec.Struct):
    manifest: dict[str, Any]
    sha256: str


def seal(manifest: Manifest) -> dict[str, Any]:
    """The manifest as plain JSON values, with the SHA-256 of their canonical spelling."""
    canonical = msgspec.json.encode(manifest, order="sorted")
    return {"manifest": msgspec.json.decode(canonical), "sha256": hashlib.sha256(canonical).hexdigest()}


def unseal(data: bytes) -> Manifest:
    """Reads what `seal` gave, written as JSON.

    Raises:
        ValueError: where it is not, to the bit, what was sealed.
    """
    try:
        sealed = msgspec.json.decode(data, type=_Sealed)
        manifest = msgspec.convert(sealed.manifest, Manifest)
    except msgspec.MsgspecError as error:
        raise ValueError(str(error)) from error
    canonical = msgspec.json.encode(sealed.manifest, order="sorted")
    if hashlib.sha256(canonical).hexdigest() != sealed.sha256:
        raise ValueError("its digest does not match")
    return manifest


def named_leaves(tree: PyTree) -> dict[str, Any]:
    """A tree's leaves by their paths, such as `params/cell/kernel`, in the order of `jax.tree.leaves`."""
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    named = {jax.tree_util.keystr(path, simple=True, separator="/"): leaf for path, leaf in leaves}
    if len(named) != len(leaves):
        raise ValueError("two leaves of the state have the same path")
    return named


def difference(saved: Mapping[str, Leaf], targets: Mapping[str, Any]) -> str | None:
    """The first leaf whose presence, dtype or shape differs from the target's, in words, or None."""
    for name in sorted(saved.keys() | targets.keys()):
        on_disk, wanted = (_signature(tree[name]) if name in tree else "missing" for tree in (saved, targets))
        if on_disk != wanted:
            return f"leaf {name} is {on_disk} on disk and {wanted} in the model"
    return None


def to_host(arrays: dict[str, Any]) -> dict[str, np.ndarray]:
    """Whole arrays in this process's memory, wherever their shards are."""
    local = {name: _addressable(array) for name, array in arrays.items()}
    return {name: np.asarray(array) for name, array in jax.device_get(local).items()}


def place(array: np.ndarray, target: Any) -> np.ndarray | jax.Array:
    """The array on the devices of `target.sharding`, or as it is where there is none."""
    sharding = getattr(target, "sharding", None)
    if sharding is None:
        return array
    return jax.make_array_from_callback(array.shape, sharding, lambda index: array[index])


def _signature(leaf: Any) -> str:
    """Dtype and shape, as `float32[2,3]`."""
    return f"{jnp.dtype(leaf.dtype).name}[{','.join(map(str, leaf.shape))}]"


def _addressable(array: Any) -> Any:
    if not isinstance(array, jax.Array) or array.is_fully_addressable:
        return array
    if array.is_fully_replicated:
        return array.addressable_data(0)
    return multihost_utils.process_allgather(array, tiled=True)
