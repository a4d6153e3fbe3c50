"""Trains the exercise's Transformer on the chapter; arguments as in `rgnn train --help`."""

import sys

from exercise import train

sys.exit(train("transformer"))
