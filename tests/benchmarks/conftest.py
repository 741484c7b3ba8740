"""A small report, as a run leaves it."""

import pytest


def sample(median):
    return {
        "median": median,
        "minimum": 0.9 * median,
        "quartiles": [0.95 * median, 1.1 * median],
        "values": [median],
    }


@pytest.fixture
def small_report():
    """One case with two targets, one with none, one in bytes."""
    times = {"ours": 1e-3, "floor": 0.5e-3, "flax": 30e-3}
    sizes = {"ours": 12.0, "naive": 4.2e6}
    cases = [
        ("ops", "dropout 0.5 forward", "s", times),
        ("ops", "shakeout, a product", "s", {"ours": 4e-3, "floor": 1.4e-3}),
        ("memory", "dropout 0.5, kept for the backward pass", "B", sizes),
    ]
    return {
        "schema": 1,
        "versions": {"python": "3.11.7", "jax": "0.10.2"},
        "device": {"platform": "cpu", "kind": "cpu", "cpus": 2},
        "machine": {"cpu": "Abacus 9000", "load_before": 0.25, "load_after": 1.5},
        "repeats": 15,
        "cases": [
            {
                "suite": suite,
                "case": case,
                "unit": unit,
                "sides": {side: sample(value) for side, value in sides.items()},
            }
            for suite, case, unit, sides in cases
        ],
        "targets": [
            {"case": cases[0][1], "text": ">= 20x as fast as flax", "value": 30.0, "met": True},
            {"case": cases[0][1], "text": "<= 1.5x a copy", "value": 2.0, "met": False},
        ],
    }
