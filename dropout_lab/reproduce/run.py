"""Running an experiment, reading its records back, and writing its report."""

import contextlib
import fnmatch
import json
import time
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from dropout_lab.errors import InputError
from dropout_lab.reproduce import evaluations, report
from dropout_lab.reproduce.commitment import check_commitment, make_commitment
from dropout_lab.reproduce.design import Design, make_design
from dropout_lab.reproduce.experiment import Experiment
from dropout_lab.reproduce.figure import svg
from dropout_lab.reproduce.results import Results
from dropout_lab.sweeps.execution.options import Execution
from dropout_lab.sweeps.store import Store
from dropout_lab.system.files import read_object, write_bytes, write_json
from dropout_lab.system.workdir import check_directory, check_same
from dropout_lab.training.record import environment
from dropout_lab.tuning.tuned import tested_problems
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
    cells: Sequence[str] = (),
    execution: Execution | None = None,
) -> Results:
    """Runs an experiment, or the rest of it, and writes its table, figure and claims.

    Before anything is trained, the claims, cells and choices go into run.json. From then on they
    cannot change.

    Args:
      name: Name of the experiment.
      experiment: The experiment.
      protocol: One of ``design.PROTOCOLS``.
      defaults: The default configuration.
      workdir: Directory for the records and the files computed from them.
      command: The command line that repeats the run; it goes on the page of results.
      cells: Labels of the cells to run now, as patterns such as "ReLU*"; empty for all.
      execution: How the trials are executed.

    Returns:
      The results of all cells that have been run, now or before.

    Raises:
      InputError: If an argument is wrong, the directory belongs to another experiment or protocol,
        or training failed with an exception.
      Interrupted: If a signal asked to stop; what was done is saved.
    """
    design = make_design(name, experiment, protocol, defaults)
    wanted = _matching(design, cells)
    directory = check_directory(workdir)
    run = {"experiment": name, "protocol": protocol, "command": command}
    with _timed(directory, run, design):
        tuned = _tuning(design, directory, wanted).run(execution)
        if tuned.failed:
            label, error = next(iter(tuned.failed.items()))
            raise InputError(
                f"experiment {name}: {len(tuned.failed)} networks failed, such as {label}: "
                f"{error}; --retry runs them again"
            )
        evaluations.evaluate(design.protocol.evaluations, tuned.choices, directory)
    results = _results(name, experiment, design, directory)
    write(results, directory)
    return results


def read(name: str, experiment: Experiment, defaults: ConfigDict, directory: Path) -> Results:
    """Returns the results of an experiment that was run, from its records; trains nothing.

    Raises:
      InputError: If there are no results, or the experiment or its claims have changed since the
        run began.
    """
    run = _run(directory)
    if run.get("experiment") != name:
        raise InputError(
            f"{directory} holds no results of experiment {name}; --experiment={name} "
            f"--workdir={directory} makes them"
        )
    design = make_design(name, experiment, run["protocol"], defaults)
    check_commitment(design, run, directory)
    return _results(name, experiment, design, directory)


def write(results: Results, directory: Path) -> None:
    """Writes the tables, the figure, the claims and the page that shows them."""
    texts = report.texts(results)
    for name, text in texts.items():
        write_bytes(directory / name, text.encode())
    write_bytes(directory / "figure.svg", svg(json.loads(texts["figure.json"])))


def publish(directory: str | Path, to: Path) -> None:
    """Copies the part of a finished run that belongs in a repository: records and reports.

    It replaces what was published there before.
    """
    source = Path(directory)
    parts = _published(source)
    for part in parts:
        write_bytes(to / part, (source / part).read_bytes())
    for part in _published(to) - parts:
        (to / part).unlink()


def _published(directory: Path) -> set[Path]:
    """Returns the files of a run that are published, relative to its directory."""
    paths = (path for pattern in _PUBLISHED for path in directory.glob(pattern))
    return {path.relative_to(directory) for path in paths}


def differences(results: Results, directory: Path) -> list[str]:
    """Returns the files of a directory that differ from what its records give."""
    return [
        name
        for name, text in report.texts(results).items()
        if not (directory / name).exists() or (directory / name).read_text() != text
    ]


def _matching(design: Design, patterns: Sequence[str]) -> list[str]:
    """Returns the cells that match one of some patterns; all without patterns."""
    labels = list(design.candidates)
    if not patterns:
        return labels
    for pattern in patterns:
        if not fnmatch.filter(labels, pattern):
            raise InputError(f"--cells={pattern}: no such cell; allowed: {'; '.join(labels)}")
    return [
        label
        for label in labels
        if any(fnmatch.fnmatchcase(label, pattern) for pattern in patterns)
    ]


def _tuning(design: Design, directory: Path, cells: Collection[str]) -> Tuning:
    return Tuning(
        design.config,
        design.candidates,
        directory,
        seeds=design.protocol.search_seeds,
        final_seeds=design.protocol.seeds,
        only=cells,
    )


def _results(name: str, experiment: Experiment, design: Design, directory: Path) -> Results:
    """Returns the results of the cells that have been run."""
    choices = _tuning(design, directory, tested_problems(directory)).recall().choices
    store = Store(directory / "final")
    records = {
        run.id: record
        for choice in choices.values()
        for run in choice.final.runs
        if (record := store.record(run.id)) is not None
    }
    return Results(
        name, experiment, design, choices, records, evaluations.read(directory), _run(directory)
    )


@contextlib.contextmanager
def _timed(directory: Path, run: dict[str, Any], design: Design) -> Iterator[None]:
    """Writes run.json, with the commitment; adds the time spent inside, also if interrupted."""
    trained = any((directory / part).exists() for part in ("search", "final"))
    before = _run(directory) if trained else {}
    check_same(directory, "experiment", before, run, free=("command",))
    if before:
        check_commitment(design, before, directory)
    else:
        before = {
            "schema": 1,
            "seconds": 0.0,
            "began": {"git_revision": environment()["git_revision"]},
            "commitment": make_commitment(design),
        }
    path = directory / "run.json"
    write_json(path, {**before, **run})
    started = time.monotonic()
    try:
        yield
    finally:
        seconds = round(before["seconds"] + time.monotonic() - started, 1)
        write_json(path, {**before, **run, "seconds": seconds})


def _run(directory: Path) -> dict[str, Any]:
    path = directory / "run.json"
    return read_object(path) if path.exists() else {}
