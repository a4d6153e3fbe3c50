"""Results of the text reproduction as no run gave them, small and complete."""

import msgspec
from made_up_pictures import FACTS

from rgnn_jax.experiments.text_results import (
    ModelResult,
    Paragraph,
    Point,
    Score,
    Stage,
    SweepRow,
    TextResults,
)
from rgnn_jax.experiments.writing import Measures

MEASURES = Measures(
    known_words=0.9,
    known_pairs=0.3,
    top_word=0.1,
    common_characters=0.5,
    repeated_fourgrams=0.2,
    loops=0.0,
    longest_run=2.0,
    agreement=0.1,
    longest_copy=12.0,
)
SCORE = Score(epoch=10.0, training=1.4, validation=1.6, test_windows=1.7, test_carried=1.65)
STRIP = "she said."


def measures(**changes):
    return msgspec.structs.replace(MEASURES, **changes)


def stage(name, epoch, held_out=MEASURES, training=MEASURES):
    return Stage(
        name=name,
        epoch=epoch,
        step=int(epoch * 20),
        greedy={"training": "the store", "held-out": "the gate\n\n"},
        sampled="a gate",
        measures={"training": training, "held-out": held_out},
    )


def model(**changes):
    result = ModelResult(
        run="lstm",
        network="2 layers of 16",
        learning_rate=1e-3,
        changed=[],
        parameters=1234,
        epochs=300.0,
        seconds=65.0,
        training=[Point(epoch=1.0, loss=3.0), Point(epoch=300.0, loss=1.4)],
        validation=[Point(epoch=1.0, loss=3.1), Point(epoch=300.0, loss=1.6)],
        stages=[stage("early", 10.0), stage("midway", 100.0), stage("end", 300.0)],
        best=SCORE,
        last=SCORE,
        strip=[-1.0] * len(STRIP),
        instability=0.01,
    )
    return msgspec.structs.replace(result, **changes)


def results(scale="cpu", **models):
    return TextResults(
        facts=msgspec.structs.replace(
            FACTS,
            scale=scale,
            command="rgnn reproduce text",
            directory="ckpt/reproduce/text-cpu",
            seed=0,
            settings={"Batch": "16 windows of 128 characters"},
        ),
        unigram=2.87,
        common=(" etah", 0.5),
        paragraphs={
            "training": Paragraph(prompt="at the ", truth="store they met"),
            "held-out": Paragraph(prompt="\"it's", truth=' late," she said.'),
        },
        measured={"training": 8, "held-out": 8},
        strip=STRIP,
        models={"LSTM": model(), "TCN": model(run="tcn"), "Transformer": model(run="transformer")} | models,
        sweep=[
            SweepRow(width=width, learning_rate=rate, epochs=12.0, validation=loss)
            for width, rate, loss in ((8, 1e-3, 2.5), (8, 1e-2, 2.1), (16, 1e-3, 2.4), (16, 1e-2, 2.0))
        ],
    )
