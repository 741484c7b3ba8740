"""Tables and figures of papers, a file of data each, and the results of running them."""

import importlib
from pathlib import Path

from dropout_lab.errors import unknown
from dropout_lab.reproduce.experiment import Experiment

FOLDER = Path(__file__).parent
RESULTS = FOLDER / "results"
NAMES = tuple(sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "__init__"))


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
