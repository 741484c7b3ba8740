"""Scores the saved networks of a run or a sweep: accuracy, calibration, errors told, outliers told.

dropout-lab evaluate --workdir=DIR --inference=mc --passes=20 --shift=rotation:3 --against=noise

Prints a line for each --rows value and test set: mean and standard deviation over networks.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags

from dropout_lab.errors import InputError

if TYPE_CHECKING:
    from dropout_lab.training.trained import Trained

_SCORES = ("error", "nll", "brier", "ece", "ece_mass", "auroc", "aupr", "fpr95", "aurc")


class Command:
    """Flags and execution of ``dropout-lab evaluate``."""

    def __init__(self) -> None:
        self._workdir = flags.DEFINE_string(
            "workdir", None, "Directory of a run or a sweep that saved its networks.", required=True
        )
        self._inference = flags.DEFINE_string(
            "inference",
            None,
            "mean, mc, gaussian, moments or masks; ensemble: the mean of all networks of a row, "
            "each under mean. Default: each network's own.",
        )
        self._passes = flags.DEFINE_integer("passes", None, "Passes of mc.", 1, 1000)
        self._rows = flags.DEFINE_string("rows", "variant", "Configuration key of the rows.")
        self._where = flags.DEFINE_multi_string(
            "where", [], "Keep trials with KEY=VALUE; repeatable."
        )
        self._shift = flags.DEFINE_multi_string(
            "shift", [], "NAME:SEVERITY, such as rotation:3; repeatable."
        )
        self._against = flags.DEFINE_multi_string(
            "against", [], "Outliers: noise, permuted, or a data set's name; repeatable."
        )
        self._temperature = flags.DEFINE_bool(
            "temperature", False, "Scale by a temperature fitted on the validation examples."
        )
        self._plot = flags.DEFINE_string(
            "plot", None, "File for reliability and risk-coverage: .svg, .png or .pdf."
        )

    def run(self) -> None:
        """Prints the table, and draws the figure."""
        from dropout_lab.analysis import calibration
        from dropout_lab.analysis.drawing import check_format, save
        from dropout_lab.analysis.evaluation import Question, evaluate
        from dropout_lab.analysis.markup import markdown_table

        if self._plot.value:
            check_format(Path(self._plot.value))
        question = Question(
            inference=self._inference.value,
            passes=self._passes.value,
            tempered=self._temperature.value,
            shifts=tuple(self._shift.value),
            against=tuple(self._against.value),
        )
        drawn, body = {}, []
        for row, networks in self._networks().items():
            for answer in evaluate(networks, question):
                counted = len(next(iter(answer.values.values())))
                cells = [_cell(answer.values.get(name)) for name in _SCORES]
                body.append([row, answer.test, str(counted), *cells])
                if "error" in answer.values:
                    name = row if answer.test == "test" else f"{row}, {answer.test}"
                    drawn[name] = answer.example
        caption = (
            f"Inference: {self._inference.value or 'as trained'}"
            f"{f', {self._passes.value} passes' if self._passes.value else ''}"
            f"{', tempered' if self._temperature.value else ''}. Mean ± sample standard deviation "
            "over n. error and aurc in %. auroc, aupr, fpr95: wrong predictions told by low "
            "confidence, or outliers by high entropy."
        )
        print(markdown_table(caption, [self._rows.value, "examples", "n", *_SCORES], body), end="")
        if self._plot.value:
            save(calibration.draw(drawn), Path(self._plot.value))

    def _networks(self) -> dict[str, list[Trained]]:
        from dropout_lab.analysis.observations import join, label
        from dropout_lab.analysis.summary import cells
        from dropout_lab.sweeps.frame import load_networks
        from dropout_lab.sweeps.store import Store
        from dropout_lab.training.run_status import is_run
        from dropout_lab.training.trained import load_run

        directory = Path(self._workdir.value)
        if is_run(directory):
            return {"run": [load_run(directory)]}
        store = Store(directory)
        groups = cells(
            join(store.records(), store.trials()), rows=self._rows.value, where=self._where.value
        )
        found = {}
        for (row, _), trials in groups.items():
            done = [trial.record["id"] for trial in trials if trial.record and not trial.diverged]
            if done:
                found[label(row)] = list(load_networks(directory, done).values())
        if not found:
            raise InputError(f"{str(directory)!r} holds no finished trial to evaluate")
        return found


def _cell(values: list[float] | None) -> str:
    import numpy as np

    if values is None:
        return "–"
    spread = f" ± {np.std(values, ddof=1):.3f}" if len(values) > 1 else ""
    return f"{np.mean(values):.3f}{spread}"
