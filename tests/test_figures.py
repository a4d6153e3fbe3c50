import re
import subprocess
import sys
from xml.etree import ElementTree

import numpy as np
import pytest

from rgnn_jax import figures
from rgnn_jax.errors import UserError
from rgnn_jax.figures import Curve, Series

STEPS = np.array([1.0, 10.0, 100.0])
FALLING = Curve(Series(STEPS, np.array([3.0, 2.0, 1.0])), Series(STEPS[:2], np.array([3.1, 2.2])))
FLAT = Curve(Series(STEPS, np.array([2.9, 2.8, 2.7])))


def words(axes):
    return [text.get_text() for text in axes.texts]


def svg_words(svg):
    return [element.text for element in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


def test_learning_curves_draw_the_losses_they_are_given():
    (axes,) = figures.learning_curves({"LSTM": FALLING, "TCN": FLAT}, x_label="epoch", log_x=True).axes
    drawn = [line.get_xydata() for line in axes.lines]
    expected = [FALLING.training, FALLING.held_out, FLAT.training]
    assert len(drawn) == 3
    for line, series in zip(drawn, expected, strict=True):
        np.testing.assert_array_equal(line, np.stack(series, axis=1))
    assert axes.get_xscale() == "log"
    assert axes.get_xlabel() == "epoch   (heavy lines: held-out, light lines: training)"
    assert axes.get_ylabel() == "loss (nats a character)"
    assert {"LSTM", "TCN"} <= set(words(axes))


def test_a_milestone_marks_only_the_runs_that_reached_it():
    (axes,) = figures.learning_curves({"LSTM": FALLING, "TCN": FLAT}, milestones=(5.5, 55.0)).axes
    marked = [line.get_xydata().tolist() for line in axes.lines if line.get_marker() == "o"]
    np.testing.assert_allclose(marked[0], [[5.5, 2.65]])
    np.testing.assert_allclose(marked[1], [[5.5, 2.85], [55.0, 2.75]])


def test_a_reference_is_a_named_horizontal_line():
    (axes,) = figures.learning_curves({"TCN": FLAT}, references={"frequencies": 2.95}).axes
    assert [line.get_ydata() for line in axes.lines][-1] == [2.95, 2.95]
    assert "frequencies" in words(axes)


def test_panels_share_their_scales_and_show_the_other_runs_behind():
    first, second = figures.learning_curves({"LSTM": FALLING, "TCN": FLAT}, panels=True).axes
    assert [first.get_title(loc="left"), second.get_title(loc="left")] == ["LSTM", "TCN"]
    assert first.get_ylim() == second.get_ylim()
    behind = [line for line in second.lines if line.get_zorder() < 2]
    np.testing.assert_array_equal(behind[0].get_ydata(), FALLING.held_out.y)


def test_names_at_line_ends_keep_their_order_and_do_not_overlap():
    runs = {
        name: Curve(Series(STEPS, np.array([3.0, 2.0, end])))
        for name, end in [("a", 1.001), ("b", 1.0), ("c", 1.002)]
    }
    (axes,) = figures.learning_curves(runs).axes
    heights = {text.get_text(): text.xy[1] for text in axes.texts if text.get_text() in runs}
    assert heights["b"] + 0.05 < heights["a"] < heights["c"] - 0.05


def test_names_of_lines_that_end_at_nothing_stay_above_the_axis():
    runs = {
        str(i): Curve(Series(np.arange(2), np.array([3.0, end]))) for i, end in enumerate([0, 1e-3, 2e-3, 0])
    }
    (axes,) = figures.learning_curves(runs).axes
    heights = [text.xy[1] for text in axes.texts]
    assert min(heights) >= 0 and len(set(heights)) == 4


def test_each_character_is_shaded_by_its_bits_of_surprise():
    figure = figures.token_probabilities("ab\n", np.log([0.5, 0.25, 1.0]))
    (axes,) = figure.axes
    np.testing.assert_allclose(axes.collections[0].get_array(), [1.0, 2.0, 0.0], atol=1e-12)
    assert words(axes)[:3] == ["a", "b", "¶"]


def test_words_are_not_broken_unless_longer_than_a_line():
    text = "a" * 30 + " bbbb " + "c" * 40
    figure = figures.token_probabilities(text, np.zeros(len(text)), width=32)
    letters = [label for label in figure.axes[0].texts if label.get_text() in "abc"]
    rows = {
        name: sorted({int(label.get_position()[1]) for label in letters if label.get_text() == name})
        for name in "abc"
    }
    assert rows == {"a": [0], "b": [1], "c": [2, 3]}
    assert max(label.get_position()[0] for label in letters) < 32


def test_token_probabilities_need_one_number_a_character():
    with pytest.raises(ValueError, match="2 characters but 1"):
        figures.token_probabilities("ab", np.zeros(1))


def test_comparison_puts_a_dot_where_the_value_is():
    values = {"LSTM": {"ours": 0.5, "theirs": 1.0}, "TCN": {"theirs": 2.0}}
    figure = figures.comparison(values, label="ratio")
    (axes,) = figure.axes
    dots = {line.get_label(): line.get_xydata().tolist() for line in axes.lines if line.get_marker() == "o"}
    assert dots == {"ours": [[0.5, 0.0]], "theirs": [[1.0, 0.0], [2.0, 1.0]]}
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["ours", "theirs"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["LSTM", "TCN"]
    assert axes.yaxis_inverted()


def test_heatmap_shows_the_matrix_and_writes_it():
    values = np.array([[0.0, 1.0, -2.0], [0.25, 0.5, 0.75]], np.float32)
    (axes,) = figures.heatmap(values, ["a", "b"], ["\n", " ", "z"], label="loss", decimals=1).axes
    np.testing.assert_array_equal(axes.images[0].get_array(), values)
    assert words(axes) == ["0.0", "1.0", "\u22122.0", "0.2", "0.5", "0.8"]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["¶", " ", "z"]
    assert axes.get_title(loc="left") == "loss"


def test_svg_is_the_same_each_time_and_keeps_words_as_text():
    svg, again = (
        figures.to_svg(figures.learning_curves({"LSTM": FALLING}, milestones=(10,), log_x=True))
        for _ in range(2)
    )
    assert svg == again
    assert svg.startswith("<svg")
    assert "LSTM" in svg_words(svg)


def test_svg_escapes_what_a_model_wrote():
    hostile = "<a href=\"&\" onclick='$x$'>\x00\x1b"
    svg = figures.to_svg(figures.token_probabilities(hostile, np.zeros(len(hostile))))
    shown = "".join(word for word in svg_words(svg) if len(word) == 1)
    assert shown.startswith("<ahref=\"&\"onclick='$x$'>\u2400\u241b")


def test_svg_leaves_paper_and_ink_to_the_page_and_a_file_does_not(tmp_path):
    figure = figures.learning_curves({"TCN": FLAT})
    assert "fill: var(--paper, #ffffff)" in figures.to_svg(figure)
    assert "fill: var(--hue-1, #193b98)" in figures.to_svg(figure)
    figures.save(figure, tmp_path / "curves.svg")
    assert "var(" not in (tmp_path / "curves.svg").read_text()


@pytest.mark.parametrize(("suffix", "start"), [(".svg", b"<?xml"), (".png", b"\x89PNG"), (".pdf", b"%PDF")])
def test_save_writes_what_the_suffix_says(tmp_path, suffix, start):
    path = tmp_path / f"figure{suffix}"
    figures.save(figures.learning_curves({"TCN": FLAT}), path)
    assert path.read_bytes().startswith(start)


def test_save_refuses_another_suffix(tmp_path):
    with pytest.raises(UserError, match=re.escape(".svg, .png or .pdf, not .bmp")):
        figures.save(figures.learning_curves({"TCN": FLAT}), tmp_path / "figure.bmp")


def test_a_callers_style_is_left_alone_and_pyplot_never_imported():
    program = (
        "import sys, matplotlib; matplotlib.rcParams.update({'font.size': 23, 'svg.fonttype': 'path'})\n"
        "from rgnn_jax import figures\n"
        "figures.to_svg(figures.comparison({'a': {'b': 1.0}}, label='x'))\n"
        "assert (matplotlib.rcParams['font.size'], matplotlib.rcParams['svg.fonttype']) == (23, 'path')\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_without_matplotlib_one_line_says_what_to_install():
    program = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "from rgnn_jax.errors import UserError\n"
        "try: import rgnn_jax.figures\n"
        "except UserError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "pip install" in done.stdout and len(done.stdout.splitlines()) == 1
