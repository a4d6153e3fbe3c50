import base64
import re
import sys
from html.parser import HTMLParser

import made_up_pictures
import msgspec
import pytest

from rgnn_jax.errors import UserError
from rgnn_jax.experiments import report as module
from rgnn_jax.experiments.report import (
    Column,
    Continuations,
    Figure,
    Note,
    Observation,
    Observations,
    Picture,
    Report,
    Section,
    Table,
    publish,
    render,
)

SVG = '<svg xmlns="http://www.w3.org/2000/svg"><g id="a"/><use href="#a" clip-path="url(#a)"/></svg>'
SCORES = Table(
    (Column("Model"), Column("Loss", 2, "lowest"), Column("Accuracy", 1, "highest"), Column("Parameters")),
    (("LSTM", 1.611, 50.0, 226349), ("TCN", 1.614, 61.25, 1200), ("Transformer", 1.96, float("nan"), None)),
    caption="Scores, best in bold.",
    command="rgnn evaluate lstm --json",
)
SAMPLES = Continuations(
    prompt="A tower on the g",
    truth="rey hill.",
    models=("LSTM", "TCN"),
    stages=("epoch 10", "epoch 100"),
    texts={
        "epoch 10": {"LSTM": "<script>alert(1)</script>", "TCN": "\n" * 104},
        "epoch 100": {"LSTM": "rey & old"},
    },
    caption="What they write.",
)
OBSERVED = (
    Observation("It loops.", "It loops.", "`period` 7", "agrees"),
    Observation("It converges.", "It does not.", "0.07 nats", "differs"),
    Observation("More memory helps.", "", "", "not tested"),
)
FACTS = msgspec.structs.replace(
    made_up_pictures.FACTS, command="rgnn reproduce text", hardware="2 CPU cores", scale="smoke", seconds=65.0
)
FACES = Picture(b"pixels", "Faces.", "Four faces.")
REPORT = Report(
    title="Text & networks",
    summary=("They learn.",),
    sections=(
        Section(
            "Losses",
            ("We set `training.steps`.", Note("Aside."), Figure(SVG, "Falling.", 'A "curve".'), SCORES),
        ),
        Section(
            "Samples",
            (
                SAMPLES,
                Picture(b"pixels", "Faces.", "Four faces."),
                Figure(SVG, "Again.", "The same."),
                Observations(OBSERVED, caption="Document and ours."),
            ),
        ),
    ),
    facts=FACTS,
    observations=OBSERVED,
    notice="Smoke run.",
)


class Outline(HTMLParser):
    """Collects tags with their attributes and the text inside each."""

    def __init__(self, page):
        super().__init__()
        self.elements, self._open = [], []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        element = {"tag": tag, "text": "", "children": [], **dict(attributes)}
        for parent in self._open:
            parent["children"].append(element)
        self.elements.append(element)
        if tag not in ("img", "meta", "use"):
            self._open.append(element)

    def handle_endtag(self, tag):
        assert self._open.pop()["tag"] == tag

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in ("img", "meta", "use"):
            self._open.pop()

    def handle_data(self, data):
        for element in self._open:
            element["text"] += data

    def all(self, *tags):
        return [element for element in self.elements if element["tag"] in tags]


@pytest.fixture(scope="module")
def page():
    return render(REPORT)


@pytest.fixture(scope="module")
def outline(page):
    return Outline(page)


def test_what_a_model_writes_is_shown_and_never_run(page, outline):
    assert "<script" not in page
    assert any("<script>alert(1)</script>" in cell["text"] for cell in outline.all("td"))
    assert any(cell["text"] == "A tower on the grey & old" for cell in outline.all("td"))


def test_the_page_asks_the_network_for_nothing(page, outline):
    assert not outline.all("link", "script", "iframe", "object", "source")
    assert "@import" not in page
    references = [
        element[name] for element in outline.elements for name in ("src", "href") if name in element
    ]
    assert references
    assert all(reference.startswith(("#", "data:image/png;base64,")) for reference in references)
    assert all(reference.startswith("#") for reference in re.findall(r"url\(([^)]*)", page))
    assert set(re.findall(r"https?://[^\s\"<]+", page)) == {"http://www.w3.org/2000/svg"}


def test_headings_stand_in_order_and_are_linked(outline):
    headings = outline.all("h1", "h2", "h3", "h4")
    assert [(heading["tag"], heading["text"]) for heading in headings] == [
        ("h1", "Text & networks"), ("h2", "Losses"), ("h2", "Samples"),
    ]  # fmt: skip
    assert [f"#{heading['id']}" for heading in headings[1:]] == [link["href"] for link in outline.all("a")]


