"""Draws rendered faces: body, head, hair, hat and glasses as solids, one in front of the other."""

import math
from typing import NamedTuple

import numpy as np

from rgnn_jax.datasets.face_paint import EYE_X, EYE_Y, FRAME, ellipse, paint_face, rgb
from rgnn_jax.datasets.face_solids import (
    MIDDLE,
    PIVOT,
    PIXEL,
    SIZE,
    Canvas,
    Pose,
    Solid,
    Surface,
    clip,
    edge,
    look,
)

f32 = np.float32
MOST_TILT = 0.26
"""Sine of a tilt a little beyond the factor's range."""

SKIN = (rgb(254, 224, 204), rgb(242, 196, 162), rgb(216, 162, 120), rgb(166, 112, 78), rgb(92, 58, 42))
HAIR = (rgb(30, 26, 32), rgb(82, 50, 34), rgb(152, 70, 36), rgb(218, 168, 84), rgb(240, 230, 206))
WALL = (rgb(240, 150, 140), rgb(244, 212, 140), rgb(164, 216, 160), rgb(140, 196, 236), rgb(188, 160, 226))
SHIRT, BEANIE, CAP = rgb(78, 96, 122), rgb(206, 70, 78), rgb(48, 92, 172)


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


class Cut(NamedTuple):
    """A hair style: a shell from `bottom` to `top` about the head, open before the face.

    Its front shows where y > line + rise z, along a wavy line of height `fringe`; `curl` is how far locks
    stand out.
    """

    top: float
    bottom: float
    rx: float
    rz: float
    z0: float
    egg: float
    box: float
    line: float
    rise: float
    fringe: float = 0.0
    curl: float = 0.0


SHORT = Cut(0.71, -0.42, 0.505, 0.60, -0.03, 0.15, 0.30, line=0.01, rise=0.72, fringe=0.016)
BOB = Cut(0.73, -0.46, 0.575, 0.63, -0.05, 0.0, 0.60, line=-0.50, rise=1.8)
LONG = Cut(0.73, -0.88, 0.575, 0.63, -0.06, 0.0, 0.90, line=-0.95, rise=2.75)
CURLY = Cut(0.82, -0.34, 0.64, 0.68, -0.06, 0.10, 0.20, line=0.0, rise=0.85, fringe=0.03, curl=0.035)
CUTS = (SHORT, BOB, LONG, CURLY)


def each(values: np.ndarray) -> np.ndarray:
    """[n] as [n 1 1]."""
    return values[:, None, None]


