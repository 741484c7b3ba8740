"""Tables and figures of papers, a file of data each, and the results of running them."""

import importlib
from pathlib import Path

from dropout_lab.errors import unknown
from dropout_lab.reproduce import Experiment

FOLDER = Path(__file__).parent
RESULTS = FOLDER / "results"
"""Published results: a folder for each experiment, in it one for each protocol."""
UNFINISHED = FOLDER / "unfinished"
"""Records of runs that are not finished, in folders of the same names."""

NAMES = tuple(sorted(path.stem for path in FOLDER.glob("*.py") if not path.stem.startswith("_")))


def load(name: str) -> Experiment:
    """Returns the experiment of ``experiments/NAME.py``, checked.

    Raises:
      InputError: If there is no such file, or what it holds does not fit together.
    """
    if name not in NAMES:
        raise unknown("experiment", name, NAMES)
    experiment: Experiment = importlib.import_module(f"experiments.{name}").EXPERIMENT
    experiment.check(name)
    return experiment


def published() -> list[tuple[str, str]]:
    """Returns the name and the protocol of each experiment in ``RESULTS``."""
    folders = sorted(path.parent.relative_to(RESULTS) for path in RESULTS.glob("*/*/run.json"))
    return [(folder.parts[0], folder.parts[1]) for folder in folders]
