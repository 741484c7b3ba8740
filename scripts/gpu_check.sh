#!/usr/bin/env bash
# Measures on one GPU, in 8 minutes at most and on made-up data: masks beside Flax's, with threefry
# and with rbg; training steps, in float32 and in bfloat16, and with XLA's flag for bits that repeat;
# trials in lanes, from 1 to 256.
#
#   scripts/gpu_check.sh [DIR] [FLAG ...]     DIR: where report and table go (results/gpu)
#
# FLAGs are dropout-lab benchmark's: --tiny tries all on problems too small to tell, on a CPU as well.
# Needs python on PATH, with jax that sees the device: scripts/doctor.py tells.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
out=$root/results/gpu
if [[ ${1:-} && $1 != --* ]]; then
  out=$1
  shift
fi
[[ $out == /* ]] || out=$PWD/$out
cd "$root"
# Each side has a process of its own on the one device, of which the first would take most.
export XLA_PYTHON_CLIENT_PREALLOCATE=false

platform=$(python -c 'import jax; print(jax.default_backend())')
if [[ $platform == cpu && " $* " != *" --tiny "* ]]; then
  echo "gpu_check: jax sees a CPU only, which would take an hour; scripts/doctor.py tells why" >&2
  exit 2
fi
mkdir -p "$out"
timeout 480 python scripts/benchmark.py --suite=accelerator --peers=flax,rbg,deterministic \
  --repeats=7 --output="$out/benchmark.json" "$@" >"$out/table.md"
cat "$out/table.md"
