"""Shaded solids for the rendered faces: bodies with elliptic cross-sections, turned about the vertical axis.

The camera looks along -z without perspective; x points to the picture's right, y up. A row of the picture
cuts such a body in an ellipse, so that its outline, depth and normal have closed forms.
"""

import math
from typing import NamedTuple

import numpy as np

SIZE = 64
ZOOM = 1.1
PIXEL = 2 / SIZE / ZOOM
MIDDLE = -0.06
PIVOT = -0.62
_Number = np.ndarray | np.floating | float | int
_Window = tuple[slice, slice]


def clip(values: np.ndarray) -> np.ndarray:
    """`values` confined to [0, 1]."""
    confined = np.maximum(values, 0)
    return np.minimum(confined, 1, out=confined)


def edge(distance: np.ndarray) -> np.ndarray:
    """How much of a pixel lies inside, for the signed distance of its centre from an outline."""
    inside = distance * (1 / PIXEL)
    inside += 0.5
    return clip(inside)


class Solid(NamedTuple):
    """A body whose cross-section at height y is an ellipse of radii `rx s` and `rz s`.

    With v = (y - y0) / ry, s^2 = (1 - v^2) (1 + egg v + box v^2): an ellipsoid where egg = box = 0, wider
    above where egg > 0, fuller at both ends where box > 0. The centre is (x0, y, z0 + lean (y - y0)).
    Each but y0 is one number, or one a face as [n 1 1].
    """

    x0: _Number
    y0: float
    z0: _Number
    rx: _Number
    ry: _Number
    rz: _Number
    egg: _Number = 0.0
    box: _Number = 0.0
    lean: _Number = 0.0


class Pose(NamedTuple):
    """How something stands before the camera: positions and light are in its own frame, but for the turn.

    Attributes:
        cos: of the turn about the vertical axis, [n 1 1].
        sin: likewise.
        x: of each pixel, after the tilt is undone, [n h w].
        y: likewise.
        light: unit vector towards the light, three of [n 1 1].
        swing: sine of the greatest tilt that may occur.
    """

    cos: np.ndarray
    sin: np.ndarray
    x: np.ndarray
    y: np.ndarray
    light: tuple[np.ndarray, np.ndarray, np.ndarray]
    swing: float

    def at(self, rows: np.ndarray) -> "Pose":
        """The pose of the faces `rows` alone."""
        a, b, c = self.light
        return Pose(
            self.cos[rows],
            self.sin[rows],
            self.x[rows],
            self.y[rows],
            (a[rows], b[rows], c[rows]),
            self.swing,
        )

    def window(self, reach: float, low: float, high: float) -> _Window:
        """Rows and columns outside of which |x| > reach or y < low or y > high, whatever the tilt."""
        width = reach + self.swing * max(abs(low - PIVOT), abs(high - PIVOT))
        sag = 0.6 * self.swing**2
        low = low - self.swing * reach - sag * abs(low - PIVOT)
        high = high + self.swing * reach + sag * abs(high - PIVOT)
        half = SIZE / 2
        top, bottom = half - (high - MIDDLE) / PIXEL, half - (low - MIDDLE) / PIXEL
        left, right = half - width / PIXEL, half + width / PIXEL
        return (
            slice(max(int(top) - 1, 0), min(int(bottom) + 2, SIZE)),
            slice(max(int(left) - 1, 0), min(int(right) + 2, SIZE)),
        )


def window(solid: Solid, pose: Pose) -> _Window:
    """Rows and columns outside of which `solid` is never seen, whatever the turn and the tilt."""
    x0, _, z0, rx, ry, rz, egg, box, lean = (float(np.abs(value).max()) for value in solid)
    reach = x0 + z0 + lean * ry + max(rx, rz) * math.sqrt(1 + egg + box)
    return pose.window(reach, solid.y0 - ry, solid.y0 + ry)


