"""Shows what was understood of the data that a configuration names.

python scripts/data.py --config=configs/digits_mlp.py --plot=samples.png

One's own: --config.data.name=table --config.data.path=FILE.csv --config.data.label=COLUMN
"""

from pathlib import Path

from absl import flags
from ml_collections import config_flags

from dropout_lab.analysis.drawing import image
from dropout_lab.cli.entry import run
from dropout_lab.config import resolve
from dropout_lab.data import describe, draw_samples
from dropout_lab.errors import InputError
from dropout_lab.system.files import write_bytes
from dropout_lab.training.preparation import check_data, load_data

_CONFIG = config_flags.DEFINE_config_file("config", None, "FILE.py:VARIANT[,smoke].")
_PLOT = flags.DEFINE_string("plot", None, "File for a picture of samples: .png, .svg.")
flags.mark_flag_as_required("config")


def main() -> None:
    """Describes the data, draws it, and then says whether the configuration can train on it."""
    config = resolve(_CONFIG.value)
    path = Path(_PLOT.value) if _PLOT.value else None
    if path and path.suffix not in (".png", ".svg"):
        raise InputError(f"--plot={path}; allowed: a file that ends in .png or .svg")
    dataset = load_data(config)
    print(describe(dataset))
    if path:
        write_bytes(path, image(draw_samples(dataset), path.suffix[1:], dpi=150))
    check_data(config, dataset)


if __name__ == "__main__":
    run(main)
