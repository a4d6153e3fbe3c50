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
from rgnn_jax.datasets.faces import Factor
from rgnn_jax.in_batches import in_batches


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
    return in_batches(lambda rows: _read(model, params, images[rows]), len(images), batch_size)


def score_readings(
    model: nn.Module,
    params: Params,
    images: UInt8[np.ndarray, "n h w c"],
    factors: Float[np.ndarray, "n f"],
    *,
    batch_size: int = 256,
) -> dict[str, float]:
    """How well a network reads the factors of pictures where they are known.

    Args:
        model: has methods `read` and `nll`, as `FactorReader` does, and what it reads as `factors`.
        params: its parameters.
        images: the pictures.
        factors: the truth.
        batch_size: pictures at a time; of no influence on the result.

    Returns:
        `loss`, nats summed over factors; `NAME_accuracy` of each categorical factor, `NAME_error`, the mean
        absolute error in its unit, of each other.
    """
    nll = in_batches(lambda rows: _nll(model, params, images[rows], factors[rows]), len(images), batch_size)
    readings = read_factors(model, params, images, batch_size=batch_size)
    scores = {"loss": float(nll.sum(1, dtype=np.float64).mean())}
    for factor, read, truth in zip(model.factors, readings.T, factors.T, strict=True):
        if factor.kind == "categorical":
            scores[f"{factor.name}_accuracy"] = float((read == truth).mean())
        else:
            scores[f"{factor.name}_error"] = float(np.abs(read - truth).mean())
    return scores


def score_turn(
    readings: Float[np.ndarray, "k s f"],
    asked: Float[np.ndarray, " s"],
    reference: Float[np.ndarray, "k f"],
    factors: Sequence[Factor],
    *,
    turn: str = "turn",
) -> TurnScore:
    """Scores strips of pictures, each a face at rising angles.

    Args:
        readings: factors as read off the pictures of each strip.
        asked: the angle that each picture of a strip should show, rising.
        reference: factors as read off the face that was to be turned.
        factors: what the columns are.
        turn: name of the factor that is the angle.
    """
    place = [factor.name for factor in factors].index(turn)
    angles = readings[:, :, place]
    unchanged, moved = {}, {}
    for j, factor in enumerate(factors):
        before, after = reference[:, None, j], readings[:, :, j]
        if factor.kind == "categorical":
            unchanged[factor.name] = float((after == before).mean())
        elif j != place:
            moved[factor.name] = float(np.abs(after - before).mean())
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
    readings = model.apply({"params": params}, images.astype(jnp.float32) / 255.0, method="read")
    return jnp.asarray(readings)


@functools.partial(jax.jit, static_argnames="model")
def _nll(
    model: nn.Module, params: Params, images: UInt8[Array, "b h w c"], factors: Float[Array, "b f"]
) -> Float[Array, "b f"]:
    nll = model.apply({"params": params}, images.astype(jnp.float32) / 255.0, factors, method="nll")
    return jnp.asarray(nll)
