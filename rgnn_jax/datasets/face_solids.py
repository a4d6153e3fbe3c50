"""Shaded solids for the rendered faces: bodies with elliptic cross-sections, turned about the vertical axis.

The camera looks along -z without perspective; x points to the picture's right, y up, both from -1 to 1. A row
of the picture cuts such a body in an ellipse, so that its outline, depth and normal have closed forms.
"""

from typing import NamedTuple

import numpy as np

SIZE = 64
PIXEL = np.float32(2 / SIZE)
Scalar = np.ndarray | np.floating | float | int
"""A number, or one a face as [n 1 1]."""


class Pose(NamedTuple):
    """Where a group of solids looks: cosine and sine of its turn, pixel positions and light in its own frame.

    Attributes:
        cos: [n 1 1].
        sin: [n 1 1].
        x: [n h w], after the tilt is undone.
        y: [n h w], likewise.
        light: unit vector towards the light, three of [n 1 1], in the same frame.
    """

    cos: np.ndarray
    sin: np.ndarray
    x: np.ndarray
    y: np.ndarray
    light: tuple[np.ndarray, np.ndarray, np.ndarray]

    def at(self, rows: np.ndarray) -> "Pose":
        """The pose of the faces `rows` alone."""
        a, b, c = self.light
        return Pose(self.cos[rows], self.sin[rows], self.x[rows], self.y[rows], (a[rows], b[rows], c[rows]))


class Solid(NamedTuple):
    """A body whose cross-section at height y is an ellipse of radii `rx s` and `rz s`.

    With v = (y - y0) / ry, s^2 = (1 - v^2) (1 + egg v + box v^2): an ellipsoid where egg = box = 0, wider
    above where egg > 0, fuller at both ends where box > 0. The centre is (x0, y, z0 + lean (y - y0)).
    """

    x0: Scalar
    y0: Scalar
    z0: Scalar
    rx: Scalar
    ry: Scalar
    rz: Scalar
    egg: Scalar = 0.0
    box: Scalar = 0.0
    lean: Scalar = 0.0


class Surface(NamedTuple):
    """What the camera sees of a solid, each [n h w].

    Attributes:
        coverage: how much of the pixel lies inside the outline.
        depth: z of the nearest point, in the camera's frame.
        back: z of the farthest point.
        x: the nearest point in the head's frame, to the left ear's side.
        z: likewise, towards the nose.
        light: cosine between normal and light.
        shine: cosine between normal and the direction halfway from camera to light.
        stretch: how much `x` changes for one step to the right in the picture.
    """

    coverage: np.ndarray
    depth: np.ndarray
    back: np.ndarray
    x: np.ndarray
    z: np.ndarray
    light: np.ndarray
    stretch: np.ndarray


def clip(values: np.ndarray) -> np.ndarray:
    """`values` confined to [0, 1]."""
    return np.minimum(np.maximum(values, np.float32(0)), np.float32(1))


def surface(solid: Solid, pose: Pose) -> Surface:
    """Looks at `solid` from the camera of `pose`."""
    f = np.float32
    x0, y0, z0, rx, ry, rz, egg, box, lean = (np.asarray(value, f) for value in solid)
    c, s = pose.cos, pose.sin
    # (dx, dz) lies on the outline where C dx^2 + 2 B dx dz + A dz^2 = s^2(y).
    ix, iz = 1 / (rx * rx), 1 / (rz * rz)
    A, B, C = s * s * ix + c * c * iz, c * s * (iz - ix), c * c * ix + s * s * iz
    flat = ix * iz / A
    v = (pose.y - y0) * (1 / ry)
    round_, fuller = 1 - v * v, 1 + v * (egg + box * v)
    profile = round_ * fuller
    slope = (round_ * (egg + (2 * box) * v) - (2 * v) * fuller) * (1 / ry)
    forward = z0 + (lean * ry) * v
    dx = pose.x - s * forward - c * x0
    inside = profile - flat * dx * dx
    steep = np.sqrt((flat * dx) * (flat * dx) * 4 + (slope + (2 * s * lean) * flat * dx) ** 2)
    # Outside of its height the body's profile may rise again.
    coverage = clip(f(0.5) + inside / (steep * PIXEL + f(1e-6))) * (round_ > -8 * PIXEL / ry)
    root = np.sqrt(np.maximum(inside, f(0)))
    reach = root * (1 / np.sqrt(A))
    middle = dx * (-B / A)
    dz = middle + reach
    centre = c * forward - s * x0
    gx = C * dx + B * dz
    gz = np.sqrt(A) * root
    gz_head = s * gx + c * gz
    gy = f(-0.5) * slope - lean * gz_head
    norm = 1 / (np.sqrt(gx * gx + gy * gy + gz * gz) + f(1e-6))
    lx, ly, lz = pose.light
    light = (gx * lx + gy * ly + gz * lz) * norm
    stretch = np.minimum(np.abs(gz_head) / (gz + f(1e-3)), f(4))
    return Surface(
        coverage,
        centre + dz,
        centre + middle - reach,
        x0 + c * dx - s * dz,
        forward + s * dx + c * dz,
        light,
        stretch,
    )


class Canvas:
    """The pictures so far, with the depth of what they show: rgb [n 3 h w] in [0, 1], depth [n h w]."""

    def __init__(self, rgb: np.ndarray) -> None:
        self.rgb = rgb
        self.depth = np.full(rgb[:, 0].shape, -4, np.float32)

    def put(
        self,
        rgb: np.ndarray,
        alpha: np.ndarray,
        depth: np.ndarray,
        rows: np.ndarray | slice = slice(None),
        softness: float = 0.03,
    ) -> None:
        """Draws over what lies behind.

        Args:
            rgb: [n 3 h w] or, for one colour, [n 3 1 1].
            alpha: opacity, [n h w].
            depth: [n h w].
            rows: to which faces, where not all.
            softness: over what distance one thing comes out of another.
        """
        before, old = self.depth[rows], self.rgb[rows]
        alpha = alpha * clip(np.float32(0.5) + (depth - before) * np.float32(1 / softness))
        self.depth[rows] = before + alpha * (depth - before)
        self.rgb[rows] = old + alpha[:, None] * (rgb - old)
