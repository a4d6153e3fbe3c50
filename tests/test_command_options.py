"""Options that would say nothing are refused, others do what they say, and what is printed is JSON."""

import json
import urllib.request

import numpy as np
import pytest

from rgnn_jax.cli import main
from rgnn_jax.commands.arguments import print_json
from rgnn_jax.sampling.rules import GREEDY, SamplingRule


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ("sample tiny --paragraphs test --temperature 0.5", "--temperature: --paragraphs continues greedily"),
        ("sample tiny --paragraphs test --top-k 3", "--top-k: --paragraphs"),
        ("sample tiny --paragraphs test --top-p 0.5", "--top-p: --paragraphs"),
        ("sample tiny --paragraphs test --min-p 0.1", "--min-p: --paragraphs"),
        ("sample tiny --paragraphs test --seed 0", "--seed: --paragraphs"),
        ("sample tiny --paragraphs test --stop x", "--stop: --paragraphs"),
        ("sample tiny --greedy --temperature 0.5", "--temperature: --greedy takes the most likely character"),
        ("sample tiny --greedy --top-k 0", "--top-k: --greedy"),
        ("sample tiny --greedy --seed 1", "--seed: --greedy"),
        ("sample tiny --prompt-length 9", "give --paragraphs SPLIT with it"),
        ("evaluate tiny --text xyz --split test", "--split: a text of yours is scored"),
        ("evaluate tiny --text-file x.txt --split train", "--split: a text of yours is scored"),
        ("evaluate tiny --text xyz --data.path chapter", "--data.path: a text of yours is scored"),
        ("evaluate tiny --rule carried --window 4", "--window: --rule carried resets no state"),
    ],
)
def test_an_option_that_says_nothing_is_refused(arguments, complaint, ckpt_dir, capsys):
    assert main([*arguments.split(), "--ckpt-dir", str(ckpt_dir)]) == 2
    out, err = capsys.readouterr()
    assert out == "" and complaint in err and len(err.splitlines()) == 1


@pytest.mark.parametrize("name", ["mnist", "tinyshakespeare"])
@pytest.mark.parametrize("option", ["--keep-case", "--overwrite"])
def test_what_is_downloaded_is_not_changed(name, option, tmp_path, monkeypatch, capsys):
    def unreachable(*args, **options):
        raise OSError("no network in tests")

    monkeypatch.setattr(urllib.request, "urlopen", unreachable)
    assert main(["data", "prepare", name, option, "--out", str(tmp_path)]) == 2
    expected = f"rgnn data prepare: {option}: {name} is downloaded as it is; leave this option out\n"
    assert capsys.readouterr().err == expected


@pytest.mark.parametrize(
    ("name", "advice"),
    [("fashon_mnist", "did you mean fashion_mnist?"), ("tinyshakespear", "did you mean tinyshakespeare?"),
     ("qqqq", "`rgnn data` lists some")],
)  # fmt: skip
def test_an_unknown_set_is_answered_with_its_neighbour(name, advice, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["data", "prepare", name]) == 2
    error = capsys.readouterr().err
    assert advice in error and len(error.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_case_is_kept_and_folders_are_replaced_where_this_is_asked_for(tmp_path):
    text, out = tmp_path / "text.txt", tmp_path / "out"
    text.write_text("Aa\n")
    prepare = ["data", "prepare", str(text), "--out", str(out)]
    assert main(prepare) == 0
    assert np.load(out / "alphabet.npy").tolist() == ["a"]
    assert main(prepare) == 2
    assert main([*prepare, "--keep-case", "--overwrite"]) == 0
    assert np.load(out / "alphabet.npy").tolist() == ["A", "a"]


def json_of(capsys, ckpt_dir, *arguments):
    assert main([*arguments, "--ckpt-dir", str(ckpt_dir), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_window_is_reported_where_there_is_one(ckpt_dir, capsys):
    scored = ["evaluate", "tiny", "--text", "The gate was shut"]
    assert json_of(capsys, ckpt_dir, *scored)["window"] == 8
    assert json_of(capsys, ckpt_dir, *scored, "--window", "4")["window"] == 4
    score = json_of(capsys, ckpt_dir, *scored, "--rule", "carried")
    assert score["rule"] == "carried" and "window" not in score


def test_a_split_is_the_test_split_unless_another_is_named(ckpt_dir, capsys):
    asked = ["evaluate", "tiny", "--rule", "carried"]
    found = [json_of(capsys, ckpt_dir, *asked, *more) for more in ([], ["--split", "validation"])]
    assert [score["split"] for score in found] == ["test", "validation"]


def test_what_is_drawn_follows_the_rule(ckpt_dir, monkeypatch, capsys):
    rules = []

    def generate(*args, rule, **options):
        rules.append(rule)
        return np.array([[1, 2]])

    monkeypatch.setattr("rgnn_jax.sampling.decode.generate", generate)
    for options in ("", "--temperature 0.5 --top-k 3 --top-p 0.9 --min-p 0.1", "--greedy"):
        json_of(capsys, ckpt_dir, "sample", "tiny", *options.split())
    drawn = SamplingRule(temperature=0.5, top_k=3, top_p=0.9, min_p=0.1)
    assert rules == [SamplingRule(), drawn, GREEDY]


def test_a_text_ends_where_it_is_told_to_stop(ckpt_dir, capsys):
    asked = ["sample", "tiny", "--prompt", "the gate", "--max-new-tokens", "9", "--greedy"]
    [text] = json_of(capsys, ckpt_dir, *asked)["samples"]
    for stop in (text[-1], text[-1].upper()):
        assert json_of(capsys, ckpt_dir, *asked, "--stop", stop)["samples"] == [text.split(text[-1])[0]]


def test_paragraphs_begin_with_as_much_as_is_asked_for(ckpt_dir, capsys):
    asked = ["sample", "tiny", "--paragraphs", "test", "--max-new-tokens", "2"]
    for options, length in (([], 30), (["--prompt-length", "7"], 7)):
        [pair] = json_of(capsys, ckpt_dir, *asked, *options)["pairs"]
        assert len(pair["prompt"]) == length and len(pair["continuation"]) == 2


def test_a_number_that_is_not_finite_is_null(capsys):
    print_json({"loss": float("nan"), "scores": [1.0, np.float64("inf"), np.float64(0.5)], "name": "é"})
    assert capsys.readouterr().out == '{"loss": null, "scores": [1.0, null, 0.5], "name": "é"}\n'


@pytest.mark.parametrize("document", ["text", "faces", "digits", "fashion", "flowers", "arithmetic"])
def test_a_document_is_reproduced_by_its_own_protocol(document, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("signal.signal", lambda *_: None)
    monkeypatch.setattr("rgnn_jax.train.devices.set_up", lambda *_: None)
    monkeypatch.setattr(
        f"rgnn_jax.experiments.{document}.reproduce_{document}",
        lambda request: (request.out / "page.html", None, request.command),
    )
    assert main(["reproduce", document, "--out", str(tmp_path)]) == 0
    shown = f"rgnn reproduce {document} --scale cpu --seed 0\n\npage  {tmp_path / 'page.html'}\n"
    assert capsys.readouterr().out == shown
