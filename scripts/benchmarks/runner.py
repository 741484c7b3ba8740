"""Measurement of suites: every side of a case in its own process, in turns."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from dropout_lab.system import machine
from dropout_lab.training.record import environment
from scripts.benchmarks import quiet
from scripts.benchmarks.facts import differences
from scripts.benchmarks.problems import Sizes
from scripts.benchmarks.samples import Sample
from scripts.benchmarks.side_process import NAIVE, PEERS, Peer, SideProcess
from scripts.benchmarks.targets import TARGETS, CaseSide


@dataclasses.dataclass(frozen=True)
class Suite:
    """Group of cases with the same unit.

    Attributes:
      unit: "s" or "B".
      most: Largest number of repeats.
      in_all: Whether it is a part of ``all``.
    """

    unit: str
    most: int
    in_all: bool = True


SUITES = {
    "ops": Suite("s", 100),
    "train": Suite("s", 100),
    "attention": Suite("s", 100),
    "memory": Suite("B", 1),  # the same whenever it is measured
    "startup": Suite("s", 3),  # seconds each
    "sweep": Suite("s", 1),  # minutes each
    "accelerator": Suite("s", 100, in_all=False),  # mostly cases of others
}
"""By name; our side of a suite is the module of that name in :mod:`scripts.benchmarks.ours`."""

SCHEMA = 1
"""Version of the report's layout."""


def run(
    suites: Sequence[str],
    peers: Sequence[str],
    repeats: int,
    *,
    sizes: Sizes | None = None,
    say: Callable[[str], None],
) -> dict[str, Any]:
    """Returns the report of suites, ready for JSON.

    Its fields: schema, versions, device and git_revision (of the environment), machine (its
    processor and the load before and after), repeats, cases (suite, case, unit, sides: medians and
    more, by side) and targets (case, text, value, met).

    Args:
      suites: Names in ``SUITES``.
      peers: Names of other frameworks that take part.
      repeats: Repeats of each measurement, at most.
      sizes: Sizes of the problems; None for the targets' sizes.
      say: Called with a line about every group of cases, and a warning.
    """
    before = quiet.load()
    described = environment()
    if warning := quiet.warning(before, described["device"]["cpus"]):
        say(f"warning: {warning}")
    cases: list[dict[str, Any]] = []
    for name in suites:
        suite = SUITES[name]
        measured = _suite(name, peers, min(repeats, suite.most), sizes or Sizes(), say)
        for case, sides in measured.items():
            cases.append({"suite": name, "case": case, "unit": suite.unit, "sides": sides})
    return {
        "schema": SCHEMA,
        **described,
        "machine": {"cpu": machine.cpu(), "load_before": before, "load_after": quiet.load()},
        "repeats": repeats,
        "cases": cases,
        # They were set for CPUs.
        "targets": judge_targets(cases) if described["device"]["platform"] == "cpu" else [],
    }


def judge_targets(cases: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Returns which of the targets that were measured are met."""
    medians: dict[CaseSide, float] = {
        (case["case"], side): sample["median"]
        for case in cases
        for side, sample in case["sides"].items()
    }
    judged = (target.judge(medians) for target in TARGETS)
    return [judgement for judgement in judged if judgement is not None]


def _suite(
    name: str, peers: Sequence[str], repeats: int, sizes: Sizes, say: Callable[[str], None]
) -> dict[str, dict[str, Any]]:
    """Returns the samples of a suite's cases, by case and side."""
    named = {"ours": Peer(f"scripts.benchmarks.ours.{name}"), "naive": NAIVE}
    named |= {peer: PEERS[peer] for peer in peers}
    measured: dict[str, dict[str, Any]] = {}
    with contextlib.ExitStack() as stack:
        ours, *others = [
            stack.enter_context(SideProcess(peer, sizes, side)) for side, peer in named.items()
        ]
        owners = dict.fromkeys(ours.works(), ours)
        cases = {case for case, _ in owners}
        for other in others:
            owners |= {side: other for side in other.works() if side[0] in cases}
        for group, sides in in_groups(owners).items():
            say(f"{name}: {group}")
            samples = measure_in_turns({side: owners[side] for side in sides}, repeats)
            for (case, side), sample in samples.items():
                measured.setdefault(case, {})[side] = dataclasses.asdict(sample)
    return measured


def in_groups(sides: Iterable[CaseSide]) -> dict[str, list[CaseSide]]:
    """Returns the sides by group: cases with one name up to a comma are measured in turns.

    >>> in_groups([("mlp step, dropout", "ours"), ("mlp step, no dropout", "ours")])
    {'mlp step': [('mlp step, dropout', 'ours'), ('mlp step, no dropout', 'ours')]}
    """
    groups: dict[str, list[CaseSide]] = {}
    for side in sides:
        groups.setdefault(side[0].partition(",")[0], []).append(side)
    return groups


def measure_in_turns(
    owners: Mapping[CaseSide, SideProcess], repeats: int
) -> dict[CaseSide, Sample]:
    """Returns the samples of one group's sides: A, B, C, A, B, C, ...

    Raises:
      RuntimeError: If two sides of a case do not compute the same thing.
    """
    for side, process in owners.items():
        process.prepare(*side)
    _check_same_work(owners)
    values: dict[CaseSide, list[float]] = {side: [] for side in owners}
    for _ in range(repeats):
        for side, process in owners.items():
            values[side].append(process.take_repeat(*side))
    for side, process in owners.items():
        process.forget(*side)
    return {side: Sample.of(repeats) for side, repeats in values.items()}


def _check_same_work(owners: Mapping[CaseSide, SideProcess]) -> None:
    """Raises RuntimeError if a case's sides do not compute the same thing."""
    for (case, side), process in owners.items():
        if side in ("ours", "floor"):
            continue
        ours = owners[case, "ours"].facts(case, "ours")
        if difference := differences(ours, process.facts(case, side)):
            raise RuntimeError(f"{case}: {side} does other work than ours: {difference}")
