"""Plans: the chunks in which the trials of a group are run side by side.

A plan is made once and kept: a resumed or extended sweep runs its trials as planned first, so
that its records equal those of a sweep that was never interrupted.
"""

import dataclasses
import functools
import hashlib
import itertools
import json
import reprlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from dropout_lab.sweeps.store import Store
from dropout_lab.sweeps.trials import Group, Trial
from dropout_lab.system.files import DamagedError, check_schema, read_json, version, write_json
from dropout_lab.system.machine import threads

_SCHEMA = 1
"""Version of the file's layout."""


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
        """Returns the plan with a chunk, and what is added later, in chunks of half its width."""
        half = chunk.lanes // 2
        return dataclasses.replace(self.cut(chunk, half), lanes=min(self.lanes, half))

    def cut(self, chunk: Chunk, lanes: int) -> "Plan":
        """Returns the plan with a chunk replaced by narrower ones."""
        narrower = Plan(lanes, self.threads, None).extended(chunk.trials).chunks
        parts = (narrower if other == chunk else (other,) for other in self.chunks)
        return dataclasses.replace(self, chunks=tuple(itertools.chain.from_iterable(parts)))


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
    check_schema(path, content, _SCHEMA)
    try:
        chunks = tuple(Chunk(item["lanes"], tuple(item["trials"])) for item in content["chunks"])
        plan = Plan(content["lanes"], content["threads"], content["seconds"], chunks)
    except (KeyError, TypeError) as error:
        raise DamagedError(path, "not a plan") from error
    reason = _damage(plan)
    if reason is not None:
        raise DamagedError(path, reason)
    return plan


def _damage(plan: Plan) -> str | None:
    """Returns why a plan cannot be followed; None if it can."""
    counts = (plan.lanes, plan.threads, *(chunk.lanes for chunk in plan.chunks))
    if not all(type(count) is int and count >= 1 for count in counts):
        return "a number of lanes or threads is not a whole number from 1"
    if plan.seconds is not None and (type(plan.seconds) not in (int, float) or plan.seconds < 0):
        return f"seconds is {reprlib.repr(plan.seconds)}"
    if any(not 1 <= len(chunk.trials) <= chunk.lanes for chunk in plan.chunks):
        return "a chunk has no trials, or more than lanes"
    trials = list(itertools.chain.from_iterable(chunk.trials for chunk in plan.chunks))
    if not all(isinstance(trial, str) for trial in trials):
        return "a trial is not a text"
    return "a trial is planned twice" if len(set(trials)) < len(trials) else None


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
        plan = _without_strangers(store, group, read_plan(store, group.id))
        planned = {trial for chunk in plan.chunks for trial in chunk.trials} if plan else set()
        new = [
            trial for trial in group.trials if trial.id not in planned and not store.has(trial.id)
        ]
        if not new:
            return plan or Plan(1, threads(), None)  # its trials were recorded without a plan
        if plan is None:
            lanes, seconds = choose(new)
            plan = Plan(lanes, threads(), seconds)
        for same_fold in by_fold(new):
            plan = plan.extended(trial.id for trial in same_fold)
        _write(store, group.id, plan)
        return plan


def _without_strangers(store: Store, group: Group, plan: Plan | None) -> Plan | None:
    """Returns a plan without the chunks that have trials which the sweep lacks.

    They come from a list of trials that was damaged and moved away; nothing says what they are.
    """
    own = {trial.id for trial in group.trials}
    if plan is None or all(own.issuperset(chunk.trials) for chunk in plan.chunks):
        return plan
    known = own | store.trials().keys()
    chunks = tuple(chunk for chunk in plan.chunks if known.issuperset(chunk.trials))
    return dataclasses.replace(plan, chunks=chunks)


def by_fold(trials: Iterable[Trial]) -> list[list[Trial]]:
    """Returns the trials grouped by validation fold, as the lanes of a chunk share their data."""
    folds: dict[int | None, list[Trial]] = {}
    for trial in trials:
        folds.setdefault(trial.flat["data.fold"], []).append(trial)
    return list(folds.values())


def split(store: Store, group: str, chunk: Chunk) -> None:
    """Replaces a chunk in the plan of its group by chunks of half its width: see Plan.split."""
    _change(store, group, lambda plan: plan.split(chunk))


def separate(store: Store, group: str, chunk: Chunk) -> None:
    """Replaces a chunk in the plan of its group by a chunk for each of its trials."""
    _change(store, group, lambda plan: plan.cut(chunk, 1))


def _change(store: Store, group: str, change: Callable[[Plan], Plan]) -> None:
    with store.lock(_lock(group)):
        plan = read_plan(store, group)
        if plan:
            _write(store, group, change(plan))


def _write(store: Store, group: str, plan: Plan) -> None:
    content: dict[str, Any] = {"schema": _SCHEMA, **dataclasses.asdict(plan)}
    write_json(store.file("plans", group), content)


def _lock(group: str) -> str:
    return f"plan-{group}"
