#!/usr/bin/env bash
# From a bare checkout to a table: sets up, sweeps dropout on the embedded digits, tables the result.
#
#   scripts/quickstart.sh [DIR]     DIR: where the results go (results/quickstart in the checkout)
#
# What DIR already holds is not run again. scripts/setup.sh tells what set-up needs.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
out=${1:-$root/results/quickstart}
[[ $out == /* ]] || out=$PWD/$out
python=$("$root/scripts/setup.sh")
cd "$root"

"$python" scripts/sweep.py --config=configs/digits_mlp.py --workdir="$out" \
  --vary=variant=none,dropout,gaussian_dropout --vary=dropout.rate=0.1,0.3,0.5 --seeds=10

"$python" scripts/table.py --workdir="$out" --rows=variant --cols=dropout.rate \
  --value=test_error --format=markdown | tee "$out/table.md"
"$python" scripts/plot.py --workdir="$out" --cols=dropout.rate --output="$out/figure.png"

echo
echo "table:   $out/table.md"
echo "figure:  $out/figure.png"
echo "records: $out/trials/"
