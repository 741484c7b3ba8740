"""How a sweep stands, read from its directory while others run it."""

import dataclasses
import json
import math
import os
import socket
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from dropout_lab.sweeps.store import Store
from dropout_lab.sweeps.trials import label
from dropout_lab.system.display import Display

_JUST = 0.5  # seconds
_SILENT = 600.0  # seconds after which a process on another machine is taken for dead


@dataclasses.dataclass(frozen=True)
class Best:
    """The trial with the lowest validation error. Test errors are not for choosing.

    Attributes:
      error: Its validation error in percent.
      label: What it is.
    """

    error: float
    label: str


class Watch:
    """Follows the trials of a sweep through its directory, whoever runs them.

    Args:
      store: The sweep.
      trials: Which of its trials to follow.
    """

    def __init__(self, store: Store, trials: Iterable[str]) -> None:
        self._store = store
        plan, varied = store.trials(), store.varied()
        self.labels = {trial: label(plan[trial], varied) or trial for trial in trials}
        self.done: set[str] = set()
        self.revisions: set[str | None] = set()
        self.failed: dict[str, str] = {}
        self.best: Best | None = None
        self._seconds = 0.0
        self._shown = -math.inf
        self._quarantined = set(self._quarantine())
        self.news()

    def news(self) -> list[str]:
        """Returns a line about each thing that happened since it was last asked."""
        lines = []
        for trial, name in self.labels.items():
            if trial in self.done:
                continue
            # Another process may move a damaged record away between the two looks.
            if self._store.has(trial) and (record := self._store.record(trial)):
                lines.append(f"{name}: {self._add(record)}")
                self.failed.pop(trial, None)
            elif trial not in self.failed and (error := self._store.failure(trial)):
                self.failed[trial] = error
                lines.append(f"{name}: failed: {error}")
        for path in self._quarantine():
            if path not in self._quarantined:
                self._quarantined.add(path)
                lines.append(f"{path.stem} was damaged: moved to {path}, to be run again")
        return lines

    def running(self) -> list[dict[str, Any]]:
        """Returns the reports of the chunks under way: trials, share of them done, summary."""
        found = []
        for path in sorted(self._store.directory.glob("progress/*.json")):
            try:
                report = json.loads(path.read_text())
                report = {
                    "trials": list(report["trials"]),
                    "share": float(report["share"]),
                    **{key: report[key] for key in ("summary", "host", "pid")},
                }
                alive = _alive(report["host"], report["pid"], path.stat().st_mtime)
            except (OSError, ValueError, KeyError, TypeError):
                continue  # gone meanwhile, or no report
            if alive:
                found.append(report)
        return found

    def counts(self) -> tuple[int, int, int, int]:
        """Returns how many trials are done, failed, under way and waiting."""
        under_way = {trial for report in self.running() for trial in report["trials"]}
        left = self.labels.keys() - self.done - self.failed.keys()
        running = len(left & under_way)
        return len(self.done), len(self.failed), running, len(left) - running

    def seconds_left(self) -> float | None:
        """Returns a rough time for the rest, at the pace so far; None before a trial is done."""
        if not self.done:
            return None
        running = self.running()
        left = len(self.labels) - len(self.done) - len(self.failed)
        parts = sum(self._share(report) for report in running)
        return max(left - parts, 0) * self._seconds / len(self.done) / max(len(running), 1)

    def glance(self, display: Display) -> None:
        """Brings a display up to date unless it has just been: many trials take time to look at."""
        if time.monotonic() - self._shown >= _JUST:
            self.show(display)

    def show(self, display: Display) -> None:
        """Brings a display up to date."""
        self._shown = time.monotonic()
        for line in self.news():
            display.say(line)
        running = self.running()
        text = f"trial {min(len(self.done) + 1, len(self.labels))}/{len(self.labels)}"
        if len(running) > 1:
            text += f", {len(running)} chunks under way"
        if self.failed:
            text += f", {len(self.failed)} failed"
        if self.best:
            text += f", best {self.best.error:.2f} % ({self.best.label})"
        parts = sum(self._share(report) for report in running)
        display.update(len(self.done) + len(self.failed) + parts, text)

    def _share(self, report: dict[str, Any]) -> float:
        """Returns how many of the trials followed are done, counting parts of those under way."""
        left = self.labels.keys() - self.done - self.failed.keys()
        return report["share"] * len(left.intersection(report["trials"]))

    def _add(self, record: dict[str, Any]) -> str:
        trial = record["id"]
        # Lanes share a chunk's wall time.
        self._seconds += record["wall_seconds"] / record.get("lanes", 1)
        error = record["metrics"].get("val_error")
        self.done.add(trial)
        self.revisions.add(record["git_revision"])
        if error is None:
            return str(record["status"])
        if self.best is None or error < self.best.error:
            self.best = Best(error, self.labels[trial])
        return f"validation error {error:.2f} %"

    def _quarantine(self) -> list[Path]:
        return sorted(self._store.directory.glob("quarantine/*"))


def describe(store: Store) -> str:
    """Returns a sweep's status in a few lines.

    Raises:
      InputError: If there is no sweep.
    """
    watch = Watch(store, store.trials())
    done, failed, running, waiting = watch.counts()
    lines = [
        f"{len(watch.labels)} trials: {done} done, {failed} failed, {running} under way, "
        f"{waiting} waiting"
    ]
    lines += [
        f"under way: {report['summary']} of {len(report['trials'])} trials, "
        f"{100 * report['share']:.0f} % (process {report['pid']} on {report['host']})"
        for report in watch.running()
    ]
    left = watch.seconds_left()
    if left is not None and running + waiting:
        lines.append(f"time left: about {duration(left)}")
    if watch.best:
        lines.append(f"best so far: {watch.best.error:.2f} % validation error, {watch.best.label}")
    lines += [f"failed: {watch.labels[trial]}: {error}" for trial, error in watch.failed.items()]
    return "\n".join(lines)


def duration(seconds: float) -> str:
    """Returns a duration as one reads it.

    >>> duration(12.3), duration(754), duration(93600)
    ('12 s', '13 min', '26.0 h')
    """
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def _alive(host: str, pid: int, written: float) -> bool:
    """Returns whether the process that wrote a report still runs, as far as can be known."""
    if host != socket.gethostname():
        return time.time() - written < _SILENT
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
