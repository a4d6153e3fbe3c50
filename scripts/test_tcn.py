"""Shows what the trained TCN makes of true beginnings; arguments as in `rgnn sample --help`."""

import sys

from exercise import test

sys.exit(test("tcn"))
