"""Describes the data that a configuration names, and draws samples of it.

dropout-lab data --config=configs/digits_mlp.py --plot=samples.png

Your own data: --config.data.name=table --config.data.path=FILE.csv --config.data.label=COLUMN
"""

from pathlib import Path

from dropout_lab.cli.config_file import ConfigFlag
from dropout_lab.cli.path_flag import define_path
from dropout_lab.errors import InputError


class Command:
    """Flags and execution of ``dropout-lab data``."""

    def __init__(self) -> None:
        self._config = ConfigFlag()
        self._plot = define_path("plot", "File to draw samples to: .png or .svg.")

    def run(self) -> None:
        """Describes the data, draws it, and checks that the configuration can train on it."""
        from dropout_lab.analysis.drawing import image
        from dropout_lab.config import resolve
        from dropout_lab.data import describe, draw_samples
        from dropout_lab.system.files import write_bytes
        from dropout_lab.training.preparation import check_data, load_data

        config = resolve(self._config.given)
        path = Path(self._plot.value) if self._plot.value else None
        if path and path.suffix not in (".png", ".svg"):
            raise InputError(f"--plot={path}; allowed: a file that ends in .png or .svg")
        dataset = load_data(config)
        print(describe(dataset))
        if path:
            write_bytes(path, image(draw_samples(dataset), path.suffix[1:], dpi=150))
        check_data(config, dataset)
