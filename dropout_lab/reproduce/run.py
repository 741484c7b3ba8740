"""Running an experiment, reading it back, and writing what there is to say of it."""

import contextlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from dropout_lab.errors import InputError
from dropout_lab.reproduce import measures, report
from dropout_lab.reproduce.experiment import Experiment
from dropout_lab.reproduce.figure import svg
from dropout_lab.reproduce.measures import Measured
from dropout_lab.reproduce.plan import Plan, make_plan
from dropout_lab.reproduce.results import Results
from dropout_lab.sweeps.execution.runner import Execution
from dropout_lab.sweeps.store import Store
from dropout_lab.system.files import read_object, write_bytes, write_json
from dropout_lab.system.workdir import check_directory, check_same
from dropout_lab.tuning.tuned import Tuned
from dropout_lab.tuning.tuning import Tuning

# Not checkpoints, locks and the like.
_PUBLISHED = ("*.*", "*/sweep.json", "*/trials/*.json", "*/plans/*.json")


def reproduce(
    name: str,
    experiment: Experiment,
    protocol: str,
    defaults: ConfigDict,
    workdir: str | Path,
    *,
    command: str,
    execution: Execution | None = None,
) -> Results:
    """Runs an experiment, or what is left of it, and writes its table, figure and claims.

    Args:
      name: The experiment's file.
      experiment: The experiment.
      protocol: One of ``plan.PROTOCOLS``.
      defaults: A value for every configuration key.
      workdir: Where the records go, and what is computed from them.
      command: What to type to get the same; it goes on the page of results.
      execution: Who trains.

    Raises:
      InputError: If something asked for is wrong, or belongs to another experiment or protocol, or
        networks failed for another reason than that they diverged.
      Interrupted: If a signal asked to stop; what was done is saved.
    """
    plan = make_plan(name, experiment, protocol, defaults)
    directory = check_directory(workdir)
    with _timed(directory, {"experiment": name, "protocol": protocol, "command": command}):
        tuned = _tuning(plan, directory).run(execution)
        if tuned.failed:
            label, error = next(iter(tuned.failed.items()))
            raise InputError(
                f"experiment {name}: {len(tuned.failed)} networks failed, such as {label}: "
                f"{error}; --retry runs them again"
            )
        measured = measures.measure(plan.protocol.measures, tuned.choices, directory)
    results = _results(name, experiment, plan, tuned, measured, directory)
    write(results, directory)
    return results


def read(name: str, experiment: Experiment, defaults: ConfigDict, directory: Path) -> Results:
    """Returns the results of an experiment that was run, from its records; trains nothing.

    Raises:
      InputError: If there are none, or they are not of this experiment as it is now.
    """
    run = _run(directory)
    if run.get("experiment") != name:
        raise InputError(
            f"{directory} holds no results of experiment {name}; --experiment={name} "
            f"--workdir={directory} makes them"
        )
    plan = make_plan(name, experiment, run["protocol"], defaults)
    tuned = _tuning(plan, directory).recall()
    return _results(name, experiment, plan, tuned, measures.read(directory), directory)


def write(results: Results, directory: Path) -> None:
    """Writes the tables, the figure, the claims and the page about all of them."""
    texts = report.texts(results)
    for name, text in texts.items():
        write_bytes(directory / name, text.encode())
    write_bytes(directory / "figure.svg", svg(json.loads(texts["figure.json"])))


def publish(directory: str | Path, to: Path) -> None:
    """Copies the part of a finished run that belongs in a repository: records and reports.

    It takes the place of what was published there before.
    """
    source = Path(directory)
    parts = _published(source)
    for part in parts:
        write_bytes(to / part, (source / part).read_bytes())
    for part in _published(to) - parts:
        (to / part).unlink()


def _published(directory: Path) -> set[Path]:
    """Returns the files of a run that are published, relative to its directory."""
    found = (path for pattern in _PUBLISHED for path in directory.glob(pattern))
    return {path.relative_to(directory) for path in found}


def differences(results: Results, directory: Path) -> list[str]:
    """Returns the files of a directory that are not what its records say."""
    return [
        name
        for name, text in report.texts(results).items()
        if not (directory / name).exists() or (directory / name).read_text() != text
    ]


def _tuning(plan: Plan, directory: Path) -> Tuning:
    return Tuning(
        plan.config,
        plan.candidates,
        directory,
        seeds=plan.protocol.search_seeds,
        final_seeds=plan.protocol.seeds,
    )


def _results(
    name: str,
    experiment: Experiment,
    plan: Plan,
    tuned: Tuned,
    measured: Measured,
    directory: Path,
) -> Results:
    store = Store(directory / "final")
    records = {record["id"]: record for record in store.records()}
    run = _run(directory)
    return Results(name, experiment, plan, tuned.choices, records, measured, run)


@contextlib.contextmanager
def _timed(directory: Path, told: dict[str, Any]) -> Iterator[None]:
    """Adds the time spent inside to run.json, also if it is interrupted."""
    before = _run(directory)
    check_same(directory, "experiment", before, told, free=("command",))
    started = time.monotonic()
    try:
        yield
    finally:
        seconds = before.get("seconds", 0.0) + time.monotonic() - started
        if any((directory / part).exists() for part in ("search", "final")):
            write_json(directory / "run.json", {"schema": 1, **told, "seconds": round(seconds, 1)})


def _run(directory: Path) -> dict[str, Any]:
    path = directory / "run.json"
    return read_object(path) if path.exists() else {}
