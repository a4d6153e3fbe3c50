"""What is asked of a reproduction."""

import dataclasses
import time
from pathlib import Path


@dataclasses.dataclass(frozen=True)
class Request:
    """One reproduction: of what data, how long, and where its page goes.

    Attributes:
        scale: how much of the protocol is done: "smoke", "cpu" or "full".
        data_path: what `TextData.path` or `ImageData.path` takes.
        out: where the directory of runs and page goes.
        seed: of everything random.
        command: what the page says it was made by.
        data_dir: where prepared sets of TensorFlow Datasets lie.
        poses: a table of the turn of faces on photographs, see `evaluate.yaw.read_poses`.
        overwrite: replace what an earlier reproduction left there.
        quiet: nothing on standard error.
        started: `time.monotonic()` at the start of the command.
    """

    scale: str
    data_path: str
    out: Path
    seed: int
    command: str
    data_dir: str = "data"
    poses: Path | None = None
    overwrite: bool = False
    quiet: bool = False
    started: float = dataclasses.field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """Since the start of the command."""
        return time.monotonic() - self.started
