"""Directions with a meaning: from labels or factors, and for the turn of a head from pictures alone."""

import numpy as np
from flax import linen as nn
from jaxtyping import Bool, Float, Real, UInt8

from rgnn_jax.contracts import Params
from rgnn_jax.datasets.pictures import evenly
from rgnn_jax.errors import UserError
from rgnn_jax.sampling.latent import decode
from rgnn_jax.sampling.latent_curves import RIDGE, Course, LatentCurve

_AXES = 64
"""Principal axes of the codes among which the turn is looked for."""

_STARTS = 16
"""Codes from which each axis is walked, at most."""

_FACE, _HEAD = 0.3, 0.45
"""Standard deviations of the windows on the middle of the face and on the head, in half pictures."""


def mean_difference(
    codes: Float[np.ndarray, "n z"], present: Bool[np.ndarray, " n"]
) -> Float[np.ndarray, " z"]:
    """From the mean code of the pictures without an attribute to that of the pictures with it.

    Raises:
        UserError: where all of the pictures have it, or none.
    """
    if present.all() or not present.any():
        raise UserError("an attribute vector needs pictures with the attribute and pictures without it")
    return codes[present].mean(axis=0) - codes[~present].mean(axis=0)


def regression_vectors(
    codes: Float[np.ndarray, "n z"], factors: Real[np.ndarray, "n f"]
) -> Float[np.ndarray, "f z"]:
    """How the codes change as one factor grows by its standard deviation and the others stay.

    The codes are regressed on all factors at once, with a slight ridge, so that factors which occur together
    (glasses and age) are told apart. A factor that never changes has the vector zero.
    """
    inputs = np.asarray(factors, np.float64)
    inputs = inputs - inputs.mean(axis=0)
    deviation = inputs.std(axis=0)
    inputs = inputs / np.where(deviation > 0, deviation, 1)
    gram = inputs.T @ inputs / len(inputs) + RIDGE * np.eye(inputs.shape[1])
    return np.linalg.solve(gram, inputs.T @ (codes - codes.mean(axis=0)) / len(inputs))


def find_turn(
    model: nn.Module, params: Params, codes: Float[np.ndarray, "n z"], *, reach: float = 3.0
) -> LatentCurve:
    """The direction that turns a head about the vertical axis, found without labels.

    Over many faces, left and right are alike, so what is left of the mean change along a direction after its
    mirror image is subtracted comes from turns, tilts, shifts and light from the side. Each of these changes
    the mean face I in a known way: light adds a ramp from left to right, to the picture or to the head; a
    shift moves everything (-dI/dx); a tilt turns it in the picture's plane; and a turn of the head moves the
    middle of the face against its outline (-dI/dx in a window). The direction is the regression of the last,
    freed of the others, on the asymmetric changes along the principal axes of the codes.

    Args:
        model: a `contracts.LatentModel`.
        params: its parameters.
        codes: of pictures of faces.
        reach: the curve's ends, in standard deviations of the direction.

    Returns:
        A straight curve in standard deviations, greater values facing the picture's right.
    """
    codes = np.asarray(codes, np.float64)
    mean = codes.mean(axis=0)
    axes, deviations = _principal_axes(codes - mean)
    starts = codes[evenly(len(codes), _STARTS)]
    changes = np.stack([_mean_change(model, params, starts, step) for step in axes * deviations[:, None]])
    asymmetric = _asymmetric(changes).reshape(len(axes), -1)
    picture = decode(model, params, starts).astype(np.float64).mean(axis=0) / 255
    gram = asymmetric @ asymmetric.T
    ridge = np.linalg.eigvalsh(gram)[-1] + 1e-12
    weights = np.linalg.solve(gram + ridge * np.eye(len(gram)), asymmetric @ _turn_of(picture).ravel())
    size = np.linalg.norm(weights)
    if size < 1e-9:
        raise UserError("nothing in the latent space moves a face to one side: no turn can be found")
    step = weights / size * deviations @ axes
    values = np.linspace(-reach, reach, 61)
    precision = (axes.T / deviations**2) @ axes
    return LatentCurve(values, mean + values[:, None] * step, precision)


def _principal_axes(centred: Float[np.ndarray, "n z"]) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors and the codes' standard deviations along them, without those that hardly vary."""
    variances, vectors = np.linalg.eigh(centred.T @ centred / len(centred))
    kept = np.flatnonzero(variances > 1e-4 * variances[-1])[::-1][:_AXES]
    return vectors[:, kept].T, np.sqrt(variances[kept])


def _mean_change(
    model: nn.Module, params: Params, starts: Float[np.ndarray, "n z"], step: Float[np.ndarray, " z"]
) -> Float[np.ndarray, "h w c"]:
    high, low = (decode(model, params, starts + sign * step).astype(np.float64) for sign in (1, -1))
    return (high - low).mean(axis=0) / 510


def _asymmetric(pictures: Float[np.ndarray, "... h w c"]) -> Float[np.ndarray, "... h w c"]:
    return (pictures - pictures[..., ::-1, :]) / 2


def _turn_of(picture: Float[np.ndarray, "h w c"]) -> Float[np.ndarray, "h w c"]:
    """The change of a mean face by a small turn to the right, freed of what shift, tilt and light do."""
    symmetric = (picture + picture[:, ::-1]) / 2
    height, width, _ = picture.shape
    y = np.linspace(-1, 1, height)[:, None, None]
    x = np.linspace(-1, 1, width)[None, :, None]
    down, right = np.gradient(symmetric, axis=(0, 1))
    face, head = (np.exp(-(x**2 + y**2) / (2 * spread**2)) for spread in (_FACE, _HEAD))
    light, light_on_head = (np.broadcast_to(ramp, picture.shape) for ramp in (x, x * head))
    nuisances = (right, right * y - down * x, light, light_on_head)
    others = np.stack([_asymmetric(nuisance).ravel() for nuisance in nuisances], axis=1)
    turn = _asymmetric(-right * face).ravel()
    explained = others @ np.linalg.lstsq(others, turn, rcond=None)[0]
    return (turn - explained).reshape(picture.shape)


def edit(
    codes: Float[np.ndarray, "n z"], vector: Float[np.ndarray, " z"], strengths: Real[np.ndarray, " s"]
) -> Float[np.ndarray, "n s z"]:
    """Each code with a multiple of a vector added, for each strength."""
    return codes[:, None] + np.asarray(strengths, np.float64)[None, :, None] * vector


def rotate(
    model: nn.Module, params: Params, curve: Course, codes: Float[np.ndarray, "n z"], count: int
) -> tuple[Float[np.ndarray, " v"], UInt8[np.ndarray, "n v h w c"]]:
    """Strips from one end of a curve to the other: the values, and each code's pictures at them."""
    values = np.linspace(curve.values[0], curve.values[-1], count)
    return values, decode(model, params, curve.move(codes, values))
