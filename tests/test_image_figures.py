import base64
import json
import re
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from rgnn_jax.figures.animation import film, to_gif
from rgnn_jax.figures.hover_page import hover_page
from rgnn_jax.figures.images import in_pairs, in_rows, mosaic, picture_grid, to_pixels, to_png
from rgnn_jax.figures.scatter import crowd, latent_map, moved_apart, spread_out

RNG = np.random.default_rng(0)
PICTURES = RNG.integers(0, 255, (6, 8, 8, 3)).astype(np.uint8)
POINTS = RNG.normal(size=(6, 2))


def words(figure):
    return [text.get_text() for text in figure.texts]


def test_a_saved_grid_holds_every_pixel_as_a_square_of_one_colour():
    figure = picture_grid(PICTURES.reshape(2, 3, 8, 8, 3), title="Six")
    saved = np.asarray(Image.open(BytesIO(to_png(figure))).convert("RGB"))
    (axes,) = figure.axes
    sheet = axes.images[0].get_array()
    scale = (sheet.shape[1] + 4) // 3 // 8
    np.testing.assert_array_equal(sheet, mosaic(PICTURES.reshape(2, 3, 8, 8, 3), scale=scale))
    box = axes.get_position()
    x, y = round(box.x0 * saved.shape[1]), round((1 - box.y1) * saved.shape[0])
    np.testing.assert_array_equal(saved[y : y + sheet.shape[0], x : x + sheet.shape[1]], sheet)


def test_words_of_a_grid_stay_inside_and_stand_beside_their_rows_and_columns():
    note = "a note that is far too long for such a narrow figure, and therefore goes over several lines, " * 3
    figure = picture_grid(
        PICTURES.reshape(2, 3, 8, 8, 3), title="Six", note=note, rows=["above", "below"], columns=list("abc")
    )
    assert words(figure)[0] == "Six"
    assert " ".join(words(figure)[1:-5]) == note.strip()
    height, width = to_pixels(figure).shape[:2]
    boxes = {text.get_text(): text.get_window_extent() for text in figure.texts}
    assert all(box.x0 >= 0 and box.x1 <= width and box.y0 >= 0 and box.y1 <= height for box in boxes.values())
    assert boxes["a"].x1 < boxes["b"].x0
    assert boxes["above"].y0 > boxes["below"].y1
    with pytest.raises(ValueError, match="1 names for 2 rows"):
        picture_grid(PICTURES.reshape(2, 3, 8, 8, 3), title="", rows=["one"])


def test_mosaic_separates_pictures_by_white():
    black = np.zeros((2, 2, 3, 3, 1), np.uint8)
    sheet = mosaic(black, scale=2)
    assert sheet.shape == (16, 16, 3)
    assert (sheet[6:10] == 255).all() and (sheet[:, 6:10] == 255).all()
    assert (sheet[:6, :6] == 0).all()
    assert mosaic(np.repeat(black, 2, axis=0), group=2).shape[0] == 4 * 3 + 3 * 4 + 12


def test_lists_become_rows_and_pairs():
    rows = in_rows(PICTURES[:5], 3)
    assert rows.shape == (2, 3, 8, 8, 3)
    assert (rows[1, 2] == 255).all()
    pairs = in_pairs(PICTURES[:4], 255 - PICTURES[:4], 2)
    np.testing.assert_array_equal(pairs[2, 1], PICTURES[3])
    np.testing.assert_array_equal(pairs[3, 1], 255 - PICTURES[3])


def test_gif_plays_forth_and_back_for_ever():
    shades = np.array([0, 80, 160, 240])
    frames = np.broadcast_to(shades[:, None, None, None], (4, 5, 6, 3)).astype(np.uint8)
    with Image.open(BytesIO(to_gif(frames))) as gif:
        assert (gif.n_frames, gif.size, gif.info["loop"], gif.info["duration"]) == (6, (6, 5), 0, 120)
        played = []
        for frame in range(6):
            gif.seek(frame)
            played.append(np.asarray(gif.convert("RGB"))[0, 0, 0])
    np.testing.assert_allclose(played, [0, 80, 160, 240, 160, 80], atol=8)


