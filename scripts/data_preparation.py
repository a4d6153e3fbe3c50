"""The exercise's spelling of `rgnn data prepare`: writes a text as one-hot samples."""

import sys

from rgnn_jax.cli import main

if __name__ == "__main__":
    sys.exit(main(["data", "prepare", *sys.argv[1:]]))
