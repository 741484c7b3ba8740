"""What searches that stop early find, and for how many updates, beside the grid and random search.

python scripts/search_cost.py digits --workdir=DIR   # trains the whole grid on digits, ten times
python scripts/search_cost.py digits                 # table and figure again, from digits.json

The whole grid is trained. What stops early would have seen the first epochs of the same trainings,
to the bit (tests/tuning/test_halving.py), so that its decisions are made from their histories.
"""

import argparse
import itertools
import json
import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from ml_collections import ConfigDict

from configs import digits_mlp, mnist_mlp
from dropout_lab.analysis.drawing import COLOURS, new_figure, open_frame, save, subplots
from dropout_lab.analysis.markup import markdown_table
from dropout_lab.sweeps import Execution, Store, product, run_sweep
from dropout_lab.sweeps.grid import Overrides
from dropout_lab.tuning.choice import Choice, Run, Setting
from dropout_lab.tuning.halving import Halving

RESULTS = Path(__file__).parents[1] / "experiments" / "results" / "halving"
EPOCHS, REPETITIONS, SEEDS = 27, 10, 2


class Problem(NamedTuple):
    """What is searched.

    Attributes:
      get_config: Makes the configuration of a variant.
      base: What all networks share, as differences from that configuration.
      space: The values of each key; the grid is their product.
    """

    get_config: Callable[[str], ConfigDict]
    base: Overrides
    space: Mapping[str, Sequence[Any]]


PROBLEMS = {
    "digits": Problem(
        digits_mlp.get_config,
        {"model.widths": (32, 32)},
        {
            "dropout.rate": (0.1, 0.3, 0.6),
            "optimizer.lr": (0.003, 0.02, 0.1),
            "optimizer.weight_decay": (0.0, 1e-4, 3e-3),
        },
    ),
    "mnist": Problem(
        mnist_mlp.get_config,
        {
            "data.train_size": 2000,
            "data.val_size": 2000,
            "model.widths": (64, 64),
            "train.batch_size": 50,
            "train.refit": False,
        },
        {
            "dropout.rate": (0.1, 0.3, 0.5),
            "optimizer.lr": (0.01, 0.05, 0.2),
            "optimizer.weight_decay": (0.0, 1e-4, 1e-3),
        },
    ),
}
RUNGS = (1, 3, 9, EPOCHS)
SEARCHES = {
    "halving": Halving(3),
    "halving, from 3 epochs": Halving(3, min_epochs=3),
    "Hyperband": Halving(3, hyperband=True),
}


class Found(NamedTuple):
    """What a search chose; of a random search, expectations over its draws.

    Attributes:
      share: Updates spent, as a share of the grid's.
      val_error: Mean validation error of the chosen setting's networks, trained to the end.
      test_error: Mean test error of all networks of that setting, of all repetitions.
      near: Probability that the validation error is within a standard error of the grid's lowest.
    """

    share: float
    val_error: float
    test_error: float
    near: float


def measure(name: str, workdir: Path) -> dict[str, Any]:
    """Returns the errors of all trainings: [setting][seed], by rung for validation."""
    problem = PROBLEMS[name]
    config = problem.get_config("dropout")
    config.train.epochs, config.schedule.name = EPOCHS, "cosine"
    config.update_from_flattened_dict(problem.base)
    settings, seeds = list(product(problem.space)), range(REPETITIONS * SEEDS)
    store = Store(workdir)
    run_sweep(config, product(settings, {"seed": seeds}), store, Execution(54, "local"))
    records = iter(store.records())
    trained = [list(itertools.islice(records, len(seeds))) for _ in settings]
    errors = {
        name: [
            [[row[f"val_{name}"] for row in record["history"]] for record in of_setting]
            for of_setting in trained
        ]
        for name in ("error", "nll")
    }
    tested = [[record["metrics"]["test_error"] for record in of_setting] for of_setting in trained]
    at = [epoch - 1 for epoch in RUNGS]
    return {
        "settings": settings,
        "epochs": RUNGS,
        "val_error": [[[row[i] for i in at] for row in rows] for rows in errors["error"]],
        "val_nll": [[[round(row[i], 5) for i in at] for row in rows] for rows in errors["nll"]],
        "test_error": tested,
        "revision": trained[0][0]["git_revision"],
        "device": trained[0][0]["device"],
    }