def test_a_film_has_all_pictures_in_every_frame():
    pictures = np.stack([PICTURES[:4], 255 - PICTURES[:4], PICTURES[2:]])
    frame = to_pixels(picture_grid(in_rows(pictures[:, 2], 2), title="Moving", note="three"))
    with Image.open(BytesIO(film(pictures, 2, title="Moving", note="three"))) as gif:
        assert gif.n_frames == 6 and gif.size == frame.shape[1::-1]
        gif.seek(2)
        np.testing.assert_allclose(np.asarray(gif.convert("RGB"), int), frame, atol=80)


def test_pictures_on_a_map_do_not_overlap_and_come_from_every_cell():
    points = np.array([[0.0, 0.0], [0.1, 0.1], [1.0, 1.0], [0.9, 0.1], [0.75, 0.25]])
    np.testing.assert_array_equal(spread_out(points, 2), [1, 2, 4])


def test_a_class_in_two_heaps_is_named_at_the_larger_one():
    heaps = np.array([[0.1, 0.1], [0.12, 0.1], [0.14, 0.1], [0.9, 0.9], [0.9, 0.8]])
    np.testing.assert_allclose(crowd(heaps), [0.12, 0.1])
    np.testing.assert_allclose(crowd(heaps[3:4]), heaps[3])


def test_map_colours_points_by_class_and_names_the_classes():
    labels = np.array([0, 1, 0, 1, 0, 1])
    figure = latent_map(POINTS, PICTURES, title="Map", note="six", labels=labels, classes=["cat", "dog"])
    points, _ = figure.axes
    np.testing.assert_allclose(points.collections[0].get_offsets(), POINTS)
    assert len({tuple(colour) for colour in points.collections[0].get_facecolors()}) == 2
    assert {text.get_text() for text in points.texts} == {"cat", "dog"}
    assert words(figure) == ["Map", "six"]


def test_map_colours_points_by_value():
    figure = latent_map(POINTS, PICTURES[..., :1], title="Map", values=np.arange(6.0), value_label="turn")
    np.testing.assert_array_equal(figure.axes[0].collections[0].get_array(), np.arange(6))
    assert figure.axes[2].get_xlabel() == "turn"


def test_page_holds_all_that_it_shows_and_asks_for_nothing():
    hostile = "</script><script>alert(1)</script>"
    page = hover_page(
        POINTS, PICTURES, title="A <b>", labels=np.array([0, 0, 0, 1, 1, 1]), classes=["one", hostile]
    )
    assert not re.search(r"https?:|<link|<img|@import|src=", page)
    assert page.count("</script>") == 2
    assert "<title>A &lt;b&gt;</title>" in page
    data = json.loads(re.search(r'<script id="data"[^>]*>(.*?)</script>', page, re.S)[1])
    assert data["classes"] == ["one", hostile]
    assert data["labels"] == [0, 0, 0, 1, 1, 1]
    lowest = int(POINTS[:, 1].argmin())
    assert data["points"][lowest][1] == 1
    sheet = np.asarray(Image.open(BytesIO(base64.b64decode(data["sheet"].split(",")[1]))))
    across = data["across"]
    np.testing.assert_array_equal(sheet[8:16, :8] if across == 3 else None, PICTURES[3])


def test_names_that_would_lie_on_each_other_are_moved_apart():
    sizes = np.full((4, 2), (0.2, 0.05))
    places = np.array([(0.5, 0.5), (0.55, 0.5), (0.5, 0.52), (0.9, 0.5)])
    moved = moved_apart(places, sizes)
    np.testing.assert_array_equal(moved[:, 0], places[:, 0])
    np.testing.assert_array_equal(moved[3], places[3])
    assert np.diff(np.sort(moved[:3, 1])).min() > 0.05 - 1e-6