class Surface(NamedTuple):
    """What the camera sees of a solid, within `window`; each [n h w].

    Attributes:
        window: rows and columns of the picture.
        coverage: how much of the pixel lies inside the outline.
        depth: z of the nearest point, in the camera's frame.
        back: z of the farthest point.
        x: the nearest point in the solid's frame.
        y: likewise.
        z: likewise, towards the nose.
        light: cosine between normal and light.
        stretch: how much `x` changes for one step to the right in the picture.
    """

    window: _Window
    coverage: np.ndarray
    depth: np.ndarray
    back: np.ndarray
    x: np.ndarray
    y: np.ndarray
    z: np.ndarray
    light: np.ndarray
    stretch: np.ndarray

    def crop(self, window: _Window) -> tuple["Surface", _Window]:
        """The part within `window`, and where in this surface it lies."""
        inner = []
        for part, whole in zip(window, self.window, strict=True):
            start, stop = max(part.start, whole.start), min(part.stop, whole.stop)
            inner.append(slice(start - whole.start, stop - whole.start))
        rows, columns = inner
        return Surface(window, *(values[:, rows, columns] for values in self[1:])), (rows, columns)


def look(solid: Solid, pose: Pose) -> Surface:
    """Looks at `solid` from the camera of `pose`."""
    part = window(solid, pose)
    px, py = pose.x[:, *part], pose.y[:, *part]
    x0, y0, z0, rx, ry, rz, egg, box, lean = (np.asarray(value, np.float32) for value in solid)
    c, s = pose.cos, pose.sin
    # (dx, dz) from the centre lies on the surface where dx^2 xx + 2 dx dz xz + dz^2 zz = s^2(y).
    ix, iz = 1 / (rx * rx), 1 / (rz * rz)
    xx, xz, zz = c * c * ix + s * s * iz, c * s * (iz - ix), s * s * ix + c * c * iz
    v = (py - y0) * (1 / ry)
    rounded, fuller = 1 - v * v, 1 + v * (egg + box * v)
    slope = (rounded * (egg + (2 * box) * v) - (2 * v) * fuller) * (1 / ry)
    forward = z0 + (lean * ry) * v
    dx = px - s * forward - c * x0
    flat = dx * (ix * iz / zz)
    inside = rounded * fuller - flat * dx
    across, along = 2 * flat, slope + (2 * s * lean) * flat
    steep = np.sqrt(across * across + along * along) + 1e-6
    # Beyond its ends the profile may rise again.
    coverage = edge(inside / steep)
    coverage *= rounded > -4 * PIXEL / ry
    root = np.sqrt(np.maximum(inside, 0))
    reach, middle = root * (1 / np.sqrt(zz)), dx * (-xz / zz)
    dz = middle + reach
    centre = c * forward - s * x0
    gx, gz = xx * dx + xz * dz, np.sqrt(zz) * root
    towards_nose = s * gx + c * gz
    gy = -0.5 * slope - lean * towards_nose
    lx, ly, lz = pose.light
    light = (gx * lx + gy * ly + gz * lz) / (np.sqrt(gx * gx + gy * gy + gz * gz) + 1e-6)
    return Surface(
        part,
        coverage,
        depth=centre + dz,
        back=centre + middle - reach,
        x=x0 + c * dx - s * dz,
        y=py,
        z=forward + s * dx + c * dz,
        light=light,
        stretch=np.minimum(np.abs(towards_nose) / (gz + 1e-3), 4),
    )


class Canvas:
    """The pictures so far, rgb [n 3 h w] in [0, 1], and the depth of what they show, [n h w]."""

    def __init__(self, rgb: np.ndarray) -> None:
        self.rgb = rgb
        self.depth = np.full(rgb[:, 0].shape, -4, np.float32)

    def put(
        self,
        rgb: np.ndarray,
        alpha: np.ndarray,
        depth: np.ndarray,
        window: _Window,
        rows: np.ndarray | slice = slice(None),
        softness: float = 0.03,
    ) -> None:
        """Draws something, which what lies nearer hides.

        Args:
            rgb: [n 3 h w] or, for one colour, [n 3 1 1].
            alpha: opacity, [n h w].
            depth: [n h w].
            window: rows and columns of the picture.
            rows: which faces.
            softness: over what depth one thing comes out of another.
        """
        before, old = self.depth[rows, *window], self.rgb[rows, :, *window]
        nearer = depth - before
        alpha = alpha * clip(nearer * (1 / softness) + 0.5)
        nearer *= alpha
        self.depth[rows, *window] = nearer + before
        change = rgb - old
        change *= alpha[:, None]
        self.rgb[rows, :, *window] = np.add(change, old, out=change)