class Repetition:
    """One repetition: its own seeds, and the searches among their trainings."""

    def __init__(self, measured: Mapping[str, Any], index: int) -> None:
        self._measured = measured
        self._settings = measured["settings"]
        self._seeds = range(index * SEEDS, (index + 1) * SEEDS)
        self._ends = [self._read({**setting, "train.stop": None}) for setting in self._settings]
        grid = self._best(range(len(self._settings)))
        errors = [rows[-1] for rows in measured["val_error"][grid]]
        lowest = self._error(grid)
        self._bound = lowest + statistics.stdev(errors) / len(self._seeds) ** 0.5

    def _read(self, overrides: Mapping[str, Any]) -> Setting:
        setting = {key: value for key, value in overrides.items() if key != "train.stop"}
        row, at = self._settings.index(setting), RUNGS.index(overrides["train.stop"] or EPOCHS)
        runs = []
        for seed in self._seeds:
            metrics = {
                name: self._measured[name][row][seed][at] for name in ("val_error", "val_nll")
            }
            runs.append(Run("", seed, None, "ok", metrics))
        return Setting(setting, tuple(runs))

    def _best(self, among: Iterable[int]) -> int:
        return Choice.among("grid", self._ends, finalists=among).chosen

    def _error(self, setting: int) -> float:
        mean = self._ends[setting].stats("val_error").mean
        assert mean is not None
        return mean

    def _found(self, share: float, setting: int) -> Found:
        tested = statistics.mean(self._measured["test_error"][setting])
        error = self._error(setting)
        return Found(share, error, tested, float(error <= self._bound))

    def grid(self) -> Found:
        """Returns what the whole grid finds."""
        return self._found(1.0, self._best(range(len(self._settings))))

    def random(self, count: int) -> Found:
        """Returns what ``count`` settings of the grid, drawn at random, find if trained whole."""
        whole, left = len(self._settings), set(range(len(self._settings)))
        total = np.zeros(len(Found._fields))
        while len(left) >= count:  # the best of all that are left is chosen if it is drawn
            best = self._best(sorted(left))
            left.remove(best)
            chance = math.comb(len(left), count - 1) / math.comb(whole, count)
            total += chance * np.array(self._found(count / whole, best))
        return Found(*total.tolist())

    def halved(self, halving: Halving) -> Found:
        """Returns what a search that stops early finds."""
        choice = halving.search("all", self._settings, EPOCHS, lambda cut: None, self._read)
        spent: dict[int, int] = {}
        for rung in choice.rungs:
            spent |= dict.fromkeys(rung.settings, rung.epochs)
        return self._found(sum(spent.values()) / EPOCHS / len(self._settings), choice.chosen)


def compare(measured: Mapping[str, Any]) -> dict[str, list[Found]]:
    """Returns what each search finds, in every repetition."""
    repetitions = [Repetition(measured, index) for index in range(REPETITIONS)]
    found = {"grid": [one.grid() for one in repetitions]}
    for count in (2, 4, 6, 9, 13, 18):
        found[f"random, {count} settings"] = [one.random(count) for one in repetitions]
    for name, halving in SEARCHES.items():
        found[name] = [one.halved(halving) for one in repetitions]
    return found


def table(found: Mapping[str, Sequence[Found]]) -> str:
    """Returns the table of all searches."""
    rows = []
    for name, results in found.items():
        share, errors, tested, near = map(list, zip(*results, strict=True))
        rows.append(
            [
                name,
                f"{100 * statistics.mean(share):.0f}",
                f"{statistics.mean(errors):.2f}",
                f"{statistics.mean(tested):.2f}",
                f"{100 * statistics.mean(near):.0f}",
            ]
        )
    caption = (
        f"Means over {REPETITIONS} repetitions; of random search, the expectation in each. Errors "
        "in %, of the chosen setting trained to the end."
    )
    header = [
        "search",
        "updates (% of the grid's)",
        "validation error",
        "test error",
        "within a standard error of the grid's best (% of repetitions)",
    ]
    return markdown_table(caption, header, rows)


def draw(found: Mapping[str, Sequence[Found]], path: Path) -> None:
    """Draws the validation error found by the updates spent."""
    figure = new_figure(2.6)
    [[axes]] = subplots(figure)
    points = {
        name: tuple(statistics.mean(column) for column in list(zip(*results, strict=True))[:2])
        for name, results in found.items()
    }
    line = [(*point,) for name, point in points.items() if name.startswith("random")]
    line = sorted([*line, points["grid"]])
    axes.plot(*zip(*line, strict=True), color=COLOURS[-1], marker=".", label="random, to the grid")
    for colour, name in zip(COLOURS, SEARCHES, strict=False):
        axes.plot(*points[name], color=colour, marker="o", linestyle="", label=name)
    axes.set_xlabel("updates, as a share of the grid's")
    axes.set_ylabel("validation error (%)")
    axes.legend(frameon=False)
    open_frame(axes)
    save(figure, path)


def page(text: str, name: str, found: Mapping[str, Sequence[Found]]) -> str:
    """Returns the results page with a problem's table computed again."""
    begin, end = f"<!-- {name} -->\n", "<!-- end -->\n"
    before, rest = text.split(begin)
    return before + begin + table(found) + end + rest.split(end, 1)[1]


def main() -> None:
    """Measures, if a directory is given, and writes table and figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("problem", choices=PROBLEMS)
    parser.add_argument("--workdir", type=Path, help="directory for the records of the grid")
    given = parser.parse_args()
    path = RESULTS / f"{given.problem}.json"
    if given.workdir is not None:
        path.write_text(json.dumps(measure(given.problem, given.workdir)) + "\n")
    found = compare(json.loads(path.read_text()))
    readme = RESULTS / "README.md"
    readme.write_text(page(readme.read_text(), given.problem, found))
    draw(found, RESULTS / f"{given.problem}.svg")


if __name__ == "__main__":
    main()
