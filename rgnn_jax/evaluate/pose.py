"""Whether a face turns as it was asked to and the rest of it stays, told by reading the pictures alone."""

import functools
from collections.abc import Sequence
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, UInt8

from rgnn_jax.contracts import Params


class TurnScore(NamedTuple):
    """How faces turned, each shown at several angles.

    Attributes:
        monotone: share of faces whose turn, as read, rises from each picture to the next.
        span: degrees, as read, from the first picture to the last, mean over faces.
        error: degrees between the turn that was asked and the one read, mean over pictures.
        unchanged: for each other categorical factor, the share of pictures that are read as the face was.
        moved: for each other continuous factor, by how much the reading changed, mean over pictures.
    """

    monotone: float
    span: float
    error: float
    unchanged: dict[str, float]
    moved: dict[str, float]


def read_factors(
    model: nn.Module, params: Params, images: UInt8[np.ndarray, "n h w c"], *, batch_size: int = 256
) -> Float[np.ndarray, "n f"]:
    """What a network reads off pictures, in the units of the factors.

    Args:
        model: has a method `read` from pictures in [0, 1] to factors, as `FactorReader` does.
        params: its parameters.
        images: the pictures.
        batch_size: pictures at a time; of no influence on the result.
    """
    batch_size = min(batch_size, len(images))
    readings = []
    for i in range(0, len(images), batch_size):
        rows = np.resize(np.arange(i, min(i + batch_size, len(images))), batch_size)
        readings.append(np.asarray(_read(model, params, images[rows]))[: len(images) - i])
    return np.concatenate(readings)


def reading_quality(
    readings: Float[np.ndarray, "n f"],
    factors: Float[np.ndarray, "n f"],
    names: Sequence[str],
    categorical: Sequence[bool],
) -> dict[str, float]:
    """`NAME_accuracy` of each categorical factor, `NAME_error` (mean, in its unit) of each other."""
    return {
        f"{name}_{'accuracy' if by_name else 'error'}": float(
            (read == truth).mean() if by_name else np.abs(read - truth).mean()
        )
        for name, by_name, read, truth in zip(names, categorical, readings.T, factors.T, strict=True)
    }


def score_turn(
    readings: Float[np.ndarray, "k s f"],
    asked: Float[np.ndarray, " s"],
    reference: Float[np.ndarray, "k f"],
    names: Sequence[str],
    categorical: Sequence[bool],
    *,
    turn: str = "turn",
) -> TurnScore:
    """Scores strips of pictures, each a face at rising angles.

    Args:
        readings: factors as read off the pictures of each strip.
        asked: the angle that each picture of a strip should show, rising.
        reference: factors as read off the face that was to be turned.
        names: of the factors.
        categorical: for each factor, whether it is a category.
        turn: name of the factor that is the angle.
    """
    place = list(names).index(turn)
    angles = readings[:, :, place]
    unchanged, moved = {}, {}
    for j, (name, by_name) in enumerate(zip(names, categorical, strict=True)):
        before, after = reference[:, None, j], readings[:, :, j]
        if j == place:
            continue
        if by_name:
            unchanged[name] = float((after == before).mean())
        else:
            moved[name] = float(np.abs(after - before).mean())
    return TurnScore(
        monotone=float(rises(angles).mean()),
        span=float((angles[:, -1] - angles[:, 0]).mean()),
        error=float(np.abs(angles - asked[None]).mean()),
        unchanged=unchanged,
        moved=moved,
    )


def rises(angles: Float[np.ndarray, "k s"], *, slack: float = 0.0) -> Bool[np.ndarray, " k"]:
    """Which rows rise at every step; with `slack`, which rise as a whole and never fall by more than that."""
    steps = np.diff(angles, axis=1)
    if slack == 0:
        return np.all(steps > 0, axis=1)
    return np.all(steps >= -slack, axis=1) & (angles[:, -1] > angles[:, 0])


@functools.partial(jax.jit, static_argnames="model")
def _read(model: nn.Module, params: Params, images: UInt8[Array, "b h w c"]) -> Float[Array, "b f"]:
    pictures = images.astype(jnp.float32) / 255.0
    readings = model.apply({"params": params}, pictures, method="read")
    return jnp.asarray(readings)
