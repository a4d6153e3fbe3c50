import msgspec
import numpy as np
import pytest

from rgnn_jax.datasets.arithmetic_spec import ArithmeticSpec
from rgnn_jax.datasets.strip_files import read_strip, write_strip
from rgnn_jax.errors import UserError

Image = pytest.importorskip("PIL.Image")

SIDE = 8
SPEC = ArithmeticSpec(digits=2, operators=("+", "-"), side=SIDE)


def strip(blanks=(), frames=5):
    """Frames that differ, each with a bright pixel of its own and a faint one; some of them blank."""
    pictures = np.zeros((frames, SIDE, SIDE, 1), np.float32)
    for place in set(range(frames)) - set(blanks):
        pictures[place, 1 + place, 2, 0] = 1.0
        pictures[place, 4, 6, 0] = 51 * (place + 1) / 255 / 2
    return pictures


def saved(path, pictures, paper=0.0, ink=1.0):
    """A strip in other shades than those of the data."""
    shaded = paper + (ink - paper) * pictures[..., 0].swapaxes(0, 1).reshape(SIDE, -1)
    Image.fromarray(np.rint(255 * shaded).astype(np.uint8)).save(path)
    return path


def test_what_is_written_is_read_back(tmp_path):
    write_strip(strip(), tmp_path / "new" / "strip.png")
    with Image.open(tmp_path / "new" / "strip.png") as picture:
        assert picture.size == (5 * SIDE, SIDE)
    np.testing.assert_allclose(read_strip(tmp_path / "new" / "strip.png", SPEC), strip(), atol=1 / 255)


@pytest.mark.parametrize(
    ("paper", "ink"), [(1.0, 0.0), (0.55, 0.05), (0.4, 0.05), (0.3, 0.9), (0.0, 0.5), (0.9, 0.6)]
)
def test_paper_and_ink_may_have_any_shade(paper, ink, tmp_path):
    path = saved(tmp_path / "strip.png", strip(), paper, ink)
    np.testing.assert_allclose(read_strip(path, SPEC), strip(), atol=0.01)


@pytest.mark.parametrize("blanks", [(0,), (1,), (0, 3)])
def test_blank_frames_go_to_the_end_where_none_stand_within_a_query(blanks, tmp_path):
    path = saved(tmp_path / "strip.png", strip(blanks))
    inked = [place for place in range(5) if place not in blanks]
    moved = read_strip(path, SPEC)
    np.testing.assert_allclose(moved[: len(inked)], strip()[inked], atol=0.01)
    assert not moved[len(inked) :].any()
    kept = read_strip(path, msgspec.structs.replace(SPEC, layout="aligned"))
    np.testing.assert_allclose(kept, strip(blanks), atol=0.01)


def test_a_speck_makes_no_symbol_and_faint_ink_does(tmp_path):
    pictures = strip(blanks=(0,))
    pictures[0, 3, 3], pictures[1] = 0.2, 0.4 * pictures[1]
    moved = read_strip(saved(tmp_path / "strip.png", pictures), SPEC)
    np.testing.assert_allclose(moved, pictures[[1, 2, 3, 4, 0]], atol=0.01)


def test_a_short_strip_is_filled_with_blanks(tmp_path):
    read = read_strip(saved(tmp_path / "strip.png", strip(frames=3)), SPEC)
    assert read.shape == (5, SIDE, SIDE, 1)
    np.testing.assert_allclose(read[:3], strip(frames=3), atol=0.01)
    assert not read[3:].any()


def test_a_picture_without_ink_is_refused(tmp_path):
    path = saved(tmp_path / "strip.png", strip(blanks=range(5)), paper=0.7)
    with pytest.raises(UserError, match=r"strip\.png: is empty"):
        read_strip(path, SPEC)


def test_a_file_in_the_place_of_a_directory_is_named(tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(UserError, match="taken: is a file; name a directory"):
        write_strip(strip(), tmp_path / "taken" / "strip.png")
