"""The programs in benchmarks/ import each other as they do when run by path."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
