import math
from typing import Any

import pytest


class Sweep:
    """Synthetic planned trials and their records."""

    def __init__(self):
        self.records: list[dict[str, Any]] = []
        self.planned: dict[str, dict[str, Any]] = {}

    def add(self, variant="dropout", rate=0.5, test=(), val=None, **others):
        """Adds a trial per test error in percent: NaN stands for diverged, None for missing."""
        for seed, error in enumerate(test):
            trial_id = f"{len(self.planned):04}"
            dropout = {"rate": rate, "stage_rates": [rate, rate / 2]}
            self.planned[trial_id] = {
                "variant": variant,
                "seed": seed,
                "dropout": dropout,
                **others,
            }
            if error is None:
                continue
            metrics = {"test_error": error, "val_error": error if val is None else val[seed]}
            metrics |= {"test_nll": error / 30}
            diverged = math.isnan(error)
            self.records.append(
                {
                    "schema": 1,
                    "id": trial_id,
                    "status": "diverged" if diverged else "ok",
                    "config": self.planned[trial_id],
                    "metrics": {} if diverged else metrics,
                    "history": [],
                    "wall_seconds": 10.0 + seed,
                }
            )
        return self


@pytest.fixture(scope="session")
def new_sweep():
    return Sweep


@pytest.fixture
def small_sweep():
    """All kinds of cells; the lowest test and validation errors are in different cells."""
    nan = math.nan
    sweep = Sweep()
    sweep.add("none", 0.0, test=[1.7, 1.6, 1.65], val=[1.9, 1.8, 1.85])
    sweep.add("dropout", 0.25, test=[1.5, 1.4, 1.45], val=[1.4, 1.5, 1.3])
    sweep.add("dropout", 0.5, test=[1.2, 1.3, None], val=[1.5, 1.6, None])
    sweep.add("dropout", 0.75, test=[2.0, nan, nan])
    sweep.add("spatial_dropout", 0.25, test=[1.55, nan, None])
    sweep.add("spatial_dropout", 0.5, test=[nan, nan, nan])
    sweep.add("spatial_dropout", 0.75, test=[None, None, nan])
    sweep.add("drop_connect", 0.25, test=[None, None])
    return sweep
