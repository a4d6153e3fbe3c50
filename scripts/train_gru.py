"""Trains the exercise's GRU on the chapter; arguments as in `rgnn train --help`."""

import sys

from exercise import train

sys.exit(train("gru"))
