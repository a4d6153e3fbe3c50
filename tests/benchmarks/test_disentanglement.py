import json

import disentanglement
import pytest

SCORES = dict.fromkeys(("seconds", "negative_elbo", *disentanglement.SCORES), 1.0)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--data-path", "nowhere.npz"], "nowhere.npz"),
        (["--seconds", "0"], "--seconds 0"),
        (["--seconds", "nan"], "--seconds nan"),
        (["--seeds", "1", "1"], "--seeds"),
        (["--cores", "0", "0"], "--cores"),
        (["--cores", "9999"], "9999"),
        (["--cores"], "--cores"),
        (["--data-path", __file__], "test_disentanglement.py"),
    ],
)
def test_bad_input_gets_one_line(arguments, complaint, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["disentanglement.py", *arguments])
    with pytest.raises(SystemExit) as end:
        disentanglement.main()
    out, err = capsys.readouterr()
    assert end.value.code == 2 and not out
    assert len(err.splitlines()) == 1 and complaint in err


def test_medians_follow_their_objective():
    rows = [{**SCORES, "label": label, "seed": seed, "mig": mig} for label, seed, mig in (
        ("a", 0, 0.1), ("a", 1, 0.5), ("a", 2, 0.2), ("b", 0, 0.7),
    )]  # fmt: skip
    table = disentanglement.medians(rows)
    assert [row["label"] for row in table] == ["a", "a", "a", "a: median", "b", "b: median"]
    assert table[3]["mig"] == 0.2 and table[5]["mig"] == 0.7


def test_a_step_without_a_clock_lies_between_its_neighbours(tmp_path):
    path = tmp_path / "metrics.jsonl"
    rows = [{"step": 10, "seconds": 5.0}, {"step": 15, "validation_loss": 1.0}, {"step": 20, "seconds": 9.0}]
    path.write_text("\n".join(map(json.dumps, rows)))
    at = disentanglement._times(path, 30, 12.0)
    assert [at(step) for step in (5, 10, 15, 30)] == [2.5, 5.0, 7.0, 12.0]
    path.write_text("")
    assert disentanglement._times(path, 4, 8.0)(2) == 4.0
