"""The `rgnn` command, as the measurements call it."""

import os
import subprocess
import sys
from collections.abc import Mapping

from record import ROOT


def rgnn(*arguments: object, core: int | None = None, environment: Mapping[str, str] | None = None) -> str:
    """What `rgnn` prints; its progress goes where this program's goes.

    Args:
        arguments: of the command line.
        core: the only one that it may use.
        environment: variables that it sees beside this program's.
    """
    pinned = [] if core is None else ["taskset", "--cpu-list", str(core)]
    command = [*pinned, sys.executable, "-m", "rgnn_jax", *map(str, arguments)]
    env = os.environ | (environment or {})
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=ROOT, env=env).stdout
