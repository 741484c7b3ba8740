#!/usr/bin/env bash
# Makes the project's environment, or brings it up to date, and prints the path of its Python.
#
#   python=$(scripts/setup.sh [EXTRA])     EXTRA: an extra of pyproject.toml, such as test
#
# Needs a Python >= 3.11; installs with uv if present, else pip. All but the path goes to stderr.
# For environments other than the usual one:
#   DROPOUT_LAB_VENV         where the environment lies               (.venv in the checkout)
#   DROPOUT_LAB_PYTHON       the Python it is made from               (the first usable on PATH)
#   DROPOUT_LAB_CONSTRAINTS  a pip constraints file for its versions  (requirements.lock)
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=${DROPOUT_LAB_VENV:-$root/.venv}
[[ $venv == /* ]] || venv=$PWD/$venv
constraints=${DROPOUT_LAB_CONSTRAINTS:-$root/requirements.lock}
extra=${1:-}
python=$venv/bin/python
# Holds the number of the process at work; one left by a dead process tells of a half-made
# environment. It lies beside the environment so that this can be removed and made anew under it.
unfinished=$venv.unfinished

say() { echo "setup: $*" >&2; }
die() { say "$*"; exit 1; }
abandon() { rm -f "$unfinished"; die "$@"; }
have_uv() { uv --version >/dev/null 2>&1; }
can_keep() { mkdir -p "$1" 2>/dev/null && [[ -w $1 ]]; }
usable() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

stamp_file() { echo "$venv/.setup-stamp${1:+-$1}"; }
# The checkout's place belongs in it: an editable install in a moved checkout points to the old one.
stamp=$({ echo "$root"; cat "$root"/{pyproject.toml,requirements.txt} "$constraints"; } | cksum)
current() { [[ -x $python && ! -e $unfinished && $(cat "$(stamp_file "$1")" 2>/dev/null) == "$stamp" ]]; }

find_python() {
  local name candidates=(python3.11 python3.12 python3.13 python3 python)
  [[ -z ${DROPOUT_LAB_PYTHON:-} ]] || candidates=("$DROPOUT_LAB_PYTHON")
  # Being on PATH is not enough: a version manager's stand-in may lie there and fail to run.
  for name in "${candidates[@]}"; do
    if usable "$name"; then
      "$name" -c 'import sys; print(sys.executable)'
      return
    fi
  done
  abandon "no Python >= 3.11 found${DROPOUT_LAB_PYTHON:+ at DROPOUT_LAB_PYTHON=$DROPOUT_LAB_PYTHON};" \
    "install one, or name it in DROPOUT_LAB_PYTHON"
}

claim() {
  local owner
  mkdir -p "$(dirname "$venv")"
  (: >"$venv.probe" && rm "$venv.probe") 2>/dev/null || die "cannot write in $(dirname "$venv")"
  # Creating the file is the lock: of two set-ups started together, one waits for the other.
  until (set -o noclobber && echo $$ >"$unfinished") 2>/dev/null; do
    owner=$(cat "$unfinished" 2>/dev/null) || continue
    if [[ -n $owner ]] && kill -0 "$owner" 2>/dev/null; then
      say "waiting for process $owner, which is setting up $venv" \
        "(if it does no such thing, remove $unfinished)"
      while [[ -e $unfinished ]] && kill -0 "$owner" 2>/dev/null; do sleep 1; done
    else
      say "an earlier set-up of $venv did not finish; starting it anew"
      rm -rf "$venv"
      rm -f "$unfinished"
    fi
  done
}

make_venv() {
  local base
  base=$(find_python)
  say "making $venv with $("$base" --version) ($base)"
  rm -rf "$venv"
  if have_uv; then
    uv venv --quiet --seed --python "$base" "$venv" >&2
  elif "$base" -c 'import ensurepip, venv' 2>/dev/null; then
    "$base" -m venv "$venv" >&2
  else
    abandon "$base lacks venv or ensurepip: install them (Debian: apt install python3-venv) or uv"
  fi
}

install() {
  local what=$root${extra:+[$extra]}
  say "installing dropout_lab${extra:+[$extra]}; a first time takes minutes"
  if have_uv; then
    # As pip does. Left to Python, nothing is compiled where PYTHONDONTWRITEBYTECODE is set, and
    # every start takes seconds longer.
    uv pip install --quiet --compile-bytecode --python "$python" \
      --constraint "$constraints" --editable "$what" >&2
  else
    "$python" -m pip install --quiet --disable-pip-version-check \
      --constraint "$constraints" --editable "$what" >&2
  fi
}

# An environment with the test extra also serves who asks for none.
if ! current "$extra" && ! { [[ -z $extra ]] && current test; }; then
  claim
  # pip does without a cache where there is no place for one, as in a home that cannot be written.
  ! have_uv || can_keep "$(uv cache dir)" || export UV_NO_CACHE=1
  if [[ -e $venv ]] && ! compgen -G "$venv/.setup-stamp*" >/dev/null; then
    abandon "$venv was not made by this script; remove it, or set DROPOUT_LAB_VENV to another place"
  fi
  usable "$python" || make_venv
  install
  echo "$stamp" >"$(stamp_file "$extra")"
  rm "$unfinished"
fi
echo "$python"
