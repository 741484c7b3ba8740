"""What a training recipe reads of its configuration: of loss, optimiser and schedules.

The rest is cleared, so that configurations that mean the same become equal.
"""

import inspect
from collections.abc import Sequence

from ml_collections import ConfigDict

from dropout_lab.errors import InputError
from dropout_lab.schedules import SCHEDULES
from dropout_lab.variants import NONNEGATIVE, VARIANTS


def resolve_rate_schedule(config: ConfigDict, places: Sequence[str]) -> None:
    """Clears what the schedule of rates does not take."""
    schedule = config.rate_schedule
    if not VARIANTS[config.variant].draws(places):
        schedule.name = "constant"
    taken = inspect.signature(SCHEDULES[schedule.name]).parameters
    if "steps" not in taken:
        schedule.epochs = None
    elif schedule.epochs is None and schedule.name.startswith(("early", "late")):
        raise InputError(
            f"config.rate_schedule.epochs is None with schedule {schedule.name!r}; allowed: the "
            "epoch at which it switches"
        )
    if "gamma" not in taken:
        schedule.gamma = None
    if "boundaries" not in taken:
        schedule.boundaries = schedule.factors = ()
        return
    _resolve_steps("rate_schedule", schedule)
    schedule.boundaries = tuple(map(float, schedule.boundaries))


def resolve_loss(config: ConfigDict, places: Sequence[str]) -> None:
    """Clears what the loss does not take."""
    loss = config.loss
    if loss.name == "multi_sample" and "hidden" not in VARIANTS[config.variant].layers_at(places):
        raise InputError(
            f"config.loss.name is 'multi_sample' with variant {config.variant!r}, which has no "
            "noise on this model's last features to sample; allowed: cross_entropy, r_drop"
        )
    if loss.name != "r_drop":
        loss.weight = None
    if loss.name != "multi_sample":
        loss.samples = None
    # No weight and weight 0 are the same.
    loss.l1, loss.sparsity = loss.l1 or None, loss.sparsity or None
    if loss.l1 is None:
        loss.l1_start = None
    if loss.sparsity is None:
        loss.sparsity_target = None
        return
    if not config.model.widths:
        raise InputError(
            f"config.loss.sparsity is {loss.sparsity:g} with model {config.model.name!r}, which "
            "has no hidden dense layer here; allowed: None"
        )
    if config.model.activation not in NONNEGATIVE:
        raise InputError(
            f"config.loss.sparsity is {loss.sparsity:g} with activation "
            f"{config.model.activation!r}; allowed: {', '.join(NONNEGATIVE)}, or no sparsity"
        )


def resolve_optimizer(config: ConfigDict) -> None:
    """Clears what the optimiser does not take."""
    options = config.optimizer
    if options.name != "sgd":
        options.nesterov = options.dampening = False
        options.momentum_start = options.momentum_epochs = None
    if options.name != "rmsprop":
        options.rms_decay = None
    if (options.momentum_start is None) != (options.momentum_epochs is None):
        raise InputError(
            f"config.optimizer.momentum_start is {options.momentum_start} and momentum_epochs is "
            f"{options.momentum_epochs}; allowed: both, or neither"
        )


def resolve_schedule(config: ConfigDict) -> None:
    """Clears what the schedule of learning rates does not take."""
    schedule = config.schedule
    if schedule.name not in ("exponential", "step"):
        schedule.decay_rate = None
    if schedule.name != "linear":
        schedule.start = None
    if schedule.name != "inverse":
        schedule.gamma = schedule.power = None
    if schedule.name != "step":
        schedule.boundaries = schedule.factors = ()
        return
    if schedule.factors:
        schedule.decay_rate = None
        _resolve_steps("schedule", schedule)
    elif not schedule.boundaries or not _rise(schedule.boundaries):
        raise InputError(
            f"config.schedule.boundaries is {schedule.boundaries} with schedule 'step'; allowed: "
            "one epoch or more, rising"
        )


def _resolve_steps(name: str, schedule: ConfigDict) -> None:
    """Makes factors broken numbers; InputError unless epochs rise and there is a factor more."""
    if not _rise(schedule.boundaries) or len(schedule.factors) != len(schedule.boundaries) + 1:
        raise InputError(
            f"config.{name}.boundaries is {schedule.boundaries} with factors {schedule.factors}; "
            "allowed: rising epochs, and one factor more"
        )
    schedule.factors = tuple(map(float, schedule.factors))


def _rise(epochs: Sequence[float]) -> bool:
    return list(epochs) == sorted(set(epochs))
