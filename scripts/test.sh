#!/usr/bin/env bash
# Sets up and runs what must pass: lint, types, tests and doctests.
#
#   scripts/test.sh         everything; tests on real data where TFDS_DATA_DIR has it
#   scripts/test.sh fast    without the tests marked slow, compiled without optimisation
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
case ${1:-} in
  "") selection=() ;;
  fast)
    selection=(-m "not slow")
    export JAX_DISABLE_MOST_OPTIMIZATIONS=1 # compiling takes longer than what is compiled
    ;;
  *) echo "usage: scripts/test.sh [fast]" >&2; exit 2 ;;
esac
# The emitters of fused loops take two thirds of the time that compiling takes, and the tests mostly
# compile; test_matrix.sh does without the flag, as users do.
export XLA_FLAGS="${XLA_FLAGS:-} --xla_cpu_use_fusion_emitters=false"
python=$("$root/scripts/setup.sh" test)
cd "$root"
SECONDS=0
failed=()

check() {
  local name=$1
  shift
  echo "== $name"
  "$@" || failed+=("$name")
}

check lint "$python" -m ruff check .
check format "$python" -m ruff format --check .
check types "$python" -m mypy
check tests "$python" -m pytest --quiet -n 2 --dist worksteal ${selection[@]+"${selection[@]}"}

missing=
for dataset in mnist cifar10; do
  [[ -d ${TFDS_DATA_DIR:-/nowhere}/$dataset ]] || missing+=" $dataset"
done
[[ -z $missing ]] || echo "not run: tests on real data of$missing (not under TFDS_DATA_DIR)"
if ((${#failed[@]})); then
  echo "FAILED in $SECONDS s: ${failed[*]}"
  exit 1
fi
echo "passed in $SECONDS s: lint, format, types, tests"
