#!/usr/bin/env bash
# The main job on the embedded chapter: makes .venv, installs the package, trains three networks for about
# eight minutes on two cores, and writes a page that shows how they learned to write.
#   bash scripts/demo.sh [smoke|cpu|full] [--overwrite ...]
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
  echo "demo.sh: $("$python" --version) is too old; install Python 3.11 or newer, or set PYTHON" >&2
  exit 2
}
[ -x .venv/bin/python ] || "$python" -m venv .venv
.venv/bin/python -m pip install --quiet --disable-pip-version-check -e ".[report]"
exec .venv/bin/rgnn reproduce text --scale "${1:-cpu}" "${@:2}"
