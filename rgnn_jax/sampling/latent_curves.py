"""How codes move as one known cause of the picture changes, such as the turn of a head."""

from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Real

from rgnn_jax.errors import UserError

RIDGE = 1e-3
"""Share of the mean eigenvalue that is added to a covariance before it is inverted."""

_SHARE, _HALVINGS = 0.1, 24
"""Which share of the codes counts in a curve of one's own, and how finely the width for it is found."""


@runtime_checkable
class Course(Protocol):
    """A way through the latent space, along which any code can be taken."""

    @property
    def values(self) -> Float[np.ndarray, " v"]:
        """Of the cause, increasing; the first and the last are the ends of the way."""

    def locate(self, codes: Float[np.ndarray, "n z"]) -> Float[np.ndarray, " n"]:
        """The most likely value of the cause at each code."""

    def move(
        self, codes: Float[np.ndarray, "n z"], values: Real[np.ndarray, " v"]
    ) -> Float[np.ndarray, "n v z"]:
        """Each code taken from where it is to each of the values of the cause."""


class LatentCurve(NamedTuple):
    """How the expected code moves as one cause of the picture changes, such as the turn of the head.

    Attributes:
        values: of the cause, increasing.
        points: the expected code at each value.
        precision: inverse covariance of the codes about the curve.
    """

    values: Float[np.ndarray, " v"]
    points: Float[np.ndarray, "v z"]
    precision: Float[np.ndarray, "z z"]

    def at(self, values: Real[np.ndarray, " n"]) -> Float[np.ndarray, "n z"]:
        """The expected codes at these values, on straight lines between the known ones and at their ends."""
        columns = [np.interp(values, self.values, column) for column in self.points.T]
        return np.stack(columns, axis=1)

    def locate(self, codes: Float[np.ndarray, "n z"]) -> Float[np.ndarray, " n"]:
        """The most likely value of each code: that of the nearest point, in the metric of the precision."""
        values = np.linspace(self.values[0], self.values[-1], 301)
        points = self.at(values)
        # Of |z - p|^2, what depends on the point p.
        distance = np.sum(points @ self.precision * points, axis=1)[None] - 2 * (
            codes @ self.precision @ points.T
        )
        return values[distance.argmin(axis=1)]

    def move(
        self, codes: Float[np.ndarray, "n z"], values: Real[np.ndarray, " v"]
    ) -> Float[np.ndarray, "n v z"]:
        """Each code taken along the curve from where it is to each of the values, its own deviation kept."""
        deviation = codes - self.at(self.locate(codes))
        return deviation[:, None] + self.at(np.asarray(values, np.float64))[None]


def fit_curve(
    codes: Float[np.ndarray, "n z"], values: Real[np.ndarray, " n"], *, degree: int = 3, count: int = 61
) -> LatentCurve:
    """The curve of codes over a known cause: a polynomial in each latent dimension, by least squares.

    Degree 1 is the linear regression whose direction is usually taken. A turn is often bent in the latent
    space, because left and right share what front does not have; a cubic follows the bend.

    Args:
        codes: of n pictures.
        values: of the cause, for each picture.
        degree: of the polynomial.
        count: points that represent the curve, from the least value to the greatest.

    Raises:
        UserError: where the cause does not change enough to be fitted.
    """
    values = np.asarray(values, np.float64)
    if len(np.unique(values)) <= degree:
        raise UserError(
            f"a curve of degree {degree} needs more than {degree} different values, as an angle has; name "
            "another factor"
        )
    grid = np.linspace(values.min(), values.max(), count)
    basis = _powers(values, grid, degree)
    coefficients, *_ = np.linalg.lstsq(basis, np.asarray(codes, np.float64), rcond=None)
    deviation = codes - basis @ coefficients
    covariance = deviation.T @ deviation / len(codes)
    ridge = RIDGE * np.trace(covariance) / len(covariance) + 1e-12
    return LatentCurve(
        grid,
        _powers(grid, grid, degree) @ coefficients,
        np.linalg.inv(covariance + ridge * np.eye(len(covariance))),
    )


