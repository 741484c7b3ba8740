#!/usr/bin/env bash
# A Cloud TPU of one host, from its creation to its end; what is committed here is what runs there.
#
#   scripts/tpu_vm.sh [--dry_run] create NAME              makes it and installs this code
#   scripts/tpu_vm.sh [--dry_run] run NAME COMMAND ...     brings it this commit and runs COMMAND
#   scripts/tpu_vm.sh [--dry_run] fetch NAME DIR           copies DIR, as results/mine, from there
#   scripts/tpu_vm.sh [--dry_run] delete NAME              ends it, and what it costs
#
# --dry_run only prints the commands. A run that was cut goes on with the same command; what was not
# fetched when Google takes the TPU away is lost. For the environment:
#
#   TPU_ZONE     (us-west4-a)
#   TPU_TYPE     (v5litepod-1)
#   TPU_VERSION  the image (v2-alpha-tpuv5-lite)
#   TPU_FLAGS    more flags for create, such as --spot
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
zone=${TPU_ZONE:-us-west4-a}
place=dropout_lab # under the home directory there
bundle=.dropout_lab.bundle
temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT

# Ends with what is wrong, then with what is right.
usage() {
  echo "tpu_vm: $1" >&2
  sed -n '2,/^set /{/^#/s/^# \{0,1\}//p;}' "${BASH_SOURCE[0]}" >&2
  exit 2
}

# Prints words as one would type them.
typed() {
  local word line= quote="'\\''" # in a variable, which every bash, macOS's too, takes as it is
  for word in "$@"; do
    [[ -n $word && $word != *[!A-Za-z0-9_./:=@%,+-]* ]] || word="'${word//\'/$quote}'"
    line+=" $word"
  done
  echo "${line# }"
}

# Prints a command, then runs it unless this is a dry run.
act() {
  typed "$@"
  [[ -n $dry_run ]] || "$@"
}

tpu() { act gcloud compute tpus tpu-vm "$@" --zone="$zone"; }
there() { tpu ssh "$name" --command="$1"; }

send() {
  [[ -z $(git -C "$root" status --porcelain -uno) ]] ||
    echo "tpu_vm: what is not committed stays here" >&2
  act git -C "$root" bundle create --quiet "$temp/$bundle" HEAD
  tpu scp "$temp/$bundle" "$name:$bundle"
  there "test -e $place || git init --quiet $place"
  there "cd $place && git fetch --quiet ../$bundle HEAD && git checkout --quiet --detach FETCH_HEAD"
}

install() {
  local uv="python3 -m uv" # brings a Python, since the image's own may be too old
  there "python3 -m pip install --quiet --user uv"
  there "cd $place && test -e .venv || $uv venv --quiet --python=3.12 .venv"
  there "cd $place && $uv pip install --quiet --python=.venv/bin/python \
--constraint=requirements.lock --editable=. 'jax[tpu]'"
  there "cd $place && .venv/bin/python scripts/doctor.py"
}

dry_run=
if [[ ${1:-} == --dry_run ]]; then
  dry_run=yes
  shift
fi
[[ ${1:-} =~ ^(create|run|fetch|delete)$ ]] ||
  usage "unknown command '${1:-}'; allowed: create, run, fetch, delete"
[[ ${2:-} =~ ^[a-z]([a-z0-9-]*[a-z0-9])?$ ]] ||
  usage "$1: NAME is '${2:-}'; allowed: small letters, digits and hyphens, a letter first"
verb=$1 name=$2
shift 2
case $verb in
  create)
    (($# == 0)) || usage "create: unexpected '$1'"
    read -ra flags <<<"${TPU_FLAGS:-}"
    tpu create "$name" --accelerator-type="${TPU_TYPE:-v5litepod-1}" \
      --version="${TPU_VERSION:-v2-alpha-tpuv5-lite}" ${flags[@]+"${flags[@]}"}
    send
    install
    ;;
  run)
    (($# > 0)) || usage "run: COMMAND is missing"
    send
    there "cd $place && export PATH=\$PWD/.venv/bin:\$PATH && $(typed "$@")"
    ;;
  fetch)
    (($# == 1)) || usage "fetch: one DIR is needed, there are $#"
    [[ $1 == *[!./]* && $1 != /* && /$1/ != */../* ]] ||
      usage "fetch: DIR is '$1'; allowed: one in the checkout"
    act mkdir -p "$(dirname "$1")"
    tpu scp --recurse "$name:$place/$1" "$(dirname "$1")"
    ;;
  delete)
    (($# == 0)) || usage "delete: unexpected '$1'"
    tpu delete "$name" --quiet
    ;;
esac
