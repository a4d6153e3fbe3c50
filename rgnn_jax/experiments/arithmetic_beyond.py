"""Networks that calculate, asked for larger operands than they were trained on."""

from collections.abc import Mapping

from rgnn_jax.experiments.arithmetic_networks import NETWORKS, answers
from rgnn_jax.experiments.arithmetic_results import LSTM, TRANSFORMER, Beyond
from rgnn_jax.experiments.workshop import Settings, Workshop

UNSEEN = {"range": (2, 80), "length": (3, 100)}
"""What is new in the operands: the digits that queries have room for, and what trained operands are below."""


def examine_beyond(workshop: Workshop, settings: Settings, limits: Mapping[str, Settings]) -> list[Beyond]:
    """Trains networks on small operands, and asks them for those and for larger ones.

    Args:
        workshop: where they are trained.
        settings: of all networks.
        limits: how long each trains at most.
    """
    return [
        _examine(workshop, name, unseen, {**settings, **limits[name]})
        for unseen in UNSEEN
        for name in (LSTM, TRANSFORMER)
    ]


def _examine(workshop: Workshop, name: str, unseen: str, settings: Settings) -> Beyond:
    network, (digits, below) = NETWORKS[name], UNSEEN[unseen]
    operands = {"data.digits": str(digits), "data.operands_below": str(below)}
    directory = f"{network.directory}_unseen_{unseen}"
    run = workshop.train(name, directory, network.config, {**settings, **network.settings, **operands})
    return Beyond(
        model=name,
        run=directory,
        digits=digits,
        below=below,
        steps=run.run.step,
        seconds=run.seconds,
        test=answers(run, "test"),
        beyond=answers(run, "beyond"),
    )
