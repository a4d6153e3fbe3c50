"""`python -m rgnn_jax` is the `rgnn` command."""

import sys

from rgnn_jax.cli import main

if __name__ == "__main__":
    sys.exit(main())
