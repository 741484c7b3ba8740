"""What a report shows of sweeps, ready for JSON."""

import datetime
import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from dropout_lab.analysis.curves import history
from dropout_lab.analysis.observations import label, leaves, natural, values_of
from dropout_lab.analysis.summary import describe
from dropout_lab.config import EXECUTION
from dropout_lab.errors import InputError
from dropout_lab.report import again
from dropout_lab.sweeps.status import Watch, duration
from dropout_lab.sweeps.store import Store
from dropout_lab.training.progress import DIVERGENCE_CURE

_POINTS = 100  # of a learning curve, at most
_SHOWN = ("test_error", "val_error", "train_error", "test_nll", "gap_error")
_CURVES = ("train_loss", "val_error", "train_error", "gap_error", "val_nll", "train_nll")


def content(workdirs: Sequence[str | Path]) -> dict[str, Any]:
    """Returns what the report of one or more sweeps shows.

    Args:
      workdirs: Their directories.

    Returns:
      title: The page's title.
      made: When it was made.
      live: Whether trials are running or waiting.
      sweeps: For each directory: progress, the command and the file that run it again.
      keys: The configuration keys that are columns: those that differ between trials.
      numeric: Those whose values are numbers.
      metrics: Name, title and decimals of each value.
      curves: Names and titles of the values of learning curves.
      trials: Id, state, reason, settings by key, values by metric, and curves of each trial.
      environment: Name and text of versions, devices and data.

    Raises:
      InputError: If a directory holds no sweep, or a record is damaged.
    """
    if not workdirs:
        raise InputError("no sweep to report; allowed: one directory or more")
    sweeps: list[dict[str, Any]] = []
    trials: list[dict[str, Any]] = []
    for workdir in workdirs:
        store = Store(workdir)
        watch = Watch(store, store.trials())
        sweeps.append(_sweep(store, watch))
        name = str(workdir) if len(workdirs) > 1 else None
        trials += [_trial(*each, name) for each in _observed(store, watch)]
    keys = _columns(workdirs)
    records = [trial.pop("record") for trial in trials]
    known = [record for record in records if record is not None]
    for trial in trials:
        trial["settings"] = {key: label(trial["config"].get(key)) for key in keys}
    numeric = [key for key in keys if _are_numbers(trial["config"].get(key) for trial in trials)]
    for trial in trials:
        del trial["config"]
    names = sorted({name for trial in trials for name in trial["values"]}, key=_rank)
    curves = sorted({name for trial in trials for name in trial["curves"]}, key=_curve_rank)
    return {
        "title": " and ".join(Path(workdir).resolve().name for workdir in workdirs),
        "made": datetime.datetime.now().astimezone().isoformat(" ", "seconds"),
        "live": any(sweep["live"] for sweep in sweeps),
        "sweeps": sweeps,
        "keys": keys,
        "numeric": numeric,
        "metrics": [[name, *describe(name)] for name in names],
        "curves": [[name, describe(name)[0]] for name in curves if name != "epoch"],
        "trials": trials,
        "environment": _environment(known),
    }


def _sweep(store: Store, watch: Watch) -> dict[str, Any]:
    done, failed, running, waiting = watch.counts()
    left = watch.seconds_left()
    words = f"{len(watch.labels)} trials: {done} done"
    for count, state in (
        (len(watch.diverged), "diverged"),
        (failed, "failed"),
        (running, "running"),
        (waiting, "waiting"),
    ):
        words += f", {count} {state}" if count else ""
    if left is not None and running:
        words += f"; about {duration(left)} left"
    return {
        "workdir": str(store.directory),
        "progress": words,
        "fraction": (done + failed) / max(len(watch.labels), 1),
        "live": bool(running + waiting),
        "best": f"{watch.best.error:.2f} % validation error: {watch.best.label}"
        if watch.best
        else "",
        "command": shlex.join(
            ["dropout-lab", "sweep", "--config=again.py", "--sweep=again.py", "--workdir=DIR"]
        ),
        "file": again.source(store),
    }


