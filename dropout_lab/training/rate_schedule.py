"""The schedule that all rates of dropping follow."""

import math
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Int
from ml_collections import FrozenConfigDict

from dropout_lab.schedules import SCHEDULES, Schedule


def make_rate_schedule(
    options: FrozenConfigDict, epoch_steps: int, total_steps: int | Int[Array, ""]
) -> Schedule:
    """Returns the factor on all rates, from step to number: a schedule of a rate of 1.

    Args:
      options: Of the schedule, resolved.
      epoch_steps: Updates per epoch, which boundaries count in.
      total_steps: Updates in all; may be traced.
    """
    taken: dict[str, Any] = {}
    if options.name in ("curriculum", "anti_curriculum"):
        taken["gamma"] = options.gamma or 10 / total_steps
    elif options.name == "step":
        taken["boundaries"] = [epoch * epoch_steps for epoch in options.boundaries]
        taken["factors"] = options.factors
    elif options.name != "constant":
        taken["steps"] = jnp.minimum((options.epochs or math.inf) * epoch_steps, total_steps)
    if options.name == "late_linear":
        taken["total"] = total_steps
    return SCHEDULES[options.name](1.0, **taken)