def cos_sin(degrees: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cosine and sine as [n 1 1], by their series: libraries' last bits differ from machine to machine."""
    x = each(degrees.astype(np.float64) * (np.pi / 180))
    square = x * x
    cos, sin = np.ones_like(x), x
    term_cos, term_sin = cos, sin
    for k in range(2, 20, 2):
        term_cos = term_cos * square / (-(k - 1) * k)
        term_sin = term_sin * square / (-k * (k + 1))
        cos, sin = cos + term_cos, sin + term_sin
    return cos.astype(f32), sin.astype(f32)


def along(palette: tuple[np.ndarray, ...], place: np.ndarray) -> np.ndarray:
    """Colours [n 3 1 1] at `place` in [0, 1] of a palette, on straight lines between its colours."""
    colours = np.concatenate(palette)
    position = place * (len(palette) - 1)
    left = np.minimum(position.astype(np.int64), len(palette) - 2)
    share = (position - left.astype(f32))[:, None, None, None]
    return colours[left] + share * (colours[left + 1] - colours[left])


def wave(phase: np.ndarray) -> np.ndarray:
    """A smooth wave between -1 and 1 of period 4."""
    phase = phase - 4 * np.floor(phase * 0.25) - 2
    return phase * (2 - np.abs(phase))


def poses(face: Face) -> tuple[Pose, Pose]:
    """The body's pose, which looks ahead, and the head's."""
    shape = (len(face.turn), SIZE, SIZE)
    axis = (np.arange(SIZE, dtype=f32) - (SIZE / 2 - 0.5)) * PIXEL
    x = np.broadcast_to(axis[None, None, :], shape)
    y = np.broadcast_to((MIDDLE - axis)[None, :, None], shape)
    across, up, ahead = each(face.light) * 0.75, 0.50, 0.75
    norm = 1 / np.sqrt(across * across + (up * up + ahead * ahead))
    lx, ly, lz = across * norm, up * norm, ahead * norm
    one = np.ones((shape[0], 1, 1), f32)
    body = Pose(one, 0 * one, x, y, (lx, ly, lz), 0.0)
    cos, sin = cos_sin(face.tilt)
    above = y - PIVOT
    light = (cos * lx - sin * ly, sin * lx + cos * ly, lz)
    head = Pose(*cos_sin(face.turn), cos * x - sin * above, sin * x + cos * above + PIVOT, light, MOST_TILT)
    return body, head


def lit(colour: np.ndarray, seen: Surface, gloss: float = 0.0) -> np.ndarray:
    """A surface's colour under the light, with a highlight where it faces the light and has gloss."""
    bright = 0.62 + 0.46 * clip(seen.light)
    if gloss:
        shine = clip((seen.light - 0.72) * 4)
        colour = colour + (gloss * shine * shine)[:, None] * (1 - colour)
    return colour * bright[:, None]


def draw(face: Face) -> np.ndarray:
    """The pictures of `face` as uint8 [n 64 64 3]."""
    body, head = poses(face)
    glow = 1.04 - 0.13 * (body.x * body.x + body.y * body.y)
    canvas = Canvas(along(WALL, face.background) * glow[:, None])
    skin, hair = along(SKIN, face.skin), along(HAIR, face.hair_colour)
    draw_body(canvas, body, skin)
    draw_head(canvas, head, face, skin, hair)
    for style, cut in enumerate(CUTS, start=1):
        rows = np.flatnonzero(face.hair_style == style)
        if rows.size:
            draw_hair(canvas, head.at(rows), cut, hair[rows], each(face.hat[rows] > 0), rows)
    for kind, draw_hat in ((1, draw_beanie), (2, draw_cap)):
        rows = np.flatnonzero(face.hat == kind)
        if rows.size:
            draw_hat(canvas, head.at(rows), rows)
    rows = np.flatnonzero(face.glasses > 0)
    if rows.size:
        draw_glasses(canvas, head.at(rows), each(face.glasses[rows] == 2), rows)
    return np.rint(clip(canvas.rgb) * 255).astype(np.uint8).transpose(0, 2, 3, 1)


def draw_body(canvas: Canvas, pose: Pose, skin: np.ndarray) -> None:
    """A neck, and shoulders in a shirt."""
    neck = look(Solid(0, -0.6, -0.12, 0.20, 0.6, 0.20, box=0.6), pose)
    shade = 0.80 + 0.14 * clip((-0.55 - neck.y) * 6)
    canvas.put(lit(skin * shade[:, None], neck), neck.coverage, neck.depth, neck.window)
    shirt = look(Solid(0, -1.15, -0.12, 0.80, 0.42, 0.36, box=0.4), pose)
    canvas.put(lit(SHIRT, shirt), shirt.coverage, shirt.depth, shirt.window)


def draw_head(canvas: Canvas, pose: Pose, face: Face, skin: np.ndarray, hair: np.ndarray) -> None:
    """Ears, the head with all that is painted on it, and the nose."""
    width = 1 + 0.09 * each(face.face_width)
    for side in (-1, 1):
        ear = look(Solid(side * 0.455 * width, -0.01, -0.03, 0.06, 0.13, 0.10), pose)
        canvas.put(lit(skin * rgb(246, 226, 222), ear), ear.coverage, ear.depth, ear.window)
    seen = look(Solid(0, 0.02, 0, 0.46 * width, 0.62, 0.52, egg=0.2, box=0.22), pose)
    painted = paint_face(each(face.smile), each(face.glasses > 0), seen, pose, skin, hair)
    canvas.put(lit(painted, seen), seen.coverage, seen.depth, seen.window)
    size = 1 + 0.25 * each(face.nose_size)
    shape = Solid(0, -0.06, 0.50, 0.07 * size, 0.15 * size, 0.10 * size, -0.7, 0.2, -0.42)
    nose = look(shape, pose)
    canvas.put(lit(skin, nose, 0.2), nose.coverage, nose.depth, nose.window, softness=0.06)


def draw_hair(
    canvas: Canvas, pose: Pose, cut: Cut, hair: np.ndarray, hat: np.ndarray, rows: np.ndarray
) -> None:
    """A shell of hair: its inside behind the head, its outside about it; a hat presses it down."""
    wide = np.where(hat, f32(min(cut.rx, 0.58)), f32(cut.rx))
    middle, half = (cut.top + cut.bottom) / 2, (cut.top - cut.bottom) / 2
    if cut.curl:
        x = pose.x * (1 + cut.curl * wave(pose.y * 17))
        pose = pose._replace(x=x, y=pose.y + (cut.curl * 0.5) * wave(np.abs(pose.x) * 17))
    seen = look(Solid(0, middle, cut.z0, wide, half, cut.rz, cut.egg, cut.box), pose)
    shown = seen.coverage * (1 - hat * edge(seen.y - 0.38))
    canvas.put(lit(hair * 0.62, seen), shown, seen.back, seen.window, rows)
    side = np.abs(seen.x)
    opening = seen.y - (cut.line + cut.rise * seen.z) - cut.fringe * wave(side * 26)
    front = edge(opening / math.sqrt(1 + cut.rise**2))
    if cut.curl:
        locks = 0.12 * wave(side * 22) * wave(seen.y * 22)
    else:
        locks = 0.06 * wave((seen.z - 0.6 * side) * 22)
    hair = hair * (1 + locks)[:, None]
    canvas.put(lit(hair, seen, 0.2), shown * front, seen.depth, seen.window, rows)


def draw_beanie(canvas: Canvas, pose: Pose, rows: np.ndarray) -> None:
    """A knitted cap with a cuff."""
    dome = look(Solid(0, 0.32, -0.02, 0.55, 0.48, 0.61), pose)
    canvas.put(lit(BEANIE, dome), dome.coverage * edge(dome.y - 0.34), dome.depth, dome.window, rows)
    cuff = look(Solid(0, 0.38, -0.02, 0.575, 0.085, 0.64, box=0.9), pose)
    canvas.put(lit(BEANIE * 0.82, cuff), cuff.coverage, cuff.depth, cuff.window, rows)


def draw_cap(canvas: Canvas, pose: Pose, rows: np.ndarray) -> None:
    """A cap with a peak that points where the face looks."""
    dome = look(Solid(0, 0.42, -0.03, 0.57, 0.38, 0.63, box=0.2), pose)
    canvas.put(lit(CAP, dome), dome.coverage * edge(dome.y - 0.31), dome.depth, dome.window, rows)
    peak = look(Solid(0, 0.34, 0.56, 0.40, 0.085, 0.26, lean=-1.2), pose)
    canvas.put(lit(CAP * 0.78, peak), peak.coverage, peak.depth, peak.window, rows)


def draw_glasses(canvas: Canvas, pose: Pose, dark: np.ndarray, rows: np.ndarray) -> None:
    """Two round lenses on a wide curve before the eyes, with a bridge."""
    curve = look(Solid(0, EYE_Y, 0.0, 0.70, 0.60, 0.60, box=0.9), pose)
    side, up = np.abs(curve.x), curve.y - EYE_Y
    across = side - EYE_X
    lens = ellipse(across, up, 0.158, 0.142, curve.stretch)
    glass = ellipse(across, up, 0.128, 0.112, curve.stretch)
    bridge = edge(0.06 - side) * edge(0.014 - np.abs(up - 0.02))
    tint = np.where(dark, f32(0.94), f32(0.14)) * lens
    fill = np.where(dark[:, None], FRAME * (1 + 2 * clip(up * 5))[:, None], 1)
    canvas.put(fill, tint, curve.depth, curve.window, rows)
    rim = np.maximum(lens * (1 - glass), bridge)
    canvas.put(FRAME, rim, curve.depth + 0.02, curve.window, rows)
