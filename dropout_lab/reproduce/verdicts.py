"""Verdicts on claims: reproduced, contradicted, inconclusive or exploratory."""

import dataclasses
import itertools
from collections.abc import Sequence

from dropout_lab.analysis.statistics import (
    Difference,
    Sample,
    difference,
    holm,
    holm_level,
    one_sample,
)
from dropout_lab.reproduce.claim import Above, Alike, Below, Better, CellMetric, Claim, Ordered
from dropout_lab.reproduce.results import Results

LEVEL = 0.05
"""Chance of finding any false claim reproduced, over all claims of one experiment."""


@dataclasses.dataclass(frozen=True)
class Verdict:
    """A claim, its verdict and the statistics behind it.

    Attributes:
      claim: The claim.
      verdict: reproduced, contradicted or inconclusive; exploratory where it would be reproduced
        but the run was restarted after its test errors had been seen.
      p_for: Holm's p-value of the claim; None without a test.
      p_against: Holm's p-value of its contrary; None without a test.
      values: The values compared; in an order, the neighbours that support it least.
      effect: First mean minus second mean, or minus the bound; None without a test.
      interval: One-sided bounds on the effect, at the levels at which Holm's procedure stops for
        the claim and for its contrary, so that they agree with the verdict; None without a test.
      standardised: The effect in standard deviations; None without a test.
      decimals: Decimals to show the effect with.
      diverged: How many networks of the claim's cells diverged and are left out of the test.
      reason: Why there was no test; empty if there was one.
    """

    claim: Claim
    verdict: str
    p_for: float | None
    p_against: float | None
    values: tuple[CellMetric, ...]
    effect: Difference | None
    interval: tuple[float, float] | None
    standardised: float | None
    decimals: int
    diverged: int = 0
    reason: str = ""


@dataclasses.dataclass(frozen=True)
class _Comparison:
    """A comparison of two values of a claim, or of one value with a bound.

    Attributes:
      values: The values compared.
      samples: Their samples.
      difference: Between the two values, or from the bound; None without a test.
      single: Whether the test is of one sample: of differences by seed, or against a bound.
    """

    values: tuple[CellMetric, ...]
    samples: tuple[Sample, ...]
    difference: Difference | None
    single: bool

    @property
    def reason(self) -> str:
        """Why there is no difference to test."""
        seeds = set.intersection(*(set(sample.by_seed) for sample in self.samples))
        low = len(seeds) if self.single else min(sample.n for sample in self.samples)
        if low < 2:
            return f"no test: n = {low}"
        return "no test: the numbers do not vary"

    @property
    def standardised(self) -> float | None:
        """The difference in standard deviations: of the one sample, else pooled."""
        if self.difference is None:
            return None
        if self.single:
            return self.difference.estimate / (
                self.difference.error * (self.difference.df + 1) ** 0.5
            )
        a, b = self.samples
        squares = sum((sample.n - 1) * (sample.std or 0.0) ** 2 for sample in (a, b))
        return self.difference.estimate / (squares / (a.n + b.n - 2)) ** 0.5


