import hashlib

import numpy as np
import pytest

from rgnn_jax.datasets.face_renderer import cos_sin
from rgnn_jax.datasets.face_solids import Pose
from rgnn_jax.datasets.faces import FACTOR_NAMES, FACTORS, face_factors, render, render_faces
from rgnn_jax.errors import UserError

COLUMN = {name: column for column, name in enumerate(FACTOR_NAMES)}
BASE = {"skin": 0.2, "hair_colour": 0.3, "background": 0.6}


def faces(count: int, **settings) -> np.ndarray:
    """Factors of `count` faces that look ahead, but for `settings` (numbers, or one for each face)."""
    factors = np.zeros((count, len(FACTORS)), np.float32)
    for name, value in (BASE | settings).items():
        factors[:, COLUMN[name]] = value
    return factors


def pictures(count: int = 1, **settings) -> np.ndarray:
    return render(faces(count, **settings)).astype(int)


def change(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Greatest difference of each pixel's colours."""
    return np.abs(first - second).max(axis=-1)


def centre(weights: np.ndarray) -> np.ndarray:
    """Mean column of each picture's `weights`."""
    return (weights * np.arange(64)).sum(axis=(1, 2)) / weights.sum(axis=(1, 2))


def test_a_face_is_the_same_in_every_batch():
    images, factors = render_faces(3, range(20))
    alone, its_factors = render_faces(3, [17])
    np.testing.assert_array_equal(images[17], alone[0])
    np.testing.assert_array_equal(factors[17], its_factors[0])
    backwards, _ = render_faces(3, np.arange(19, -1, -1))
    np.testing.assert_array_equal(images, backwards[::-1])


def test_the_bytes_are_the_same_on_every_machine():
    images, factors = render_faces(0, range(16))
    assert hashlib.sha256(factors.tobytes()).hexdigest()[:16] == "00d1c2416f8b0d23"
    assert hashlib.sha256(images.tobytes()).hexdigest()[:16] == "a51c112717310ff5"


def test_drawing_within_windows_cuts_nothing_off(monkeypatch):
    factors = face_factors(2, range(48))
    factors[:, COLUMN["tilt"]] = np.where(np.arange(48) % 2, -15, 15)
    factors[:24, COLUMN["turn"]] = np.where(np.arange(24) % 4 < 2, -45, 45)
    images = render(factors)
    monkeypatch.setattr(Pose, "window", lambda *_: (slice(0, 64), slice(0, 64)))
    np.testing.assert_array_equal(images, render(factors))


def test_seeds_and_indices_give_different_faces():
    factors = np.concatenate(
        [face_factors(0, range(50)), face_factors(1, range(50)), face_factors(0, [2**40])]
    )
    assert len(np.unique(factors[:, COLUMN["turn"]])) == 101


def test_no_faces_are_no_error():
    images, factors = render_faces(0, [])
    assert images.shape == (0, 64, 64, 3)
    assert factors.shape == (0, len(FACTORS))


def test_factors_are_drawn_from_their_ranges_with_their_weights():
    drawn = face_factors(5, range(4000))
    for factor, values in zip(FACTORS, drawn.T, strict=True):
        if factor.kind == "categorical":
            shares = np.bincount(values.astype(int), minlength=len(factor.categories)) / len(values)
            np.testing.assert_allclose(shares, factor.weights, atol=0.04)
        else:
            uniform = (values - factor.low) / (factor.high - factor.low)
            np.testing.assert_allclose(
                np.quantile(uniform, [0, 0.25, 0.5, 0.75, 1]), [0, 0.25, 0.5, 0.75, 1], atol=0.04
            )
            assert uniform.min() >= 0
            assert uniform.max() <= 1


def test_factors_are_independent_of_each_other_and_of_the_index():
    drawn = np.column_stack([face_factors(6, range(4000)), np.arange(4000)])
    correlation = np.corrcoef(drawn.T) - np.eye(len(FACTORS) + 1)
    assert np.abs(correlation).max() < 0.07


def test_turning_moves_the_nose_steadily():
    turns = np.linspace(-45, 45, 13)
    small, large = (pictures(13, turn=turns, nose_size=size) for size in (-1, 1))
    nose = centre(change(small, large))
    assert (np.diff(nose) > 0.5).all()
    assert nose[-1] - nose[0] > 18


def test_a_positive_tilt_leans_the_crown_to_the_right():
    tilts = np.array([-15, 0, 15])
    crown = centre(change(pictures(3, tilt=tilts), pictures(3, tilt=tilts, hat=1)))
    assert crown[0] < crown[1] - 4
    assert crown[2] > crown[1] + 4


@pytest.mark.parametrize("seed", [0, 1])
def test_the_mirrored_face_is_the_mirrored_picture(seed):
    factors = face_factors(seed, range(24))
    mirrored = factors.copy()
    for name in ("turn", "tilt", "light"):
        mirrored[:, COLUMN[name]] *= -1
    difference = np.abs(render(factors)[:, :, ::-1].astype(int) - render(mirrored))
    assert difference.max() <= 2


@pytest.mark.parametrize("factor", FACTORS, ids=FACTOR_NAMES)
def test_every_value_of_a_factor_can_be_seen(factor):
    values = range(len(factor.categories)) or (factor.low, 0.5 * (factor.low + factor.high), factor.high)
    images = pictures(len(values), **{factor.name: list(values)})
    for i in range(len(values)):
        for j in range(i):
            assert (change(images[i], images[j]) > 24).sum() >= 12


@pytest.mark.parametrize(
    ("setting", "rows", "columns"),
    [
        ({"hat": 1}, (0, 27), (8, 56)),
        ({"hat": 2}, (0, 29), (8, 56)),
        ({"glasses": 1}, (20, 36), (8, 56)),
        ({"glasses": 2}, (20, 36), (8, 56)),
        ({"smile": 1}, (34, 48), (20, 44)),
        ({"smile": -1}, (34, 48), (20, 44)),
        ({"hair_colour": 1}, (18, 28), (16, 48)),
        ({"nose_size": 1}, (24, 42), (26, 38)),
    ],
)
def test_a_factor_changes_only_its_part_of_a_bald_head(setting, rows, columns):
    touched = np.argwhere(change(pictures(), pictures(**setting))[0])
    assert touched.size
    assert (touched >= [rows[0], columns[0]]).all()
    assert (touched < [rows[1], columns[1]]).all()


def test_the_background_stays_behind_and_the_skin_on_the_skin():
    wall = change(pictures(), pictures(background=0.1))[0]
    assert (wall[:8] > 0).all()
    assert (wall[12:60, 27:37] == 0).all()
    skin = change(pictures(), pictures(skin=1))[0]
    assert (skin[:, [0, 1, 62, 63]] == 0).all()
    assert skin[14, 32] > 50


def test_long_hair_hides_the_ears_and_leaves_the_face():
    bald, long = pictures(2, hair_style=[0, 3])
    assert (change(bald, long)[30:36, 26:38] == 0).all()
    assert change(bald, long)[32, 14] > 24


def test_the_series_are_cosine_and_sine():
    degrees = np.linspace(-45, 45, 181, dtype=np.float32)
    cos, sin = cos_sin(degrees)
    np.testing.assert_allclose(cos[:, 0, 0], np.cos(np.deg2rad(degrees.astype(float))), atol=6e-8)
    np.testing.assert_allclose(sin[:, 0, 0], np.sin(np.deg2rad(degrees.astype(float))), atol=6e-8)


@pytest.mark.parametrize("factor", FACTORS, ids=FACTOR_NAMES)
def test_a_value_out_of_range_is_refused_by_name(factor):
    for value in (factor.high + 1, factor.low - 1, np.nan):
        with pytest.raises(UserError, match=factor.name):
            render(faces(2, **{factor.name: [factor.low, value]}))


def test_half_a_hat_is_refused():
    with pytest.raises(UserError, match="hat: must be a whole number from 0 to 2"):
        render(faces(1, hat=0.5))


def test_a_wrong_number_of_factors_is_refused():
    with pytest.raises(UserError, match="a face has 12 factors"):
        render(np.zeros((1, 3), np.float32))


@pytest.mark.parametrize(("seed", "indices"), [(-1, [0]), (2**64, [0]), (0, [-1]), (0, [3, -5])])
def test_faces_are_numbered_from_nought(seed, indices):
    with pytest.raises(UserError, match="at least 0"):
        face_factors(seed, indices)
