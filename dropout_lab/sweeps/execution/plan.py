"""Plans: the chunks in which the trials of a group are run side by side.

A plan is made once and kept: a resumed or extended sweep runs its trials as planned first, so
that its records equal those of a sweep that was never interrupted.
"""

import dataclasses
import functools
import hashlib
import itertools
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from dropout_lab.errors import InputError
from dropout_lab.sweeps.store import Store
from dropout_lab.sweeps.trials import Group, Trial
from dropout_lab.system.files import read_json, version, write_json
from dropout_lab.system.machine import threads


@dataclasses.dataclass(frozen=True)
class Chunk:
    """Trials that a process runs side by side.

    Attributes:
      lanes: Width of the program; lanes beyond the number of trials are idle.
      trials: Ids of the trials.
    """

    lanes: int
    trials: tuple[str, ...]

    @property
    def id(self) -> str:
        """Identity, a hash of both attributes, on which the results can depend."""
        content = json.dumps([self.lanes, self.trials])
        return hashlib.sha256(content.encode()).hexdigest()[:16]

    def pending(self, store: Store) -> list[str]:
        """Returns the trials that have neither a record nor a failure."""
        return [
            trial for trial in self.trials if not store.has(trial) and store.failure(trial) is None
        ]


@dataclasses.dataclass(frozen=True)
class Plan:
    """The plan of a group.

    Attributes:
      lanes: Width of chunks that are added later.
      threads: Number of cores of the process that made the plan; the last digits of results
        depend on it.
      seconds: Seconds per epoch and trial, if measured.
      chunks: The chunks to run.
    """

    lanes: int
    threads: int
    seconds: float | None
    chunks: tuple[Chunk, ...] = ()

    @functools.cached_property
    def chunk_set(self) -> frozenset[Chunk]:
        """The chunks, to look one up among thousands."""
        return frozenset(self.chunks)

    def extended(self, trials: Iterable[str]) -> "Plan":
        """Returns the plan with chunks for more trials appended."""
        ids = list(trials)
        starts = range(0, len(ids), self.lanes)
        added = (Chunk(self.lanes, tuple(ids[start : start + self.lanes])) for start in starts)
        return dataclasses.replace(self, chunks=(*self.chunks, *added))

    def split(self, chunk: Chunk) -> "Plan":
        """Returns the plan with a chunk replaced by chunks of half its width."""
        half = chunk.lanes // 2
        halves = Plan(half, self.threads, None).extended(chunk.trials).chunks
        parts = (halves if other == chunk else (other,) for other in self.chunks)
        chunks = tuple(itertools.chain.from_iterable(parts))
        return dataclasses.replace(self, lanes=min(self.lanes, half), chunks=chunks)


def read_plan(store: Store, group: str) -> Plan | None:
    """Returns the plan of a group; None if there is none yet.

    Raises:
      InputError: If the file is damaged.
    """
    path = store.file("plans", group)
    found = version(path)
    return found and _parsed(path, found)


@functools.lru_cache(maxsize=8)
def _parsed(path: Path, version: tuple[int, ...]) -> Plan:
    """Returns the plan in a file, which takes long to parse for thousands of chunks."""
    content = read_json(path)
    try:
        chunks = tuple(Chunk(item["lanes"], tuple(item["trials"])) for item in content["chunks"])
        return Plan(content["lanes"], content["threads"], content["seconds"], chunks)
    except (KeyError, TypeError) as error:
        raise InputError(
            f"{path} is damaged (not a plan); move it away to plan the pending trials again"
        ) from error


def make_plan(
    store: Store, group: Group, choose: Callable[[Sequence[Trial]], tuple[int, float | None]]
) -> Plan | None:
    """Returns the plan of a group after adding the trials that it lacks.

    Args:
      store: The sweep.
      group: The group.
      choose: Function from trials to the number of lanes and the seconds per epoch and trial;
        called if there is no plan yet.

    Returns:
      The plan; None while another process makes it.
    """
    with store.lock(_lock(group.id), wait=False) as acquired:
        if not acquired:
            return None
        plan = read_plan(store, group.id)
        planned = {trial for chunk in plan.chunks for trial in chunk.trials} if plan else set()
        new = [
            trial for trial in group.trials if trial.id not in planned and not store.has(trial.id)
        ]
        if plan and not new:
            return plan
        if plan is None:
            lanes, seconds = choose(new)
            plan = Plan(lanes, threads(), seconds)
        for same_fold in by_fold(new):
            plan = plan.extended(trial.id for trial in same_fold)
        _write(store, group.id, plan)
        return plan


def by_fold(trials: Iterable[Trial]) -> list[list[Trial]]:
    """Returns the trials grouped by validation fold, as the lanes of a chunk share their data."""
    folds: dict[int | None, list[Trial]] = {}
    for trial in trials:
        folds.setdefault(trial.flat["data.fold"], []).append(trial)
    return list(folds.values())


def split(store: Store, group: str, chunk: Chunk) -> None:
    """Replaces a chunk in the plan of its group by chunks of half its width."""
    with store.lock(_lock(group)):
        plan = read_plan(store, group)
        if plan:
            _write(store, group, plan.split(chunk))


def _write(store: Store, group: str, plan: Plan) -> None:
    content: dict[str, Any] = {"schema": 1, **dataclasses.asdict(plan)}
    write_json(store.file("plans", group), content)


def _lock(group: str) -> str:
    return f"plan-{group}"
