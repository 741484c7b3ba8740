"""The status of a sweep, read from its directory while other processes run it."""

import dataclasses
import math
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from dropout_lab.config import flatten
from dropout_lab.sweeps.store import Store
from dropout_lab.sweeps.trials import label
from dropout_lab.system.display import Display
from dropout_lab.system.files import read_object
from dropout_lab.system.machine import is_alive
from dropout_lab.training.progress import DIVERGENCE_CURE

_REFRESH = 0.5  # seconds between two updates of a display


@dataclasses.dataclass(frozen=True)
class Best:
    """Label and validation error in percent of the best trial; test errors must not select it."""

    error: float
    label: str


class Watch:
    """Follows trials of a sweep through its directory, whichever process runs them.

    Args:
      store: The sweep.
      trials: Ids of the trials to follow.

    Attributes:
      labels: Label of each trial, by id.
      done: Ids of the trials with a record.
      revisions: Revisions of the code that made the records.
      failed: Error of each failed trial, by id.
      diverged: Ids of the trials that diverged.
      best: The best trial, if any has a validation error.
      on_record: What to call with each record that is new.
    """

    def __init__(self, store: Store, trials: Iterable[str]) -> None:
        self._store = store
        configs, varied = store.trials(), store.varied()
        self._configs = {trial: configs[trial] for trial in trials}
        self.labels = {
            trial: label(flatten(config), varied) or trial
            for trial, config in self._configs.items()
        }
        self.done: set[str] = set()
        self.revisions: set[str | None] = set()
        self.failed: dict[str, str] = {}
        self.diverged: list[str] = []
        self.best: Best | None = None
        self.on_record: Callable[[dict[str, Any]], None] | None = None
        self._seconds = 0.0
        self._shown = -math.inf
        self._quarantined = set(self._quarantine())
        self.news()

    def news(self) -> list[str]:
        """Returns a message about each trial and damaged file that is new since the last call."""
        lines = []
        recorded = self._store.names("trials")
        failed = self._store.names("failures") - self.failed.keys()
        for trial, text in self.labels.items():
            if trial in self.done:
                continue
            # Another process may have deleted either file, or moved it away, since it was listed.
            if trial in recorded and (record := self._store.record(trial, self._configs[trial])):
                lines.append(f"{text}: {self._add(record)}")
                self.failed.pop(trial, None)
            elif trial in failed and (error := self._store.failure(trial)):
                self.failed[trial] = error
                lines.append(f"{text}: failed: {error}")
        for path in self._quarantine():
            if path not in self._quarantined:
                self._quarantined.add(path)
                lines.append(f"{path.stem} was damaged: moved to {path}; its trials will run again")
        return lines

    def running(self) -> list[dict[str, Any]]:
        """Returns the progress reports of the chunks that a process runs now."""
        reports = []
        for path in sorted(self._store.directory.glob("progress/*.json")):
            try:
                report = read_object(path)
                report = {
                    "trials": list(report["trials"]),
                    "fraction": float(report["fraction"]),
                    **{name: report[name] for name in ("summary", "host", "pid")},
                }
                alive = is_alive(report["host"], report["pid"], path.stat().st_mtime)
            except Exception:  # deleted in the meantime, or anything but a report
                continue
            if alive:
                reports.append(report)
        return reports

    def divergence_lines(self) -> list[str]:
        """Returns a line on the trials that diverged, with a cure; none if none did."""
        if not self.diverged:
            return []
        first = self.labels[self.diverged[0]]
        return [f"diverged: {len(self.diverged)} of {len(self.labels)}, {first}; {DIVERGENCE_CURE}"]

    def counts(self) -> tuple[int, int, int, int]:
        """Returns the numbers of trials that are done, failed, running and waiting."""
        reported = {trial for report in self.running() for trial in report["trials"]}
        left = self._left()
        running = len(left & reported)
        return len(self.done), len(self.failed), running, len(left) - running

    def seconds_left(self) -> float | None:
        """Returns the estimated time left at the average pace; None before a trial is done."""
        if not self.done:
            return None
        running = self.running()
        left = max(len(self._left()) - self._partly_done(running), 0)
        return left * self._seconds / len(self.done) / max(len(running), 1)

    def refresh(self, display: Display) -> None:
        """Updates a display unless that was done just before: reading many trials takes time."""
        if time.monotonic() - self._shown >= _REFRESH:
            self.show(display)

    def show(self, display: Display) -> None:
        """Shows the progress of the trials on a display."""
        self._shown = time.monotonic()
        for line in self.news():
            display.say(line)
        running = self.running()
        text = f"trial {min(len(self.done) + 1, len(self.labels))}/{len(self.labels)}"
        if len(running) > 1:
            text += f", {len(running)} chunks running"
        if self.failed:
            text += f", {len(self.failed)} failed"
        if self.best:
            text += f", best {self.best.error:.2f} % ({self.best.label})"
        completed = len(self.done) + len(self.failed) + self._partly_done(running)
        display.update(completed, text)

    def _left(self) -> set[str]:
        return self.labels.keys() - self.done - self.failed.keys()

    def _partly_done(self, reports: Iterable[dict[str, Any]]) -> float:
        """Returns the sum of the finished fractions of the trials that are running."""
        left = self._left()
        return sum(report["fraction"] * len(left & {*report["trials"]}) for report in reports)

    def _add(self, record: dict[str, Any]) -> str:
        trial = record["id"]
        # wall_seconds is the time of all lanes together.
        self._seconds += record["wall_seconds"] / record.get("lanes", 1)
        error = record["metrics"].get("val_error")
        self.done.add(trial)
        if self.on_record is not None:
            self.on_record(record)
        self.revisions.add(record["git_revision"])
        if record["status"] == "diverged":
            self.diverged.append(trial)
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
      InputError: If there is no sweep, or one of its files is damaged.
    """
    watch = Watch(store, store.trials())
    done, failed, running, waiting = watch.counts()
    lines = [
        f"{len(watch.labels)} trials: {done} done, {failed} failed, {running} running, "
        f"{waiting} waiting"
    ]
    lines += [
        f"running: {report['summary']} of {len(report['trials'])} trials, "
        f"{100 * report['fraction']:.0f} % (process {report['pid']} on {report['host']})"
        for report in watch.running()
    ]
    left = watch.seconds_left()
    if left is not None and running + waiting:
        lines.append(f"time left: about {duration(left)}")
    if watch.best:
        lines.append(f"best so far: {watch.best.error:.2f} % validation error, {watch.best.label}")
    lines += [f"failed: {watch.labels[trial]}: {error}" for trial, error in watch.failed.items()]
    lines += watch.divergence_lines()
    return "\n".join(lines)


def duration(seconds: float) -> str:
    """Returns a duration as text, in a unit that suits its size.

    >>> duration(12.3), duration(754), duration(93600)
    ('12 s', '13 min', '26.0 h')
    """
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
