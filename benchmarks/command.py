"""The `rgnn` command, as the measurements call it."""

import subprocess
import sys

from record import ROOT


def rgnn(*arguments: object) -> str:
    """What `rgnn` prints; its progress goes where this program's goes."""
    command = [sys.executable, "-m", "rgnn_jax", *map(str, arguments)]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=ROOT).stdout
