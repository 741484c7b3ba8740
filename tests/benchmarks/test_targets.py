"""Targets, and that each stands for something that is measured."""

import importlib

import pytest

from dropout_lab import ops
from scripts.benchmarks.ours import ops as our_ops
from scripts.benchmarks.problems import SWEEP, TINY
from scripts.benchmarks.runner import SUITES, judge_targets
from scripts.benchmarks.side_process import NAIVE
from scripts.benchmarks.targets import BERNOULLI_OR_UNIFORM, NORMAL, SEQUENCES, TARGETS, Target

FASTER = Target(("case", "peer"), ("case", "ours"), "least", 20, "")
WITHIN = Target(("case", "ours"), ("case", "floor"), "most", 2, "")
SECONDS = Target(("case", "ours"), None, "most", 6, "")


@pytest.mark.parametrize(
    ("target", "medians", "value", "met"),
    [
        (FASTER, {("case", "peer"): 40.0, ("case", "ours"): 2.0}, 20, True),
        (FASTER, {("case", "peer"): 39.0, ("case", "ours"): 2.0}, 19.5, False),
        (WITHIN, {("case", "ours"): 2.0, ("case", "floor"): 1.0}, 2, True),
        (WITHIN, {("case", "ours"): 2.5, ("case", "floor"): 1.0}, 2.5, False),
        (SECONDS, {("case", "ours"): 6.0}, 6, True),
        (SECONDS, {("case", "ours"): 7.0}, 7, False),
    ],
)
def test_a_target_is_met_at_its_number_and_on_its_side(target, medians, value, met):
    assert target.judge(medians) == {"case": "case", "text": "", "value": value, "met": met}


def test_a_target_without_both_sides_is_left_out():
    assert FASTER.judge({("case", "ours"): 1.0}) is None
    assert judge_targets([]) == []


def test_targets_are_judged_by_medians(small_report):
    case = small_report["cases"][0]
    case["sides"]["ours"]["median"] = 3e-3
    found = {target["text"]: (target["value"], target["met"]) for target in judge_targets([case])}
    assert found == {
        ">= 20x as fast as flax": (pytest.approx(10), False),
        "<= 2.5x a copy": (pytest.approx(6), False),
    }


@pytest.fixture(scope="module")
def measured():
    """Returns every case and side that is measured, peers' included where they are installed."""
    modules = [NAIVE.module, *(f"scripts.benchmarks.ours.{suite}" for suite in SUITES)]
    found = {pair for module in modules for pair in importlib.import_module(module).works(TINY)}
    flax = importlib.import_module("scripts.benchmarks.peers.flax").works(TINY)
    # PyTorch's side has the cases that Flax's has, and the sweep.
    return found | set(flax) | {(case, "torch") for case in (SWEEP, *(case for case, _ in flax))}


def test_every_target_is_about_what_is_measured(measured):
    for target in TARGETS:
        assert target.top in measured
        assert target.bottom is None or target.bottom in measured


def test_every_case_of_a_peer_is_ours(measured):
    assert all((case, "ours") in measured for case, _ in measured)


def test_every_op_is_measured_once_and_has_a_target_unless_it_is_a_product():
    groups: list[dict] = [
        our_ops.ON_ARRAYS,
        our_ops.ON_IMAGES,
        our_ops.ON_SEQUENCES,
        our_ops.PRODUCTS,
        {"dropout": None},
    ]
    names = [name for group in groups for name in group]
    assert sorted(names) == sorted(ops.OPS)
    aimed_at = {
        *BERNOULLI_OR_UNIFORM,
        *NORMAL,
        *SEQUENCES,
        "drop_block",
        "drop_key",
        "concrete_dropout",
        "dropout",
    }
    assert aimed_at == set(names) - set(our_ops.PRODUCTS)