class LocalCurves(NamedTuple):
    """A curve for each code, fitted to the codes most like it.

    How a turn moves a code depends on what is turned: long hair swings, glasses come along. So codes are
    compared by their deviation from the mean curve, and those alike count most in a polynomial of their own
    (locally weighted regression, Cleveland and Devlin 1988).

    Attributes:
        mean: the curve of all codes, which says where along it each code is.
        codes: what the curves are fitted to.
        causes: the value of the cause at each of them.
        degree: of the polynomials.
    """

    mean: LatentCurve
    codes: Float[np.ndarray, "n z"]
    causes: Float[np.ndarray, " n"]
    degree: int

    @property
    def values(self) -> Float[np.ndarray, " v"]:
        """Of the cause, increasing."""
        return self.mean.values

    def locate(self, codes: Float[np.ndarray, "n z"]) -> Float[np.ndarray, " n"]:
        """The most likely value of each code, as on the mean curve."""
        return self.mean.locate(codes)

    def move(
        self, codes: Float[np.ndarray, "n z"], values: Real[np.ndarray, " v"]
    ) -> Float[np.ndarray, "n v z"]:
        """Each code taken along a curve of its own from where it is to each of the values."""
        starts = self.locate(codes)
        whiten = np.linalg.cholesky(self.mean.precision)
        known = (self.codes - self.mean.at(self.causes)) @ whiten
        own = (codes - self.mean.at(starts)) @ whiten
        basis = _powers(self.causes, self.values, self.degree)
        moved = np.empty((len(codes), len(values), codes.shape[1]))
        for place, (code, start) in enumerate(zip(codes, starts, strict=True)):
            weights = _likeness(np.square(known - own[place]).sum(axis=1))[:, None]
            gram = basis.T @ (weights * basis) + RIDGE * weights.sum() * np.eye(basis.shape[1])
            curve = np.linalg.solve(gram, basis.T @ (weights * self.codes))
            here = _powers(np.append(values, start), self.values, self.degree) @ curve
            moved[place] = code + here[:-1] - here[-1:]
        return moved


def fit_local_curves(
    codes: Float[np.ndarray, "n z"], values: Real[np.ndarray, " n"], *, degree: int = 3
) -> LocalCurves:
    """Curves of codes over a known cause, each fitted to what is like the code that it is to move.

    Args:
        codes: of n pictures.
        values: of the cause, for each picture.
        degree: of the polynomials.

    Raises:
        UserError: where the cause does not change enough to be fitted.
    """
    codes, values = np.asarray(codes, np.float64), np.asarray(values, np.float64)
    return LocalCurves(fit_curve(codes, values, degree=degree), codes, values, degree)


def _likeness(squared: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """Gaussian weights of codes at these squared distances, so wide that a set share of them counts.

    How many count is the effective number (sum w)^2 / sum w^2; a width for it can be found in any number of
    dimensions, where distances themselves mean little.
    """
    squared = squared - squared.min()
    low, high = np.log(squared.mean() + 1e-12) + np.array([-12.0, 6.0])
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        weights = np.exp(-0.5 * squared / np.exp(middle))
        few = weights.sum() ** 2 / np.square(weights).sum() < _SHARE * len(weights)
        low, high = (middle, high) if few else (low, middle)
    return np.exp(-0.5 * squared / np.exp(high))


def _powers(
    at: Float[np.ndarray, " n"], values: Float[np.ndarray, " v"], degree: int
) -> Float[np.ndarray, "n p"]:
    """Chebyshev polynomials on the range of the values."""
    centre, half = (values[0] + values[-1]) / 2, (values[-1] - values[0]) / 2
    return np.polynomial.chebyshev.chebvander((at - centre) / half, degree)
