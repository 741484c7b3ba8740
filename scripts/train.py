"""Trains one network.

python scripts/train.py --config=configs/mnist_mlp.py:dropout --config.seed=1 --workdir=DIR
"""

from absl import flags
from ml_collections import config_flags

from dropout_lab.cli import run
from dropout_lab.training.run import train

_CONFIG = config_flags.DEFINE_config_file("config", None, "FILE.py:VARIANT[,smoke].")
_WORKDIR = flags.DEFINE_string(
    "workdir", None, "Where the record, DIR/record.json, goes.", required=True
)
flags.mark_flag_as_required("config")


def main() -> None:
    """Trains, and says what came of it."""
    record = train(_CONFIG.value, _WORKDIR.value)
    known = sorted(item for item in record["metrics"].items() if item[1] is not None)
    metrics = " ".join(f"{name}={value:.4g}" for name, value in known)
    print(f"{_WORKDIR.value}/record.json: {record['status']} {metrics}".rstrip())


if __name__ == "__main__":
    run(main)
