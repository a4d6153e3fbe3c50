#!/usr/bin/env bash
# Makes a fresh virtual environment from requirements.txt, then lints, type-checks and runs the tests.
#   bash scripts/test.sh          the default suite
#   bash scripts/test.sh slow     the longer tests as well, and programs compiled as for users
# PYTHON chooses the interpreter, REQUIREMENTS another file, VENV another place.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
venv=${VENV:-.venv-test}
case "${1:-default}" in
  default) select="not slow" ;;
  slow) select="slow or not slow"; export JAX_DISABLE_MOST_OPTIMIZATIONS=false XLA_FLAGS= ;;
  *) echo "test.sh: unknown suite $1; use default or slow" >&2; exit 2 ;;
esac
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
  echo "test.sh: $("$python" --version) is too old; install Python 3.11 or newer, or set PYTHON" >&2
  exit 2
}
"$python" -m venv --clear "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "${REQUIREMENTS:-requirements.txt}" -e .
"$venv/bin/ruff" check .
"$venv/bin/ruff" format --check .
"$venv/bin/mypy"
exec "$venv/bin/python" -m pytest -m "$select" -n 2 --dist loadgroup
