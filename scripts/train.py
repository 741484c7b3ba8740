"""Trains one network.

python scripts/train.py --config=configs/mnist_mlp.py:dropout --config.seed=1 --workdir=DIR

On several hosts, the same command on each: --distributed --config.mesh.data=DEVICES_OF_ALL.
"""

from absl import flags
from ml_collections import config_flags

from dropout_lab.cli.entry import run
from dropout_lab.errors import InputError
from dropout_lab.training.processes import is_first, join
from dropout_lab.training.run import train

_CONFIG = config_flags.DEFINE_config_file("config", None, "FILE.py:VARIANT[,smoke].")
_WORKDIR = flags.DEFINE_string(
    "workdir", None, "Where the record, DIR/record.json, goes.", required=True
)
_DISTRIBUTED = flags.DEFINE_bool(
    "distributed",
    False,
    "Train in several processes; which they are, the cluster tells JAX, or --coordinator, "
    "--num_processes and --process_id do.",
)
_COORDINATOR = flags.DEFINE_string("coordinator", None, "HOST:PORT of the first process.")
_PROCESSES = flags.DEFINE_integer("num_processes", None, "How many processes there are.")
_PROCESS = flags.DEFINE_integer("process_id", None, "Which of them this is, from 0.")
flags.mark_flag_as_required("config")


def main() -> None:
    """Trains, and says what came of it."""
    cluster = (_COORDINATOR, _PROCESSES, _PROCESS)
    if _DISTRIBUTED.value:
        join(_COORDINATOR.value, _PROCESSES.value, _PROCESS.value)
    elif given := [f"--{flag.name}={flag.value}" for flag in cluster if flag.value is not None]:
        raise InputError(f"{' '.join(given)} without --distributed; allowed: with it")
    record = train(_CONFIG.value, _WORKDIR.value)
    if not is_first():
        return
    known = sorted(item for item in record["metrics"].items() if item[1] is not None)
    metrics = " ".join(f"{name}={value:.4g}" for name, value in known)
    print(f"{_WORKDIR.value}/record.json: {record['status']} {metrics}".rstrip())


if __name__ == "__main__":
    run(main)
