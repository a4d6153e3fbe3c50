"""Trains the exercise's TRANSFORMER on the chapter; arguments as in `rgnn train --help`."""

import sys

from exercise import train

sys.exit(train("transformer"))