def _observed(
    store: Store, watch: Watch
) -> Iterable[tuple[str, Mapping[str, Any], dict[str, Any] | None, str, str]]:
    """Yields each trial's id, configuration, record, state and reason."""
    running = {trial for report in watch.running() for trial in report["trials"]}
    for trial, config in store.trials().items():
        record = store.record(trial) if trial in watch.done else None
        state, reason = "waiting", ""
        if record is not None:
            state = record["status"]
        elif trial in watch.failed:
            state, reason = "failed", watch.failed[trial]
        elif trial in running:
            state = "running"
        if state == "diverged":
            epochs = len(record["history"]) if record else 0
            reason = f"the loss was not finite after {epochs} epochs; {DIVERGENCE_CURE}"
        yield trial, leaves(config), record, state, reason


def _trial(
    trial: str,
    config: Mapping[str, Any],
    record: dict[str, Any] | None,
    state: str,
    reason: str,
    sweep: str | None,
) -> dict[str, Any]:
    values = {} if record is None else values_of(record)
    return {
        "id": trial if sweep is None else f"{sweep}/{trial}",
        "state": state,
        "reason": reason,
        "config": config if sweep is None else {"sweep": sweep, **config},
        "record": record,
        "values": {
            name: _short(value)
            for name, value in values.items()
            if value is not None and not name.startswith("sparsity.")
        },
        "curves": {} if record is None else _curves(record),
    }


def _curves(record: Mapping[str, Any]) -> dict[str, list[float | None]]:
    rows = history(record)
    step = -(-len(rows) // _POINTS) if rows else 1
    # The last epoch stays, whatever the step.
    kept = rows[::-1][::step][::-1]
    names = [name for name in _CURVES if any(row.get(name) is not None for row in kept)]
    found: dict[str, list[float | None]] = {
        name: [_short(row.get(name)) for row in kept] for name in names
    }
    return found | ({"epoch": [row["epoch"] for row in kept]} if names else {})


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.5g}")


def _columns(workdirs: Sequence[str | Path]) -> list[str]:
    """Returns the keys that sweeps vary, or that differ between sweeps; the seed comes last."""
    stores = [Store(workdir) for workdir in workdirs]
    bases = [store.base() for store in stores]
    found = dict.fromkeys(["sweep"] if len(stores) > 1 else [])
    found |= dict.fromkeys(key for store in stores for key in store.varied())
    found |= dict.fromkeys(
        key
        for key in bases[0]
        if key not in EXECUTION and any(base.get(key) != bases[0][key] for base in bases)
    )
    return sorted(found, key=lambda key: key == "seed")


def _are_numbers(values: Iterable[Any]) -> bool:
    known = [value for value in natural(values) if value is not None]
    return bool(known) and all(
        isinstance(value, int | float) and not isinstance(value, bool) for value in known
    )


def _rank(name: str) -> tuple[int, str]:
    return (_SHOWN.index(name) if name in _SHOWN else len(_SHOWN), name)


def _curve_rank(name: str) -> int:
    return _CURVES.index(name) if name in _CURVES else len(_CURVES)


def _environment(records: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """Returns name and text of what records were made with; several texts where they differ."""
    found: dict[str, dict[str, None]] = {}
    for record in records:
        device, data = record["device"], record["data"]
        texts = {
            "code": str(record["git_revision"]),
            **{f"{name}": str(version) for name, version in record["versions"].items()},
            "device": f"{device['count']} x {device['kind']}, {device.get('cpus', '?')} CPUs",
            "data": f"{data['name']}: {data['train']} training, {data['val']} validation, "
            f"{data['test']} test examples of shape {tuple(data['shape'])}",
            "fingerprint of the data": str(data["fingerprint"])[:16],
        }
        for name, text in texts.items():
            found.setdefault(name, {})[text] = None
    return [[name, "; ".join(texts)] for name, texts in found.items()]
