"""Targets, and judging measurements by them."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal

from scripts.benchmarks.problems import (
    BATCHWISE,
    CNN,
    CONNECT,
    MLP,
    RATES,
    SWEEP,
    backward_case,
    forward_case,
    training_case,
    transformer_case,
)

CaseSide = tuple[str, str]
"""A case and one of the sides measured in it."""


@dataclasses.dataclass(frozen=True)
class Target:
    """A bound on a ratio of medians, or on a median.

    Attributes:
      top: Numerator.
      bottom: Denominator; None for a bound on the median itself.
      bound: "least" or "most".
      number: The bound.
      text: The target in words.
    """

    top: CaseSide
    bottom: CaseSide | None
    bound: Literal["least", "most"]
    number: float
    text: str

    @property
    def case(self) -> str:
        """The case in whose row of the table it is shown."""
        return (self.bottom if self.bottom and self.bound == "least" else self.top)[0]

    def judge(self, medians: Mapping[CaseSide, float]) -> dict[str, Any] | None:
        """Returns the case, the text, the value and whether it is met; None if not measured."""
        sides = [side for side in (self.top, self.bottom) if side is not None]
        if not all(side in medians for side in sides):
            return None
        value = medians[self.top] / (medians[self.bottom] if self.bottom else 1)
        met = value >= self.number if self.bound == "least" else value <= self.number
        return {"case": self.case, "text": self.text, "value": value, "met": met}


def _faster(case: str, side: str, times: float) -> Target:
    return Target((case, side), (case, "ours"), "least", times, f">= {times:g}x as fast as {side}")


def _within(case: str, times: float, bottom: CaseSide, what: str) -> Target:
    return Target((case, "ours"), bottom, "most", times, f"<= {times:g}x {what}")


def _copies(case: str, times: float) -> Target:
    return _within(case, times, (case, "floor"), "a copy")


BERNOULLI_OR_UNIFORM = (
    *("classic_dropout", "standout", "zoneout", "alpha_dropout", "stochastic_depth"),
    *("uniform_dropout", "spatial_dropout", "feature_alpha_dropout", "weighted_channel_dropout"),
    *("cutout", "max_pool_dropout", "stochastic_pool", "batchwise_dropout", "masksembles"),
)
SEQUENCES = (
    *("attention_dropout", "drop_head", "layer_drop", "embedding_dropout", "word_dropout"),
    *("patch_dropout",),
)
NORMAL = ("gaussian_dropout", "variational_dropout", "information_dropout")

_HALF, _TENTH = RATES

TARGETS: tuple[Target, ...] = (
    *(_faster(forward_case(rate), "flax", 20) for rate in RATES),
    *(_faster(forward_case(rate), "torch", times) for rate, times in ((_HALF, 20), (_TENTH, 12))),
    *(_copies(forward_case(rate), 2.5) for rate in RATES),
    *(_faster(backward_case(rate), "flax", 12) for rate in RATES),
    *(_faster(backward_case(rate), "torch", times) for rate, times in ((_HALF, 15), (_TENTH, 8))),
    *(_copies(case, 4) for case in BERNOULLI_OR_UNIFORM),
    *(_copies(case, 4) for case in SEQUENCES),
    *(_copies(case, 8) for case in (*NORMAL, "drop_block", "drop_key")),
    _copies("concrete_dropout", 15),
    _faster(CONNECT, "naive", 40),
    _within(
        "mlp step, dropout on one activation",
        1.02,
        ("mlp step, bare", "ours"),
        "the step without",
    ),
    _faster(training_case(MLP, noisy=True), "torch", 2.5),
    _faster(training_case(MLP, noisy=True), "flax", 1.25),
    _within(
        training_case(MLP, noisy=True),
        1.03,
        (training_case(MLP, noisy=False), "ours"),
        "itself without",
    ),
    Target(
        (training_case(MLP, noisy=False), "ours"),
        (BATCHWISE, "ours"),
        "least",
        1.9,
        ">= 1.9x as fast as no dropout",
    ),
    _faster(training_case(CNN, noisy=True), "torch", 1.5),
    _within(
        training_case(CNN, noisy=False),
        1.5,
        (training_case(CNN, noisy=False), "torch"),
        "torch's time",
    ),
    _within(
        transformer_case(noisy=True),
        1.1,
        (transformer_case(noisy=False), "ours"),
        "itself without",
    ),
    _within(
        "drop_connect per example, temporary memory",
        0.01,
        ("drop_connect per example, temporary memory", "naive"),
        "the naive form",
    ),
    Target(("first epoch on digits, empty compilation cache", "ours"), None, "most", 6, "<= 6 s"),
    Target(("first epoch on digits, filled compilation cache", "ours"), None, "most", 4, "<= 4 s"),
    _faster(SWEEP, "naive", 8),
    _faster(SWEEP, "torch", 3),
)