def test_every_cell_is_present_with_its_scope(outline):
    table = outline.all("table")[0]
    texts = [cell["text"].strip() for cell in table["children"] if cell["tag"] in ("th", "td")]
    assert texts == [
        "Model", "Loss", "Accuracy", "Parameters",
        "LSTM", "1.61", "50.0", "226,349",
        "TCN", "1.61", "61.2", "1,200",
        "Transformer", "1.96", "nan", "\N{EN DASH}",
    ]  # fmt: skip
    assert [cell["scope"] for cell in table["children"] if cell["tag"] == "th"] == ["col"] * 4 + ["row"] * 3


def test_the_best_is_bold_and_a_tie_on_the_page_is_a_tie(outline):
    assert [bold["text"] for bold in outline.all("strong")] == ["1.61", "1.61", "61.2"]


def test_only_numbers_are_aligned_as_numbers(outline):
    heads = outline.all("table")[0]["children"]
    aligned = [cell["text"] for cell in heads if cell["tag"] == "th" and cell.get("class") == "number"]
    assert aligned == ["Loss", "Accuracy", "Parameters"]


def test_a_missing_sample_is_a_dash_and_the_truth_stands_once(outline):
    cells = [cell for cell in outline.all("td") if "data-model" in cell]
    assert [(cell["data-model"], cell["text"][:17]) for cell in cells] == [
        ("LSTM", "A tower on the g<"), ("TCN", "A tower on the g¶"), ("True text", "A tower on the gr"),
        ("LSTM", "A tower on the gr"), ("TCN", "\N{EN DASH}"),
    ]  # fmt: skip


def test_figures_have_a_description_and_ids_of_their_own(outline):
    described = [element["aria-label"] for element in outline.elements if element.get("role") == "img"]
    assert described == ['A "curve".', "The same."]
    ids = [element["id"] for element in outline.elements if "id" in element]
    assert len(ids) == len(set(ids))
    used = outline.all("use")
    assert all(element["href"][1:] in ids and element["clip-path"][5:-1] in ids for element in used)
    labels = [element["aria-labelledby"] for element in outline.elements if "aria-labelledby" in element]
    assert set(labels) <= set(ids)


def test_pictures_are_part_of_the_page_and_described(outline):
    (image,) = outline.all("img")
    assert image["alt"] == "Four faces."
    assert base64.b64decode(image["src"].removeprefix("data:image/png;base64,")) == b"pixels"


def test_verdicts_commands_and_provenance_are_told(page, outline):
    verdicts = [cell["text"] for cell in outline.all("td") if cell.get("class", "").startswith("verdict")]
    assert verdicts == ["agrees", "differs", "not tested"]
    assert [code["text"] for code in outline.all("code")] == [
        "training.steps", "rgnn evaluate lstm --json", "period", "rgnn reproduce text",
    ]  # fmt: skip
    footer = outline.all("footer")[0]["text"]
    assert all(fact in footer for fact in ("3", "2 CPU cores", "1 min 05 s", "2025-01-31", "jax 0.10.2"))
    assert page.startswith("<!doctype html>")
    assert outline.all("html")[0]["lang"] == "en"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a b", [(False, "a b")]),
        ("a\nb", [(False, "a"), (True, "¶\n"), (False, "b")]),
        ("\n\n\n", [(True, "¶¶¶\n")]),
        ("a   b", [(False, "a"), (True, "···"), (False, "b")]),
        ("\t\x00\ud800", [(True, "⇥"), (True, "\u2400"), (True, "\ufffd")]),
    ],
)
def test_white_space_is_visible_where_it_matters(text, shown):
    assert module.visible(text) == shown


def test_rendering_is_deterministic(page):
    assert render(REPORT) == page


class Numbers(msgspec.Struct):
    loss: float


def test_publishing_replaces_page_and_numbers_and_leaves_nothing_else(tmp_path, page):
    path = tmp_path / "report.html"
    for loss in (9.0, 1.5):
        publish(REPORT, Numbers(loss), path, {"figures/faces.png": b"pixels"})
    assert path.read_text(encoding="utf-8") == page
    numbers = msgspec.json.decode((tmp_path / "report.json").read_bytes())
    assert numbers["loss"] == 1.5
    assert [row["verdict"] for row in numbers["observations"]] == ["agrees", "differs", "not tested"]
    assert sorted(name.name for name in tmp_path.iterdir()) == ["figures", "report.html", "report.json"]
    assert (tmp_path / "figures" / "faces.png").read_bytes() == b"pixels"


def test_without_jinja2_the_command_that_installs_it_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(UserError, match=re.escape('pip install "rgnn-jax[report]"')):
        render(REPORT)


def test_a_page_says_above_all_else_when_it_does_not_show_everything():
    smoke, short, full = (
        msgspec.structs.replace(FACTS, scale=scale).notice("brief.") for scale in ("smoke", "cpu", "full")
    )
    assert smoke is not None and smoke.startswith("A smoke run")
    assert (short, full) == ("The short scale: brief.", None)
