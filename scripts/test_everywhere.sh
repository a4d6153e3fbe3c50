#!/usr/bin/env bash
# Runs the suite on every supported interpreter that is installed: 3.11 and 3.12 with the newest packages,
# 3.13 with the versions of Colab's runtime.
set -uo pipefail
cd "$(dirname "$0")/.."
# A version manager's shim answers only for the version in use, so its folder is searched too.
find_python() {
  for candidate in "$(command -v "python$1")" "${PYENV_ROOT:-$HOME/.pyenv}/versions/$1".*/bin/python; do
    if "$candidate" --version >/dev/null 2>&1; then
      echo "$candidate"
      return
    fi
  done
}

failed=0
for version in 3.11 3.12 3.13; do
  python=$(find_python "$version")
  if [ -z "$python" ]; then
    echo "python$version: not installed, skipped"
    continue
  fi
  requirements=requirements.txt
  [ "$version" = 3.13 ] && requirements=requirements-colab.txt
  echo "== $("$python" --version), $requirements"
  PYTHON=$python REQUIREMENTS=$requirements VENV=".venv-$version" bash scripts/test.sh "${1:-default}" || failed=1
done
exit $failed
