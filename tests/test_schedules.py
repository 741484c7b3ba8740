"""Schedules of a rate: end points, shapes, and that they are read without a new trace."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from dropout_lab import schedules
from dropout_lab.schedules import SCHEDULES

RATE = 0.4
MADE = {
    "constant": schedules.constant(RATE),
    "linear": schedules.linear(RATE, steps=100),
    "annealed": schedules.annealed(RATE, steps=100),
    "early_constant": schedules.early_constant(RATE, steps=40),
    "early_linear": schedules.early_linear(RATE, steps=40),
    "late_constant": schedules.late_constant(RATE, steps=40),
    "late_linear": schedules.late_linear(RATE, steps=40, total=100),
    "curriculum": schedules.curriculum(RATE, gamma=0.1),
    "anti_curriculum": schedules.anti_curriculum(RATE, gamma=0.1),
    "step": schedules.step(RATE, boundaries=(10, 40), factors=(1, 0.5, 0)),
}
# At each of these steps, the rate.
POINTS = {
    "constant": {0: RATE, 100: RATE},
    "linear": {0: 0, 25: RATE / 4, 100: RATE, 1000: RATE},
    "annealed": {0: RATE, 25: 0.75 * RATE, 100: 0, 1000: 0},
    "early_constant": {0: RATE, 39: RATE, 40: 0, 100: 0},
    "early_linear": {0: RATE, 10: 0.75 * RATE, 40: 0, 100: 0},
    "late_constant": {0: 0, 39: 0, 40: RATE, 100: RATE},
    "late_linear": {0: 0, 40: 0, 70: RATE / 2, 100: RATE},
    "curriculum": {0: 0, 10: RATE * (1 - np.exp(-1)), 10**4: RATE},
    "anti_curriculum": {0: RATE, 10: RATE * np.exp(-1), 10**4: 0},
    "step": {0: RATE, 9: RATE, 10: RATE / 2, 39: RATE / 2, 40: 0, 100: 0},
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_goes_through_its_points(name):
    for step, rate in POINTS[name].items():
        np.testing.assert_allclose(MADE[name](step), rate, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_reads_traced_rates_and_steps(name):
    traces = 0

    @jax.jit
    def rate_at(step):
        nonlocal traces
        traces += 1
        return MADE[name](step)

    steps = jnp.arange(120)
    rates = np.array([rate_at(step) for step in steps[::20]])
    assert traces == 1
    np.testing.assert_allclose(
        rates, [MADE[name](int(step)) for step in steps[::20]], rtol=1e-5, atol=1e-7
    )


@pytest.mark.parametrize("name", SCHEDULES)
@hypothesis_settings(derandomize=True, deadline=None, max_examples=20)
@given(st.integers(0, 10**6))
def test_a_schedule_stays_between_nothing_and_its_rate(name, step):
    assert -1e-7 <= float(MADE[name](step)) <= RATE + 1e-6


def test_curriculum_is_the_papers_probability_of_keeping():
    steps = range(0, 60, 7)
    keep = 1 - np.array([MADE["curriculum"](step) for step in steps])
    np.testing.assert_allclose(keep, (1 - 0.6) * np.exp(-0.1 * np.array(steps)) + 0.6, rtol=1e-5)
    keep = 1 - np.array([MADE["anti_curriculum"](step) for step in steps])
    np.testing.assert_allclose(keep, 1 - (1 - 0.6) * np.exp(-0.1 * np.array(steps)), rtol=1e-5)


def test_monotonic_schedules_are_monotonic():
    for name, sign in (("linear", 1), ("late_linear", 1), ("curriculum", 1), ("annealed", -1)):
        rates = np.array([MADE[name](step) for step in range(0, 120, 5)])
        assert (sign * np.diff(rates) >= -1e-7).all(), name
