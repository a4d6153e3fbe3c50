"""How a page was made: what every reproduction says of itself."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from rgnn_jax.experiments import provenance
from rgnn_jax.experiments.request import Request

_SMOKE = "A smoke run: tiny networks, trained for seconds. It shows that everything works, and no more."


class Result(msgspec.Struct, frozen=True):
    """A group of findings."""


class Facts(Result, frozen=True):
    """How a page was made.

    Attributes:
        scale: smoke, cpu or full.
        command: that made it.
        directory: where the runs are.
        settings: that its runs share, in words.
    """

    scale: str
    command: str
    directory: str
    seed: int
    settings: dict[str, str]
    hardware: str
    date: str
    seconds: float
    versions: Mapping[str, str]

    @classmethod
    def of(cls, request: Request, directory: Path, settings: dict[str, str]) -> "Facts":
        """The facts of a page whose work is done now, on this machine."""
        return cls(
            scale=request.scale,
            command=request.command,
            directory=str(directory),
            seed=request.seed,
            settings=settings,
            hardware=provenance.hardware(),
            date=provenance.today(),
            seconds=request.seconds,
            versions=provenance.versions(),
        )

    def notice(
        self, short: str = "what two cores reach in minutes; `--scale full` trains for longer."
    ) -> str | None:
        """What stands above a page that does not show everything; `short` says what the short scale is."""
        return {"smoke": _SMOKE, "cpu": f"The short scale: {short}"}.get(self.scale)
