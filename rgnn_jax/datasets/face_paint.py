"""What is painted on the head of a rendered face: eyes, brows, cheeks, mouth and the arms of glasses."""

import numpy as np

from rgnn_jax.datasets.face_solids import PIXEL, Pose, Surface, clip, edge

f32 = np.float32


def rgb(red: int, green: int, blue: int) -> np.ndarray:
    """A colour as [1 3 1 1] in [0, 1]."""
    return (np.array([red, green, blue], f32) / 255)[None, :, None, None]


LIP, THROAT = rgb(178, 74, 76), rgb(96, 26, 34)
WHITE, IRIS, PUPIL = rgb(252, 250, 246), rgb(70, 106, 112), rgb(20, 16, 20)
BLUSH = rgb(255, 214, 206)
FRAME = rgb(34, 30, 38)
EYE_X, EYE_Y = 0.19, 0.06


def ellipse(x: np.ndarray, y: np.ndarray, rx: float, ry: float, stretch: np.ndarray) -> np.ndarray:
    """Coverage of an ellipse about the origin, smooth over one pixel where x changes `stretch` as fast."""
    u, v = x * (1 / rx), y * (1 / ry)
    inside = 1 - u * u - v * v
    a, b = u * stretch * (2 / rx), v * (2 / ry)
    return clip(0.5 + inside / (np.sqrt(a * a + b * b) * PIXEL + 1e-3))


def over(under: np.ndarray, paint: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """`paint` laid over `under`."""
    change = (paint - under) * alpha[:, None]
    change += under
    return change


def paint_face(
    smile: np.ndarray, glasses: np.ndarray, seen: Surface, pose: Pose, skin: np.ndarray, hair: np.ndarray
) -> np.ndarray:
    """Unlit colours of the head's surface, [n 3 h w].

    Args:
        smile: [n 1 1].
        glasses: 1 where some are worn, [n 1 1].
        seen: the head.
        pose: how it is held.
        skin: [n 3 1 1].
        hair: [n 3 1 1].
    """
    cheek_x, cheek_y = np.abs(seen.x) - 0.27, seen.y + 0.19
    cheek = clip(1 - (cheek_x * cheek_x + cheek_y * cheek_y) * 55)
    painted = over(skin, skin * BLUSH, cheek)
    part, (rows, columns) = seen.crop(pose.window(0.56, -0.04, 0.26))
    painted[:, :, rows, columns] = paint_eyes(painted[:, :, rows, columns], glasses, part, skin, hair)
    part, (rows, columns) = seen.crop(pose.window(0.52, -0.46, -0.20))
    painted[:, :, rows, columns] = paint_mouth(painted[:, :, rows, columns], smile, part)
    return painted


def paint_eyes(
    painted: np.ndarray, glasses: np.ndarray, seen: Surface, skin: np.ndarray, hair: np.ndarray
) -> np.ndarray:
    """Adds eyes, brows and the arms of glasses, both sides at once."""
    side, stretch = np.abs(seen.x), seen.stretch
    across, up = side - EYE_X, seen.y - EYE_Y
    lid = ellipse(across, up - 0.018, 0.122, 0.080, stretch)
    painted = over(painted, skin * 0.38, lid)
    white = ellipse(across, up, 0.112, 0.074, stretch)
    painted = over(painted, WHITE, white)
    painted = over(painted, IRIS, white * ellipse(across, up - 0.005, 0.060, 0.066, stretch))
    painted = over(painted, PUPIL, white * ellipse(across, up - 0.005, 0.034, 0.038, stretch))
    arch = up - 0.155 + across * across * 3
    brow = edge(0.022 - np.abs(arch)) * clip(0.5 + (0.12 - np.abs(across)) * 20)
    painted = over(painted, hair * 0.72, brow)
    arm = edge(0.012 - np.abs(up - 0.03)) * clip(0.5 + (side - 0.34) * 40) * (seen.z > 0)
    return over(painted, FRAME, arm * glasses)


def paint_mouth(painted: np.ndarray, smile: np.ndarray, seen: Surface) -> np.ndarray:
    """Adds a mouth whose corners rise with the smile, and which opens with more of it."""
    half = 0.165 + 0.035 * smile
    u = seen.x / half
    rest = clip(1 - u * u)
    middle = seen.y + 0.33 - smile * 0.065 * (u * u - 0.5)
    gap = np.maximum(smile - 0.15, 0) * 0.075 * rest
    ends = clip(0.5 + (1 - np.abs(u)) * 6)
    lips = edge(0.010 + 0.024 * rest + gap - np.abs(middle)) * ends
    painted = over(painted, LIP, lips)
    opened = clip((gap - np.abs(middle)) * (1 / PIXEL)) * ends
    painted = over(painted, THROAT, opened)
    return over(painted, WHITE, opened * edge(middle + 0.012))
