"""How the trials of a group are run: side by side in so many lanes, a chunk at a time.

A plan is made once and kept: a resumed or extended sweep runs its trials as they were begun, so
that its records are those of a sweep that was never interrupted.
"""

import dataclasses
import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from dropout_lab.errors import InputError
from dropout_lab.sweeps.store import Store
from dropout_lab.sweeps.trials import Group, Trial
from dropout_lab.system.files import read_json, write_json
from dropout_lab.system.machine import threads

_SCHEMA = 1


@dataclasses.dataclass(frozen=True)
class Chunk:
    """Trials that run side by side: what a process takes at a time.

    Attributes:
      lanes: Width of the program; what the trials leave free is idle.
      trials: Their identities.
    """

    lanes: int
    trials: tuple[str, ...]

    @property
    def id(self) -> str:
        """Its identity, which says all that its results can depend on."""
        told = json.dumps([self.lanes, self.trials])
        return hashlib.sha256(told.encode()).hexdigest()[:16]

    def pending(self, store: Store) -> list[str]:
        """Returns the trials that have neither a record nor a failure."""
        return [
            trial for trial in self.trials if not store.has(trial) and store.failure(trial) is None
        ]


@dataclasses.dataclass(frozen=True)
class Plan:
    """The plan of a group.

    Attributes:
      lanes: Width of chunks to come.
      threads: Cores that its process had when it was made; the last digits depend on them.
      seconds: What an epoch of one trial took, if it was measured.
      chunks: What to run.
    """

    lanes: int
    threads: int
    seconds: float | None
    chunks: tuple[Chunk, ...] = ()

    def extended(self, trials: Iterable[str]) -> "Plan":
        """Returns the plan with chunks for more trials at its end."""
        ids = list(trials)
        starts = range(0, len(ids), self.lanes)
        more = (Chunk(self.lanes, tuple(ids[start : start + self.lanes])) for start in starts)
        return dataclasses.replace(self, chunks=(*self.chunks, *more))

    def split(self, chunk: Chunk) -> "Plan":
        """Returns the plan with a chunk replaced by chunks of half its width."""
        half = chunk.lanes // 2
        parts = Plan(half, self.threads, None).extended(chunk.trials).chunks
        kept = [(each,) if each != chunk else parts for each in self.chunks]
        chunks = tuple(each for some in kept for each in some)
        return dataclasses.replace(self, lanes=min(self.lanes, half), chunks=chunks)


def read_plan(store: Store, group: str) -> Plan | None:
    """Returns the plan of a group; None if there is none yet.

    Raises:
      InputError: If it is damaged.
    """
    path = _file(store, group)
    if not path.exists():
        return None
    content = read_json(path)
    try:
        chunks = tuple(Chunk(each["lanes"], tuple(each["trials"])) for each in content["chunks"])
        return Plan(content["lanes"], content["threads"], content["seconds"], chunks)
    except (KeyError, TypeError) as error:
        raise InputError(
            f"{path} is damaged (not a plan); move it away to plan what is left anew"
        ) from error


def make_plan(
    store: Store, group: Group, choose: Callable[[Sequence[Trial]], tuple[int, float | None]]
) -> Plan | None:
    """Returns the plan of a group, made or extended by trials that are in no chunk.

    Args:
      store: Where it is kept.
      group: The trials.
      choose: From trials to the number of lanes, and the seconds of an epoch of one trial.

    Returns:
      The plan; None while another process makes it.
    """
    with store.lock(_lock(group.id), wait=False) as held:
        if not held:
            return None
        plan = read_plan(store, group.id)
        planned = {trial for chunk in plan.chunks for trial in chunk.trials} if plan else set()
        new = [
            trial for trial in group.trials if trial.id not in planned and not store.has(trial.id)
        ]
        if plan and not new:
            return plan
        plan = plan or Plan(*_first(choose(new)))
        for alike in by_fold(new):
            plan = plan.extended(trial.id for trial in alike)
        _write(store, group.id, plan)
        return plan


def by_fold(trials: Iterable[Trial]) -> list[list[Trial]]:
    """Returns the trials apart by what they are validated on: lanes share their data."""
    found: dict[int | None, list[Trial]] = {}
    for trial in trials:
        found.setdefault(trial.config.data.fold, []).append(trial)
    return list(found.values())


def split(store: Store, group: str, chunk: Chunk) -> None:
    """Replaces a chunk, in the plan of its group, by chunks of half its width."""
    with store.lock(_lock(group)):
        plan = read_plan(store, group)
        if plan:
            _write(store, group, plan.split(chunk))


def _first(chosen: tuple[int, float | None]) -> tuple[int, int, float | None]:
    lanes, seconds = chosen
    return lanes, threads(), seconds


def _write(store: Store, group: str, plan: Plan) -> None:
    content: dict[str, Any] = {"schema": _SCHEMA, **dataclasses.asdict(plan)}
    write_json(_file(store, group), content)


def _file(store: Store, group: str) -> Path:
    return store.file("plans", group)


def _lock(group: str) -> str:
    return f"plan-{group}"
