"""Turns, repeats and the comparison of what sides compute."""

from typing import Any

import pytest

from dropout_lab.system import machine
from scripts.benchmarks import quiet, runner
from scripts.benchmarks.facts import Fact, differences, of_dropout, of_noise
from scripts.benchmarks.problems import TINY, Sizes
from scripts.benchmarks.samples import Sample
from scripts.benchmarks.work import timer


class Fake:
    """A process that notes what it is asked; measurements count up."""

    def __init__(self, log, facts):
        self.log = log
        self._facts = facts

    def prepare(self, case, side):
        self.log.append(f"prepare {side}")

    def facts(self, case, side):
        return self._facts

    def take_repeat(self, case, side):
        self.log.append(side)
        return float(len(self.log))

    def forget(self, case, side):
        self.log.append(f"forget {side}")


def test_sides_are_measured_in_turns():
    log: list[str] = []
    owners: Any = {("case", side): Fake(log, {}) for side in ("ours", "flax")}
    found = runner.measure_in_turns(owners, repeats=3)
    assert log == ["prepare ours", "prepare flax", *["ours", "flax"] * 3, *log[-2:]]
    assert found["case", "flax"].values == (4.0, 6.0, 8.0)


def test_other_work_is_refused():
    ours, theirs = Fake([], {"kept": Fact(0.5, 0.01)}), Fake([], {"kept": Fact(0.9, 0.01)})
    owners: Any = {("case", "ours"): ours, ("case", "flax"): theirs}
    with pytest.raises(RuntimeError, match=r"case: flax does other work than ours: kept is 0\.9"):
        runner.measure_in_turns(owners, repeats=1)


@pytest.mark.parametrize(
    ("theirs", "said"),
    [
        ({"a": Fact(1.1, 0)}, ""),
        ({"a": Fact(1.3, 0)}, "a is 1.3, ours 1"),
        ({"a": Fact(float("nan"), 0)}, "a is nan, ours 1"),
        ({}, "facts are [], ours ['a']"),
    ],
)
def test_facts_differ_beyond_our_tolerance(theirs, said):
    assert differences({"a": Fact(1.0, 0.2)}, theirs) == said


def test_four_standard_errors_apart_is_other_dropout():
    ours = of_dropout(size=10**4, kept=0.5, largest=2.0)
    assert not differences(ours, of_dropout(size=10**4, kept=0.52, largest=2.0))
    assert differences(ours, of_dropout(size=10**4, kept=0.54, largest=2.0))
    assert differences(ours, of_dropout(size=10**4, kept=0.5, largest=1.0))


def test_four_standard_errors_apart_is_other_noise():
    ours = [1.0, 1.2] * 50  # 0.0142 is the standard error of the difference from another mean
    assert not differences(of_noise(ours), of_noise([loss + 0.055 for loss in ours]))
    assert differences(of_noise(ours), of_noise([loss + 0.059 for loss in ours]))


def test_a_group_is_together_in_the_order_of_our_cases():
    sides = [("b, x", "ours"), ("a", "ours"), ("b, y", "ours"), ("a", "flax"), ("b, x", "flax")]
    assert runner.in_groups(sides) == {
        "b": [("b, x", "ours"), ("b, y", "ours"), ("b, x", "flax")],
        "a": [("a", "ours"), ("a", "flax")],
    }


def test_samples_are_summarised_by_median_minimum_and_quartiles():
    values = (5.0, 1.0, 2.0, 4.0, 3.0)
    assert Sample.of(values) == Sample(3.0, 1.0, (2.0, 4.0), values)
    assert Sample.of([7.0]) == Sample(7.0, 7.0, (7.0, 7.0), (7.0,))


def test_a_repeat_has_calls_enough_to_last(monkeypatch):
    clock, calls = [0.0], []

    def run(count):
        calls.append(count)
        clock[0] += count * 1e-3

    monkeypatch.setattr("time.perf_counter", lambda: clock[0])
    assert timer(run, steps=10)() == pytest.approx(1e-4)
    assert calls[-1] * 1e-3 >= Sizes.shortest


def test_a_quiet_machine_needs_no_warning():
    assert quiet.warning(0.4, cores=2) is None
    assert machine.cpu()


@pytest.mark.slow
@pytest.mark.parametrize("suite", ["ops", "train", "memory", "sweep"])
def test_every_case_of_a_suite_is_measured(suite, quick_compile):
    """How long it takes is not looked at here."""
    said: list[str] = []
    report = runner.run([suite], ["flax"], 1, sizes=TINY, say=said.append)
    assert report["cases"]
    for case in report["cases"]:
        assert all(sample["median"] > 0 for sample in case["sides"].values()), case
    assert len(report["targets"]) > 0


@pytest.mark.slow
@pytest.mark.parametrize("suite", ["ops", "attention", "train", "sweep"])
def test_pytorch_does_the_same_work(suite):
    pytest.importorskip("torch", reason="needs the extra 'peers'")
    report = runner.run([suite], ["torch"], 1, sizes=TINY, say=lambda line: None)
    assert any("torch" in case["sides"] for case in report["cases"])
