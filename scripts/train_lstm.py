"""Trains the exercise's LSTM on the chapter; arguments as in `rgnn train --help`."""

import sys

from exercise import train

sys.exit(train("lstm"))
