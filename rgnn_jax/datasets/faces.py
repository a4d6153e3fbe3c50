"""Rendered faces: 64x64 colour portraits whose causes are known, drawn without any download."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float, Float32, Int, UInt8

from rgnn_jax.datasets.face_renderer import Face, draw
from rgnn_jax.errors import UserError

CHUNK = 8


class Factor(NamedTuple):
    """One cause of a rendered face.

    Attributes:
        name: as in `FACTOR_NAMES`.
        kind: "continuous", a number from `low` to `high`, drawn uniformly; or "categorical", the place of one
            of `categories`, counted from 0.
        meaning: what the number says, with its unit.
        low: least value.
        high: greatest value.
        categories: names of the values of a categorical factor, else empty.
        weights: probabilities of the categories when drawn.
    """

    name: str
    kind: Literal["continuous", "categorical"]
    meaning: str
    low: float
    high: float
    categories: tuple[str, ...] = ()
    weights: tuple[float, ...] = ()


def _continuous(name: str, low: float, high: float, meaning: str) -> Factor:
    return Factor(name, "continuous", meaning, low, high)


def _categorical(name: str, meaning: str, **weights: float) -> Factor:
    names, shares = tuple(weights), tuple(weights.values())
    return Factor(name, "categorical", meaning, 0.0, len(weights) - 1.0, names, shares)


FACTORS = (
    _continuous(
        "turn", -45.0, 45.0, "turn about the vertical axis, degrees; positive: nose to the picture's right"
    ),
    _continuous(
        "tilt", -15.0, 15.0, "lean in the picture's plane, degrees; positive: crown to the picture's right"
    ),
    _continuous("skin", 0.0, 1.0, "skin tone from light to dark"),
    _categorical("hair_style", "cut of the hair", bald=0.2, short=0.2, bob=0.2, long=0.2, curly=0.2),
    _continuous("hair_colour", 0.0, 1.0, "hair and brows: black, brown, auburn, blond, platinum"),
    _categorical("glasses", "what is worn before the eyes", none=0.5, glasses=0.25, sunglasses=0.25),
    _categorical("hat", "what is worn on the head", none=0.6, beanie=0.2, cap=0.2),
    _continuous("smile", -1.0, 1.0, "mouth from corners down to an open smile"),
    _continuous("background", 0.0, 1.0, "hue behind the head: red, yellow, green, blue, violet"),
    _continuous("light", -1.0, 1.0, "where the light comes from: the picture's left to its right"),
    _continuous("face_width", -1.0, 1.0, "head from narrow to wide"),
    _continuous("nose_size", -1.0, 1.0, "nose from small to large"),
)
"""The causes of a face, in the order of the columns of a factor array."""

FACTOR_NAMES: tuple[str, ...] = tuple(factor.name for factor in FACTORS)


def _mix(bits: np.ndarray) -> np.ndarray:
    """The finaliser of SplitMix64 (Steele, Lea and Flood, 2014): all bits depend on all."""
    bits = bits + np.uint64(0x9E3779B97F4A7C15)
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))


def face_factors(seed: int, indices: Sequence[int] | Int[np.ndarray, " n"]) -> Float32[np.ndarray, "n f"]:
    """Factors of the faces `indices` of the endless set `seed`, independent of each other.

    Face i is a function of (seed, i) alone, whatever else is drawn.

    Args:
        seed: which set, at least 0.
        indices: which faces, each at least 0.

    Raises:
        UserError: for a negative or fractional seed or index.
    """
    places = np.asarray(indices)
    if places.size == 0:
        places = places.astype(np.int64)
    if not 0 <= seed < 2**64 or places.ndim != 1 or places.dtype.kind not in "iu" or (places < 0).any():
        raise UserError("faces are drawn from a seed and a list of indices, whole numbers of at least 0")
    stream = _mix(np.full(1, seed, np.uint64))
    bits = _mix(_mix(stream + places.astype(np.uint64))[:, None] + np.arange(len(FACTORS), dtype=np.uint64))
    uniform = (bits >> np.uint64(11)).astype(np.float64) * 2.0**-53
    columns = []
    for factor, u in zip(FACTORS, uniform.T, strict=True):
        if factor.kind == "categorical":
            columns.append(np.searchsorted(np.cumsum(factor.weights)[:-1], u, side="right"))
        else:
            columns.append(factor.low + (factor.high - factor.low) * u)
    return np.stack(columns, axis=1).astype(np.float32)


def render(factors: Float[np.ndarray, "n f"]) -> UInt8[np.ndarray, "n 64 64 3"]:
    """Pictures of any factors, such as one face at several turns.

    Only operations whose result IEEE 754 fixes (and whole-number arithmetic) are used, element by element:
    a face has the same bytes in every batch and on every machine.

    Args:
        factors: columns in the order of `FACTORS`.

    Raises:
        UserError: for a value outside its factor's range, naming the factor.
    """
    factors = np.asarray(factors, np.float32)
    if factors.ndim != 2 or factors.shape[1] != len(FACTORS):
        raise UserError(f"a face has {len(FACTORS)} factors ({', '.join(FACTOR_NAMES)}), not {factors.shape}")
    for factor, values in zip(FACTORS, factors.T, strict=True):
        whole = factor.kind == "continuous" or (values == np.rint(values)).all()
        if not (whole and ((values >= factor.low) & (values <= factor.high)).all()):
            number = "a number" if factor.kind == "continuous" else "a whole number"
            raise UserError(f"{factor.name}: must be {number} from {factor.low:g} to {factor.high:g}")
    images = np.empty((len(factors), 64, 64, 3), np.uint8)
    for start in range(0, len(factors), CHUNK):
        rows = slice(start, start + CHUNK)
        images[rows] = draw(Face(*factors[rows].T))
    return images


def render_faces(
    seed: int, indices: Sequence[int] | Int[np.ndarray, " n"]
) -> tuple[UInt8[np.ndarray, "n 64 64 3"], Float32[np.ndarray, "n f"]]:
    """The faces `indices` of the set `seed`, and their factors: see `face_factors` and `render`."""
    factors = face_factors(seed, indices)
    return render(factors), factors
