"""Shows what the trained Transformer makes of true beginnings; arguments as in `rgnn sample --help`."""

import sys

from exercise import test

sys.exit(test("transformer"))
