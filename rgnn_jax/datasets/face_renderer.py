"""Draws rendered faces: head, hair, hat and glasses as solids, eyes and mouth painted on the head."""

from typing import NamedTuple

import numpy as np

from rgnn_jax.datasets.face_paint import paint_face
from rgnn_jax.datasets.face_solids import PIXEL, SIZE, Canvas, Pose, Solid, Surface, clip, surface

f32 = np.float32
PIVOT = f32(-0.62)
AMBIENT, DIRECT = f32(0.70), f32(0.36)

SKIN = np.array(
    [[252, 222, 200], [240, 194, 160], [214, 160, 120], [164, 110, 76], [112, 72, 50], [74, 48, 36]], f32
) / f32(255)
HAIR = np.array([[28, 24, 28], [78, 48, 32], [146, 66, 34], [214, 164, 84], [236, 224, 196]], f32) / f32(255)
SHIRT = np.array([86, 104, 128], f32) / f32(255)
BEANIE = np.array([196, 62, 70], f32) / f32(255)
CAP = np.array([52, 92, 168], f32) / f32(255)
FRAME = np.array([34, 30, 36], f32) / f32(255)

# One row a hair style: top, bottom (y), rx, rz, z0, egg, box, and the hairline Y = line + rise Z.
CUTS = np.array(
    [
        [0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [0.70, -0.42, 0.51, 0.57, -0.03, 0.15, 0.30, 0.02, 0.72],
        [0.72, -0.50, 0.57, 0.58, -0.04, -0.05, 0.55, -0.70, 2.2],
        [0.72, -0.86, 0.57, 0.56, -0.06, -0.05, 0.60, -0.85, 2.6],
        [0.84, -0.36, 0.68, 0.68, -0.08, 0.10, 0.20, -0.02, 0.85],
    ],
    f32,
)


class Face(NamedTuple):
    """The factors of n faces, each [n]; `rgnn_jax.datasets.faces.FACTORS` says what they mean."""

    turn: np.ndarray
    tilt: np.ndarray
    skin: np.ndarray
    hair_style: np.ndarray
    hair_colour: np.ndarray
    glasses: np.ndarray
    hat: np.ndarray
    smile: np.ndarray
    background: np.ndarray
    light: np.ndarray
    face_width: np.ndarray
    nose_size: np.ndarray


def each(values: np.ndarray) -> np.ndarray:
    """[n] as [n 1 1]."""
    return values[:, None, None]


def cos_sin(degrees: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cosine and sine as [n 1 1], by their series: libraries' last bits differ from machine to machine."""
    x = each(degrees.astype(np.float64) * (np.pi / 180))
    square = x * x
    cos, sin = np.ones_like(x), x.copy()
    term_cos, term_sin = np.ones_like(x), x.copy()
    for k in range(1, 10):
        term_cos = term_cos * square * (-1 / ((2 * k - 1) * (2 * k)))
        term_sin = term_sin * square * (-1 / ((2 * k) * (2 * k + 1)))
        cos, sin = cos + term_cos, sin + term_sin
    return cos.astype(f32), sin.astype(f32)


def along(palette: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Colours [n 3 1 1] at `place` in [0, 1] of a palette, straight lines between its colours."""
    position = place * f32(len(palette) - 1)
    left = np.minimum(position.astype(np.int64), len(palette) - 2)
    share = (position - left.astype(f32))[:, None]
    return (palette[left] + share * (palette[left + 1] - palette[left]))[:, :, None, None]


def backdrop(place: np.ndarray) -> np.ndarray:
    """A pastel wall, lighter in the middle: [n 3 h w]."""
    hue = place[:, None] * f32(0.8) * 6
    centre = np.array([[3, 2, 4]], f32)
    distance = np.abs(hue - centre)
    red = np.abs(hue - 3) - 1
    tints = np.where(np.arange(3)[None] == 0, red, 2 - distance)
    tints = f32(0.45) + f32(0.43) * clip(tints)
    axis = (np.arange(SIZE, dtype=f32) + f32(0.5)) * PIXEL - 1
    glow = f32(1.06) - f32(0.16) * (axis[:, None] * axis[:, None] + axis[None] * axis[None])
    return tints[:, :, None, None] * glow


def poses(face: Face) -> tuple[Pose, Pose]:
    """The body's pose, which looks ahead, and the head's."""
    n = len(face.turn)
    axis = (np.arange(SIZE, dtype=f32) + f32(0.5)) * PIXEL - 1
    x = np.broadcast_to(axis[None, None, :], (n, SIZE, SIZE))
    y = np.broadcast_to(-axis[None, :, None], (n, SIZE, SIZE))
    across = each(face.light) * f32(0.75)
    up, ahead = f32(0.45), f32(0.75)
    norm = 1 / np.sqrt(across * across + (up * up + ahead * ahead))
    light = (across * norm, up * norm, ahead * norm)
    one = np.ones((n, 1, 1), f32)
    body = Pose(one, 0 * one, x, y, light)
    cos, sin = cos_sin(face.tilt)
    above = y - PIVOT
    turned = (cos * light[0] - sin * light[1], sin * light[0] + cos * light[1], light[2])
    head = Pose(*cos_sin(face.turn), cos * x - sin * above, sin * x + cos * above + PIVOT, turned)
    return body, head


def lit(rgb: np.ndarray, seen: Surface, ambient: np.floating = AMBIENT) -> np.ndarray:
    """A surface's colour under the light."""
    return rgb * (ambient + DIRECT * clip(seen.light))[:, None]


def draw(face: Face) -> np.ndarray:
    """The pictures of `face` as uint8 [n 64 64 3]."""
    body, head = poses(face)
    canvas = Canvas(backdrop(face.background))
    skin, hair = along(SKIN, face.skin), along(HAIR, face.hair_colour)
    draw_body(canvas, body, skin)
    draw_head(canvas, head, face, skin, hair)
    for style in range(1, len(CUTS)):
        rows = np.flatnonzero(face.hair_style == style)
        if rows.size:
            draw_hair(canvas, head.at(rows), CUTS[style], hair[rows], face.hat[rows] > 0, rows)
    for kind, wear in ((1, draw_beanie), (2, draw_cap)):
        rows = np.flatnonzero(face.hat == kind)
        if rows.size:
            wear(canvas, head.at(rows), rows)
    rows = np.flatnonzero(face.glasses > 0)
    if rows.size:
        draw_glasses(canvas, head.at(rows), each(face.glasses[rows] == 2), rows)
    return np.rint(clip(canvas.rgb) * f32(255)).astype(np.uint8).transpose(0, 2, 3, 1)


def draw_body(canvas: Canvas, pose: Pose, skin: np.ndarray) -> None:
    """Shoulders in a shirt, and a neck."""
    neck = surface(Solid(0, -0.75, -0.12, 0.21, 0.8, 0.21, box=0.6), pose)
    canvas.put(lit(skin * f32(0.86), neck), neck.coverage, neck.depth)
    shirt = surface(Solid(0, -1.15, -0.12, 0.82, 0.45, 0.36, box=0.3), pose)
    canvas.put(lit(SHIRT[None, :, None, None], shirt), shirt.coverage, shirt.depth)


def draw_head(canvas: Canvas, pose: Pose, face: Face, skin: np.ndarray, hair: np.ndarray) -> None:
    """The head with all that is painted on it, ears and nose."""
    width = 1 + f32(0.09) * each(face.face_width)
    for side in (-1, 1):
        ear = surface(Solid(side * f32(0.46) * width, -0.02, -0.04, 0.06, 0.14, 0.10), pose)
        canvas.put(lit(skin * f32(0.95), ear), ear.coverage, ear.depth)
    seen = surface(Solid(0, 0.02, 0, f32(0.46) * width, 0.62, 0.52, egg=0.22, box=0.15), pose)
    painted = paint_face(each(face.smile), seen, pose, skin, hair)
    canvas.put(lit(painted, seen), seen.coverage, seen.depth)
    size = 1 + f32(0.25) * each(face.nose_size)
    nose = surface(
        Solid(0, -0.03, 0.50, f32(0.065) * size, f32(0.15) * size, f32(0.10) * size, -0.7, 0.2, -0.42), pose
    )
    canvas.put(lit(skin * f32(1.02), nose), nose.coverage, nose.depth, softness=0.06)


def draw_hair(
    canvas: Canvas, pose: Pose, cut: np.ndarray, hair: np.ndarray, hat: np.ndarray, rows: np.ndarray
) -> None:
    """Hair as a shell about the head, open before the face."""
    top, bottom, rx, rz, z0, egg, box, line, rise = cut
    solid = Solid(0, (top + bottom) / 2, z0, rx, (top - bottom) / 2, rz, egg, box)
    seen = surface(solid, pose)
    shown = seen.coverage * (1 - each(hat) * clip((pose.y - f32(0.36)) * 32))
    inside = clip(f32(0.5) + (line + rise * (seen.z - f32(0.05)) * 0 - pose.y * 0 + 1) * 32)
    canvas.put(hair * f32(0.55), shown * inside, seen.back, rows)
    above = pose.y - (line + rise * seen.z)
    front = clip(f32(0.5) + above * f32(32 / np.sqrt(1 + rise * rise)))
    canvas.put(lit(hair, seen, f32(0.6)), shown * front, seen.depth, rows)


def draw_beanie(canvas: Canvas, pose: Pose, rows: np.ndarray) -> None:
    """A knitted cap with a cuff."""
    seen = surface(Solid(0, 0.22, -0.02, 0.55, 0.58, 0.61, 0.0, 0.1), pose)
    above = pose.y - f32(0.30) - f32(0.12) * seen.z
    cuff = clip((f32(0.14) - above) * 32)
    rgb = BEANIE[None, :, None, None] * (1 - f32(0.28) * cuff[:, None])
    canvas.put(lit(rgb, seen), seen.coverage * clip(f32(0.5) + above * 32), seen.depth, rows)


def draw_cap(canvas: Canvas, pose: Pose, rows: np.ndarray) -> None:
    """A cap with a peak that points where the face looks."""
    seen = surface(Solid(0, 0.22, -0.03, 0.54, 0.54, 0.60, 0.0, 0.15), pose)
    above = pose.y - f32(0.34) - f32(0.02) * seen.z
    blue = CAP[None, :, None, None]
    canvas.put(lit(blue, seen), seen.coverage * clip(f32(0.5) + above * 32), seen.depth, rows)
    peak = surface(Solid(0, 0.34, 0.56, 0.40, 0.09, 0.26, lean=-1.2), pose)
    canvas.put(lit(blue * f32(0.8), peak), peak.coverage, peak.depth, rows)


def draw_glasses(canvas: Canvas, pose: Pose, dark: np.ndarray, rows: np.ndarray) -> None:
    """Two round lenses in a plane before the eyes, with a bridge."""
    plane = f32(0.60)
    x = (pose.x - pose.sin * plane) / pose.cos
    depth = pose.cos * plane - pose.sin * x
    across, up = np.abs(x) - f32(0.19), pose.y - f32(0.08)
    radius = np.sqrt(across * across + f32(1.15) * up * up)
    lens = clip(f32(0.5) + (f32(0.15) - radius) * 32)
    rim = lens * clip(f32(0.5) + (radius - f32(0.125)) * 32)
    bridge = clip(f32(0.5) + (f32(0.05) - np.abs(x)) * 32) * clip(f32(0.5) + (f32(0.015) - np.abs(up)) * 32)
    tint = np.where(dark, f32(0.92), f32(0.12)) * lens
    glass = np.where(dark[:, None], FRAME[None, :, None, None], f32(1))
    canvas.put(glass, tint, depth, rows)
    canvas.put(FRAME[None, :, None, None], np.maximum(rim, bridge), depth + f32(0.01), rows)
