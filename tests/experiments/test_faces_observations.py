import msgspec
import pytest
from made_up_faces import factors, look, results, run, turn

from rgnn_jax.experiments.faces_examination import choice
from rgnn_jax.experiments.faces_observations import observe, reaches
from rgnn_jax.experiments.faces_results import Judge
from rgnn_jax.experiments.faces_tables import judge_table, summarise, target_sentence, turn_table


def verdicts(found):
    return {row.document: row.verdict for row in observe(found)}


@pytest.mark.parametrize(
    ("changes", "document"),
    [
        ({"sharpness": 0.03}, "A high beta gives sharper pictures; those of beta 0 are blurry."),
        ({"contrast": 0.3}, "A high beta gives more contrast."),
        ({"distance": 0.2}, "Pictures of a high beta are less coherent; those of beta 0 are plausible."),
    ],
)
def test_a_higher_number_of_the_high_beta_decides(changes, document):
    same = verdicts(results(run(0.0), run(20.0)))
    more = verdicts(results(run(0.0), run(20.0, samples=look(**changes))))
    assert (same[document], more[document]) == ("differs", "agrees")
    assert [key for key in same if same[key] != more[key]] == [document]


def test_one_meaning_each_needs_twice_the_gap_of_beta_0():
    document = "Beta 20: dimensions with one meaning each."
    low = run(0.0, factors=factors(mig=0.09))
    assert verdicts(results(low, run(20.0, factors=factors(mig=0.17))))[document] == "differs"
    assert verdicts(results(low, run(20.0, factors=factors(mig=0.18))))[document] == "agrees"


def test_a_half_that_hardly_acts_turns_at_most_a_third_of_the_other():
    document = "In the dimension that turns the head, negative values hardly act and positive ones do."
    turns = run().turns
    for read, verdict in (
        ([-10.0, 0.0, 30.0], "agrees"),
        ([-11.0, 0.0, 30.0], "differs"),
        ([0.0, 0.0, 9.0], "differs"),
    ):
        one = run(20.0, turns=turns | {"dimension": turn("dimension", read=read)})
        assert verdicts(results(run(0.0), one))[document] == verdict


def test_nothing_is_said_of_factors_that_nobody_knows():
    photographs = {"pictures": turn("pictures", unchanged={}, moved={}, identity=0.95)}
    found = results(*(run(beta, factors=None, turns=photographs) for beta in (0.0, 20.0)))
    told = verdicts(found)
    assert told["Beta 20: dimensions with one meaning each."] == "not tested"
    assert told["The turned face barely resembles the original."] == "agrees"
    assert "MIG" not in " ".join(summarise(found, observe(found)))


def test_a_smoke_run_decides_nothing():
    assert set(verdicts(results(scale="smoke")).values()) == {"not tested"}


@pytest.mark.parametrize(
    ("changes", "reached"),
    [
        ({}, True),
        ({"span": 49.0}, False),
        ({"error": 8.5}, False),
        ({"monotone": 0.8}, False),
        ({"unchanged": {"glasses": 0.89, "hat": 1.0}}, False),
    ],
)
def test_every_part_of_the_target_counts(changes, reached):
    assert reaches(turn(**changes)) is reached


def test_people_need_to_turn_monotonously_in_four_fifths():
    of_photographs = turn("pictures", unchanged={}, identity=0.5)
    assert reaches(msgspec.structs.replace(of_photographs, monotone=0.8)) is True
    assert reaches(msgspec.structs.replace(of_photographs, monotone=0.79)) is False
    assert reaches(msgspec.structs.replace(of_photographs, monotone=None)) is None


def test_the_smaller_error_of_the_better_kept_face_is_chosen():
    assert choice(turn(error=3.0)) < choice(turn(error=4.0))
    assert choice(turn(unchanged={"hat": 1.0})) < choice(turn(unchanged={"hat": 0.9}))


def test_the_table_of_photographs_names_the_one_way_and_what_the_judge_tells_apart():
    turns = {"pictures": turn("pictures", unchanged={}, moved={}, identity=0.95)}
    judge = Judge(kind="regressions", trained_on=9, tested_on=3, error={"yaw": 5.0}, recognition=0.953)
    found = results(run(4.0, factors=None, turns=turns), judge=judge)
    caption = turn_table(found).caption
    assert "each: along the direction found in pictures alone. Rising" in caption
    assert "course" not in caption
    assert "Kept" not in caption
    rows = {row[0]: row[1:3] for row in judge_table(found).rows}
    assert rows == {
        "yaw": ("mean error, degrees", 5.0),
        "one person beside strangers": ("nearer, %", pytest.approx(95.3)),
    }
    assert "turn monotonously" in target_sentence(found)


def test_the_table_says_what_reached_the_target_of_the_known_turn_only():
    rows = {row[0]: row for row in turn_table(results(run(4.0))).rows}
    assert rows["\u03b2 = 4, fitted course"][-1] == "reached"
    assert rows["\u03b2 = 4, one dimension"][-1] is None
