"""Verdicts on made-up errors."""

import numpy as np
import pytest
from scipy import stats  # type: ignore[import-untyped]

from dropout_lab.reproduce import Above, Alike, Below, Better, CellMetric, Ordered
from dropout_lab.reproduce.verdicts import judge
from tests.reproduce.conftest import ERRORS, made_up, small_experiment

LOW, MID, HIGH = "noisy, many", "noisy, few", "plain, few"
APART = {LOW: [1.0, 1.1, 1.05], MID: [2.0, 2.1, 2.05], HIGH: [3.0, 3.1, 3.06]}


def verdicts(*claims, errors=APART, **options):
    return judge(made_up(small_experiment(claims=claims), errors, **options))


@pytest.mark.parametrize(
    ("claim", "verdict"),
    [
        (Below(LOW, 1.3), "reproduced"),
        (Below(LOW, 0.9), "contradicted"),
        (Below(LOW, 1.06), "inconclusive"),
        (Above(LOW, 0.9), "reproduced"),
        (Above(LOW, 1.3), "contradicted"),
    ],
)
def test_a_bound_is_tested_by_one_sample(claim, verdict):
    [found] = verdicts(claim)
    assert found.verdict == verdict
    assert found.effect.estimate == pytest.approx(1.05 - claim.bound)


@pytest.mark.parametrize("paired", [False, True])
@pytest.mark.parametrize(
    ("claim", "verdict"),
    [
        (Better(LOW, than=HIGH), "reproduced"),
        (Better(HIGH, than=LOW), "contradicted"),
        (Better(LOW, than=MID, by=0.5), "reproduced"),
        (Better(LOW, than=MID, by=1.5), "contradicted"),
        (Better(LOW, than=MID, by=0.999), "inconclusive"),
        (Alike(LOW, MID, within=1.5), "reproduced"),
        (Alike(LOW, MID, within=0.5), "contradicted"),
        (Alike(LOW, MID, within=1.001), "inconclusive"),
        (Ordered((LOW, MID, HIGH)), "reproduced"),
        (Ordered((LOW, HIGH, MID)), "contradicted"),
    ],
)
def test_a_claim_gets_the_verdict_that_the_numbers_give(claim, verdict, paired):
    noise = {MID: [2.0, 2.12, 2.05]}  # so that differences by seed vary
    claim = type(claim)(**{**vars(claim), "paired": paired})
    [found] = verdicts(claim, errors=APART | noise)
    assert found.verdict == verdict


def test_p_values_are_of_the_one_sided_test():
    [found] = verdicts(Better(MID, than=LOW), errors=ERRORS)
    test = stats.ttest_ind(ERRORS[MID], ERRORS[LOW], equal_var=False, alternative="less")
    assert found.p_for == pytest.approx(test.pvalue)
    assert found.p_against == pytest.approx(1 - test.pvalue)
    assert found.effect.estimate == pytest.approx(-0.0133333, rel=1e-4)


def test_more_claims_need_more_evidence():
    claims = [Better(MID, than=HIGH, by=0.95), *[Better(MID, than=LOW)] * 3]
    alone, among = verdicts(claims[0], errors=ERRORS)[0], verdicts(*claims, errors=ERRORS)[0]
    assert among.p_for == pytest.approx(4 * alone.p_for)


def test_one_network_decides_nothing():
    [found] = verdicts(Better(LOW, than=HIGH), errors={cell: [e[0]] for cell, e in APART.items()})
    assert (found.verdict, found.p_for, found.reason) == ("inconclusive", None, "no test: n = 1")


def test_pairs_are_counted_by_common_seeds():
    lost = {(LOW, 0), (HIGH, 1)}
    [found] = verdicts(Better(LOW, than=HIGH, paired=True), diverged=lost)
    assert found.reason == "no test: n = 1"


def test_numbers_that_do_not_vary_decide_nothing():
    [found] = verdicts(
        Better(LOW, than=HIGH), errors={cell: [e[0]] * 2 for cell, e in APART.items()}
    )
    assert found.verdict == "inconclusive"
    assert found.reason == "no test: the numbers do not vary"


def test_a_claim_without_a_test_does_not_count_for_holm():
    claims = (Better(LOW, than=MID), Better(LOW, than=HIGH))
    errors = APART | {HIGH: [3.0]}
    found = verdicts(*claims, errors=errors)
    alone = verdicts(claims[0], errors=errors)
    assert found[0].p_for == pytest.approx(alone[0].p_for)
    assert found[1].verdict == "inconclusive"


def test_a_claim_about_a_cell_that_was_left_out_is_not_judged():
    claims = (Better(LOW, than=MID), Better(LOW, than=HIGH))
    [found] = verdicts(*claims, errors={LOW: APART[LOW], MID: APART[MID]})
    assert found.claim is claims[0]


def test_of_an_order_the_weakest_link_is_told():
    [found] = verdicts(Ordered((LOW, MID, HIGH)), errors=ERRORS)
    assert found.values == (CellMetric(LOW), CellMetric(MID))


def test_networks_that_diverged_have_no_part():
    [found] = verdicts(Better(LOW, than=HIGH), diverged={(LOW, 1)})
    assert found.effect.estimate == pytest.approx(1.025 - 3.0533, abs=1e-4)
    assert found.diverged == 1


def test_effects_come_in_standard_deviations_too():
    [found] = verdicts(Better(MID, than=LOW))
    assert found.standardised == pytest.approx(1.0 / 0.05)


def excludes(claim, interval):
    """Returns whether an interval leaves the claim's side only, and its contrary's side only."""
    low, high = interval
    if isinstance(claim, Alike):
        within = claim.within
        return -within < low and high < within, high < -within or within < low
    bound = -claim.by if isinstance(claim, Better) else 0.0
    below, above = high < bound, low > bound
    return (above, below) if isinstance(claim, Above) else (below, above)


@pytest.mark.parametrize("spread", [0.02, 0.2, 0.6, 1.2])
@pytest.mark.parametrize("seed", range(5))
def test_intervals_agree_with_the_verdicts_beside_them(spread, seed):
    """Also where some claims are decided only after correction for the number of the rest."""
    rng = np.random.default_rng(seed)
    errors = {
        cell: (mean + spread * rng.normal(size=4)).tolist()
        for cell, mean in ((LOW, 1.0), (MID, 1.5), (HIGH, 2.0))
    }
    claims = (
        *(Better(LOW, than=MID), Better(HIGH, than=LOW), Better(MID, than=HIGH, by=0.3)),
        *(Alike(LOW, MID, within=0.7), Alike(LOW, HIGH, within=0.4), Below(LOW, 1.2)),
        *(Above(MID, 1.0), Ordered((LOW, MID, HIGH)), Ordered((HIGH, MID, LOW))),
    )
    for verdict in verdicts(*claims, errors=errors):
        supports, opposes = excludes(verdict.claim, verdict.interval)
        assert supports == (verdict.verdict == "reproduced"), verdict
        if not isinstance(verdict.claim, Alike) or verdict.verdict == "contradicted":
            assert opposes == (verdict.verdict == "contradicted"), verdict


def test_claims_about_cells_to_come_count_for_holm():
    claims = (Better(LOW, than=MID), Better(LOW, than=HIGH))
    part = {cell: ERRORS[cell] for cell in (MID, HIGH)}
    [alone] = verdicts(Better(MID, than=HIGH), errors=part)
    [among] = verdicts(Better(MID, than=HIGH), *claims, errors=part)
    assert among.p_for == pytest.approx(3 * alone.p_for)