def judge(results: Results) -> list[Verdict]:
    """Returns the verdict on each of an experiment's claims about cells that were run.

    A claim is reproduced if the one-sided test for it, and contradicted if the one-sided test for
    its contrary, is significant after Holm's correction over all claims that could be tested (for
    either direction), or will be when further cells have been run. The tests are Welch's or, where
    the claim says so, paired by seed; against a number, one-sample.
    :class:`Alike` asks for both one-sided tests against its bound; an order for all of its
    neighbours, and is contradicted by any of them (Bonferroni's correction within).
    """
    claims = [
        claim
        for claim in results.design.claims
        if all(value.cell in results.choices for value in claim.values)
    ]
    waiting = [1.0] * (len(results.design.claims) - len(claims))
    compared = [_comparisons(claim, results) for claim in claims]
    testable = [all(part.difference for part in parts) for parts in compared]
    raw = [
        _probabilities(claim, [part.difference for part in parts if part.difference])
        for claim, parts, ok in zip(claims, compared, testable, strict=True)
        if ok
    ]
    for_, against = (holm([*(pair[side] for pair in raw), *waiting]) for side in (0, 1))
    levels = holm_level(for_, LEVEL), holm_level(against, LEVEL)
    adjusted = iter(zip(for_, against, strict=True))
    verdicts = []
    for claim, parts, ok in zip(claims, compared, testable, strict=True):
        weakest = max(parts, key=_weakness)
        diverged = {value.cell: results.sample(value).diverged for value in claim.values}
        p_for, p_against = next(adjusted) if ok else (None, None)
        verdict = _verdict(p_for, p_against)
        interval = None
        if weakest.difference is not None:
            interval = _interval(claim, verdict, weakest.difference, levels)
        if verdict == "reproduced" and results.design.protocol.exploratory:
            verdict = "exploratory"
        verdicts.append(
            Verdict(
                claim,
                verdict,
                p_for,
                p_against,
                weakest.values,
                weakest.difference,
                interval,
                weakest.standardised,
                min(sample.decimals for sample in weakest.samples),
                sum(diverged.values()),
                "" if ok else weakest.reason,
            )
        )
    return verdicts


def _interval(
    claim: Claim, verdict: str, effect: Difference, levels: tuple[float, float]
) -> tuple[float, float]:
    """Returns bounds on an effect that agree with the verdict on its claim.

    Args:
      claim: The claim.
      verdict: The verdict on it.
      effect: The difference that decides.
      levels: Of the tests for the claims and of those for their contraries.
    """
    claimed, contrary = levels
    if isinstance(claim, Alike):  # both ends are tested for it, or either against it
        level = contrary / 2 if verdict == "contradicted" else claimed
        return effect.lower(level), effect.upper(level)
    if isinstance(claim, Ordered):
        contrary /= len(claim.order) - 1
    if isinstance(claim, Above):
        return effect.lower(claimed), effect.upper(contrary)
    return effect.lower(contrary), effect.upper(claimed)


def _comparisons(claim: Claim, results: Results) -> list[_Comparison]:
    if isinstance(claim, Below | Above):
        [value] = claim.values
        sample = results.sample(value)
        return [_Comparison((value,), (sample,), one_sample(sample.values, claim.bound), True)]
    comparisons = []
    for a, b in itertools.pairwise(claim.values):
        samples = results.sample(a), results.sample(b)
        apart = difference(*samples, paired=claim.paired)
        comparisons.append(_Comparison((a, b), samples, apart, claim.paired))
    return comparisons


def _probabilities(claim: Claim, differences: Sequence[Difference]) -> tuple[float, float]:
    """Returns the p-values of a claim and of its contrary."""
    first = differences[0]
    if isinstance(claim, Better):
        return first.p_below(-claim.by), first.p_above(-claim.by)
    if isinstance(claim, Below):
        return first.p_below(0.0), first.p_above(0.0)
    if isinstance(claim, Above):
        return first.p_above(0.0), first.p_below(0.0)
    if isinstance(claim, Alike):
        inside = max(first.p_below(claim.within), first.p_above(-claim.within))
        outside = min(first.p_above(claim.within), first.p_below(-claim.within))
        return inside, min(1.0, 2 * outside)
    worst = min(step.p_above(0.0) for step in differences)
    return max(step.p_below(0.0) for step in differences), min(1.0, len(differences) * worst)


def _weakness(comparison: _Comparison) -> float:
    """Returns how weakly a comparison supports an order: its p-value; above 1 without a test."""
    return comparison.difference.p_below(0.0) if comparison.difference else 2.0


def _verdict(p_for: float | None, p_against: float | None) -> str:
    if p_for is not None and p_for < LEVEL:
        return "reproduced"
    if p_against is not None and p_against < LEVEL:
        return "contradicted"
    return "inconclusive"
