import math

import msgspec
import pytest
from made_up_results import SCORE, measures, model, results, stage

from rgnn_jax.experiments.report import Observation, agreeing
from rgnn_jax.experiments.text_observations import observe
from rgnn_jax.experiments.text_sentences import (
    best_prediction,
    comparison,
    describe,
    reciting,
    summarise,
)


def verdict(found, beginning):
    (row,) = (row for row in observe(found) if row.document.startswith(beginning))
    return row.verdict


@pytest.mark.parametrize(("repeats", "expected"), [(0.5, "agrees"), (0.49, "differs")])
def test_an_early_lstm_that_repeats_itself_agrees(repeats, expected):
    early = stage("early", 10.0, held_out=measures(repeated_fourgrams=repeats))
    assert verdict(results(LSTM=model(stages=[early])), "LSTM, early") == expected


def test_words_and_loops_are_both_needed():
    for known, loops, expected in ((0.5, 0.5, "agrees"), (0.4, 1.0, "differs"), (1.0, 0.4, "differs")):
        midway = stage("midway", 100.0, held_out=measures(known_words=known, loops=loops))
        assert verdict(results(LSTM=model(stages=[midway])), "LSTM, midway") == expected


def test_a_stage_that_was_not_reached_is_not_tested():
    found = results(LSTM=model(stages=[stage("end", 40.0)]))
    assert verdict(found, "LSTM, early") == verdict(found, "LSTM, midway") == "not tested"
    assert verdict(found, "LSTM, end") == "agrees"


def test_most_common_characters_are_judged_against_the_text():
    for share, expected in ((0.75, "agrees"), (0.74, "differs")):  # halfway between one half and all
        early = stage("early", 10.0, held_out=measures(common_characters=share))
        assert verdict(results(TCN=model(stages=[early])), "TCN, early") == expected


def test_a_steady_run_that_ends_before_the_collapse_says_nothing_of_it():
    for epochs, instability, expected in (
        (300.0, 0.2, "agrees"), (300.0, 0.05, "differs"), (100.0, 0.2, "agrees"), (100.0, 0.05, "not tested"),
    ):  # fmt: skip
        found = results(TCN=model(epochs=epochs, instability=instability))
        assert verdict(found, "TCN, from about") == expected
    newlines = stage("end", 100.0, held_out=measures(longest_run=95.0))
    assert verdict(results(TCN=model(epochs=100.0, stages=[newlines])), "TCN, end") == "agrees"
    assert verdict(results(TCN=model(epochs=100.0)), "TCN, end") == "not tested"
    assert verdict(results(), "TCN, end") == "differs"


def test_reciting_is_judged_on_training_paragraphs_and_overfitting_on_losses():
    end = stage("end", 482.0, training=measures(agreement=0.85))
    overfitted = msgspec.structs.replace(SCORE, training=0.5, validation=2.5)
    found = results(Transformer=model(stages=[end], last=overfitted))
    assert verdict(found, "Transformer, end: it reproduces") == "agrees"
    assert verdict(found, "Transformer, end: it overfits") == "agrees"
    assert verdict(results(), "Transformer, end: it reproduces") == "differs"
    assert verdict(results(), "Transformer, end: it overfits") == "differs"


def test_a_smoke_run_tests_nothing():
    rows = observe(results("smoke"))
    assert {row.verdict for row in rows} == {"not tested"}
    assert agreeing(rows) == f"The document's {len(rows)} observations are not tested at this scale."


def test_the_summary_counts_the_verdicts():
    rows = observe(results())
    held = sum(row.verdict == "agrees" for row in rows)
    differing = sum(row.verdict == "differs" for row in rows)
    assert summarise(results(), rows)[-1] == (
        f"Of the document's 10 observations, {held} hold here and {differing} do not."
    )
    cut = observe(results(LSTM=model(stages=[stage("end", 40.0)])))
    assert agreeing(cut).endswith("; 2 were not tested.")
    one = [Observation("it does", "it does", "1", each) for each in ("agrees", "differs", "not tested")]
    expected = "Of the document's 3 observations, 1 holds here and 1 does not; 1 was not tested."
    assert agreeing(one) == expected


def test_the_best_prediction_is_named_with_its_rivals():
    better = msgspec.structs.replace(SCORE, test_carried=1.5)
    assert best_prediction(results(TCN=model(best=better))) == (
        "The TCN predicts the test text best: 1.50 nats a character at its best checkpoint, against 1.65 for "
        "the LSTM and 1.65 for the Transformer; the frequencies of the symbols alone give 2.87."
    )
    poor = msgspec.structs.replace(SCORE, test_carried=3.0)
    none = results(**{name: model(best=poor) for name in ("LSTM", "TCN", "Transformer")})
    assert best_prediction(none).startswith("No model predicts the test text better")


@pytest.mark.parametrize(
    ("known", "new", "beginning"),
    [
        (0.8, 0.1, "The TCN recites"),
        (0.3, 0.1, "The TCN remembers part"),
        (0.3, 0.2, "No model recites what it was trained on. The TCN comes nearest"),
    ],
)
def test_reciting_needs_more_of_the_training_text_than_of_another(known, new, beginning):
    end = stage("end", 300.0, training=measures(agreement=known), held_out=measures(agreement=new))
    assert reciting(results(TCN=model(stages=[end]))).startswith(beginning)


def test_the_comparison_says_which_setting_matters_more():
    assert comparison(results()) == (
        "After 12 epochs the best LSTM has width 16 and learning rate 0.01; its validation loss is 2.00 nats "
        "a character. Over the table the learning rate matters more: at one width the learning rates lie "
        "0.40 nats apart on average, at one learning rate the widths 0.10."
    )


def test_lstms_of_unequal_length_are_said_to_be():
    cut = [msgspec.structs.replace(row, epochs=9.0 if row.width == 16 else 12.0) for row in results().sweep]
    found = msgspec.structs.replace(results(), sweep=cut)
    assert comparison(found).startswith("After 9 to 12 epochs (the time limit came first) the best LSTM")


def test_overfitting_is_told_from_the_rise_of_the_validation_loss():
    risen = msgspec.structs.replace(SCORE, epoch=300.0, training=0.9, validation=2.0)
    _, fitting, _ = describe(results(Transformer=model(last=risen)))
    assert "The Transformer overfits: its validation loss was lowest at epoch 10 with 1.60" in fitting
    assert "The LSTM's validation loss is lowest, or level with its lowest, at the end" in fitting


def test_an_lstm_that_diverged_is_not_compared():
    best, *others = sorted(results().sweep, key=lambda row: row.validation)
    broken = [msgspec.structs.replace(row, validation=math.nan) for row in others]
    found = msgspec.structs.replace(results(), sweep=[*broken[1:], best, broken[0]])
    assert "its validation loss is 2.00 nats" in comparison(found) and "nan" not in comparison(found)
    none = msgspec.structs.replace(results(), sweep=broken)
    assert comparison(none) == "After 12 epochs all of the compared LSTMs had diverged."
