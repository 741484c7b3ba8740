#!/usr/bin/env bash
#SBATCH --job-name=dropout_lab
#SBATCH --array=0-3
#SBATCH --gres=gpu:1
#SBATCH --cpus-per-task=4
#SBATCH --mem=16G
#SBATCH --time=04:00:00
#SBATCH --signal=B:TERM@120
#SBATCH --requeue
# One sweep by several Slurm tasks, a GPU each; submitted again, it goes on. From the checkout, once
# scripts/setup.sh has run there:
#
#   sbatch scripts/slurm_sweep.sh --config=configs/mnist_mlp.py --vary=seed=0,1,2 --workdir=DIR
#
# The flags are those of scripts/sweep.py. DIR must be on a disk that all nodes see and that has
# locks (NFS from version 4, Lustre mounted with flock): through these the tasks share the trials
# out, so that any number of them, started whenever, does each trial once. What is asked of Slurm is
# above; sbatch's own flags overrule it, as in: sbatch --gres=none scripts/slurm_sweep.sh ...
set -euo pipefail

# Slurm runs a copy of this file.
cd "${SLURM_SUBMIT_DIR:?is not set: submit this with sbatch}"
python=${DROPOUT_LAB_VENV:-.venv}/bin/python
[[ -x $python ]] || { echo "no $python; run scripts/setup.sh first" >&2; exit 1; }
# In place of this shell, so that Slurm's signal before the end reaches it.
exec "$python" scripts/sweep.py --executor=local "$@"
