#!/usr/bin/env bash
# Runs the fast tests, the notebook and the quickstart in clean environments, one for each row of a
# table:
#
#   floor      Python 3.11, every direct dependency at its floor in requirements.txt
#   newest     Python 3.11, the newest of everything
#   newest313  Python 3.13, the newest of everything
#
#   scripts/test_matrix.sh [ROW ...]     without a row: all of them
#
# A row whose Python is neither on PATH nor among pyenv's is told of at the end and fails nothing.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
(($#)) || set -- floor newest newest313
temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT

find_python() {
  local name
  for name in "python$1" "${PYENV_ROOT:-${HOME:-}/.pyenv}/versions/$1".*/bin/python; do
    if "$name" -c 'import sys; sys.exit("%d.%d" % sys.version_info[:2] != sys.argv[1])' "$1" \
      >/dev/null 2>&1; then
      echo "$name"
      return
    fi
  done
  return 1
}

run_row() {
  local row=$1 python
  export DROPOUT_LAB_VENV=$temp/$row DROPOUT_LAB_PYTHON=$2 DROPOUT_LAB_CONSTRAINTS=$temp/$row.txt
  python=$("$root/scripts/setup.sh" test) &&
    (
      cd "$root"
      "$python" -m pytest --quiet -n 2 --dist worksteal -m "not slow" &&
        "$python" -m pytest --quiet tests/scripts/test_notebook.py
    ) &&
    "$root/scripts/quickstart.sh" "$temp/$row-quickstart"
}

report=$(printf '%-10s %-7s %s' row python result)
failed=0
for row in "$@"; do
  case $row in
    floor) version=3.11 && sed 's/>=/==/' "$root/requirements.txt" >"$temp/$row.txt" ;;
    newest) version=3.11 && : >"$temp/$row.txt" ;;
    newest313) version=3.13 && : >"$temp/$row.txt" ;;
    *) echo "unknown row '$row'; allowed: floor, newest, newest313" >&2; exit 2 ;;
  esac
  echo "== $row"
  SECONDS=0
  if ! python=$(find_python "$version"); then
    result="not run: this machine has no Python $version"
  elif run_row "$row" "$python"; then
    result="passed in $SECONDS s"
  else
    result="FAILED after $SECONDS s"
    failed=1
  fi
  report+=$(printf '\n%-10s %-7s %s' "$row" "$version" "$result")
  rm -rf "${temp:?}/$row"
done
echo
echo "$report"
exit "$failed"
