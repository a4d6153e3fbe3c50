"""What is painted on the head of a rendered face: eyes, brows, cheeks, mouth."""

import numpy as np

from rgnn_jax.datasets.face_solids import PIXEL, Pose, Surface, clip

f32 = np.float32
LIP = np.array([176, 70, 72], f32) / f32(255)
MOUTH = np.array([92, 24, 32], f32) / f32(255)
WHITE = np.array([250, 248, 244], f32) / f32(255)
IRIS = np.array([58, 84, 92], f32) / f32(255)
PUPIL = np.array([22, 18, 22], f32) / f32(255)


def colour(rgb: np.ndarray) -> np.ndarray:
    """[3] as [1 3 1 1]."""
    return rgb[None, :, None, None]


def ellipse(x: np.ndarray, y: np.ndarray, rx: float, ry: float, stretch: np.ndarray) -> np.ndarray:
    """Coverage of an ellipse about the origin, smooth over one pixel of a picture stretched in x."""
    u, v = x * f32(1 / rx), y * f32(1 / ry)
    inside = 1 - u * u - v * v
    a, b = u * stretch * f32(2 / rx), v * f32(2 / ry)
    return clip(f32(0.5) + inside / (np.sqrt(a * a + b * b) * PIXEL + f32(1e-3)))


def over(rgb: np.ndarray, paint: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """`paint` laid over `rgb`."""
    return rgb + alpha[:, None] * (paint - rgb)


def paint_face(
    smile: np.ndarray, seen: Surface, pose: Pose, skin: np.ndarray, hair: np.ndarray
) -> np.ndarray:
    """The unlit colours of the head's surface, [n 3 h w]."""
    x, y = seen.x, pose.y
    side = np.abs(x)
    rgb = np.broadcast_to(skin, (*skin.shape[:2], *y.shape[1:]))
    cheek = clip(1 - ((side - f32(0.27)) ** 2 + (y + f32(0.18)) ** 2) * 50)
    rgb = over(rgb, skin * colour(np.array([1.0, 0.80, 0.78], f32)), cheek * f32(0.7))
    across, up = side - f32(0.19), y - f32(0.08)
    white = ellipse(across, up, 0.105, 0.068, seen.stretch)
    rgb = over(rgb, colour(WHITE), white)
    rgb = over(rgb, colour(IRIS), white * ellipse(across, up, 0.056, 0.062, seen.stretch))
    rgb = over(rgb, colour(PUPIL), white * ellipse(across, up, 0.03, 0.034, seen.stretch))
    arch = y - f32(0.225) + across * across * 3
    brow = clip(f32(0.5) + (f32(0.022) - np.abs(arch)) * 32) * clip(
        f32(0.5) + (f32(0.115) - np.abs(across)) * 20
    )
    rgb = over(rgb, hair * f32(0.75), brow * f32(0.9))
    return paint_mouth(rgb, smile, x, y)


def paint_mouth(rgb: np.ndarray, smile: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A mouth whose corners rise with the smile, and which opens in the second half of it."""
    half = f32(0.17) + f32(0.03) * smile
    u = x / half
    rest = clip(1 - u * u)
    middle = y + f32(0.32) - smile * f32(0.07) * (u * u - f32(0.5))
    gap = np.maximum(smile - f32(0.2), f32(0)) * f32(0.08) * rest
    ends = clip(f32(0.5) + (1 - np.abs(u)) * f32(6))
    lips = clip(f32(0.5) + (f32(0.012) + f32(0.022) * rest + gap - np.abs(middle)) * 32) * ends
    rgb = over(rgb, colour(LIP), lips)
    opened = clip(f32(0.2) + (gap - np.abs(middle)) * 32) * ends * (gap > 0)
    rgb = over(rgb, colour(MOUTH), opened)
    teeth = opened * clip(f32(0.5) + (middle + f32(0.01)) * 32)
    return over(rgb, colour(WHITE), teeth)
