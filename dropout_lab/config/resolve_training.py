"""Checks that involve several keys of loss, optimiser and schedules."""

from collections.abc import Sequence

from dropout_lab.config.keys import Flat, present_places
from dropout_lab.errors import InputError
from dropout_lab.variants import NONNEGATIVE, variant_named


def check_training(config: Flat) -> None:
    """Raises InputError if values of loss, optimiser and schedules do not go together."""
    _check_loss(config)
    _check_stop(config)
    _check_optimizer(config)
    _check_mixing(config)
    _check_rate_schedule(config)
    _check_schedule(config)


def _check_loss(config: Flat) -> None:
    uses = variant_named(config["variant"]).layers_at(present_places(config))
    if config["loss.name"] == "multi_sample" and "hidden" not in uses:
        raise InputError(
            f"config.loss.name is 'multi_sample' with variant {config['variant']!r}, which has no "
            "noise on this model's last features to sample; allowed: cross_entropy, r_drop"
        )
    sparsity = config["loss.sparsity"]
    if sparsity is None:
        return
    if not config["model.widths"]:
        raise InputError(
            f"config.loss.sparsity is {sparsity:g} with model {config['model.name']!r}, which "
            "has no hidden dense layer here; allowed: None"
        )
    if config["model.activation"] not in NONNEGATIVE:
        raise InputError(
            f"config.loss.sparsity is {sparsity:g} with activation "
            f"{config['model.activation']!r}; allowed: {', '.join(NONNEGATIVE)}, or no sparsity"
        )


def _check_stop(config: Flat) -> None:
    stop, epochs = config["train.stop"], config["train.epochs"]
    if stop is not None and epochs is not None and stop >= epochs:
        config["train.stop"] = None  # it ends then anyway


def _check_mixing(config: Flat) -> None:
    mixup, cutmix = config["data.mixup"], config["data.cutmix"]
    if mixup is not None and cutmix is not None:
        raise InputError(
            f"config.data.mixup is {mixup:g} and cutmix is {cutmix:g}; allowed: one of them"
        )


def _check_optimizer(config: Flat) -> None:
    if config["optimizer.name"] == "adamw":
        config["optimizer.name"] = "adam"  # which adds the decay to the step: the same optimiser
    start, epochs = config["optimizer.momentum_start"], config["optimizer.momentum_epochs"]
    if (start is None) != (epochs is None):
        raise InputError(
            f"config.optimizer.momentum_start is {start} and momentum_epochs is {epochs}; "
            "allowed: both, or neither"
        )


def _check_rate_schedule(config: Flat) -> None:
    name = config["rate_schedule.name"]
    if name.startswith(("early", "late")) and config["rate_schedule.epochs"] is None:
        raise InputError(
            f"config.rate_schedule.epochs is None with schedule {name!r}; allowed: the epoch at "
            "which it switches"
        )
    if name == "step":
        _check_steps("rate_schedule", config)
        boundaries = config["rate_schedule.boundaries"]
        config["rate_schedule.boundaries"] = tuple(map(float, boundaries))


def _check_schedule(config: Flat) -> None:
    if config["schedule.name"] != "step":
        return
    boundaries = config["schedule.boundaries"]
    if config["schedule.factors"]:
        _check_steps("schedule", config)
    elif not boundaries or not _rise(boundaries):
        raise InputError(
            f"config.schedule.boundaries is {boundaries} with schedule 'step'; allowed: one "
            "or more increasing epochs"
        )


def _check_steps(section: str, config: Flat) -> None:
    """Makes factors floats; InputError unless epochs rise and there is one factor more."""
    boundaries, factors = config[f"{section}.boundaries"], config[f"{section}.factors"]
    if not _rise(boundaries) or len(factors) != len(boundaries) + 1:
        raise InputError(
            f"config.{section}.boundaries is {boundaries} with factors {factors}; allowed: "
            "increasing epochs, and one more factor than epochs"
        )
    config[f"{section}.factors"] = tuple(map(float, factors))


def _rise(epochs: Sequence[float]) -> bool:
    return list(epochs) == sorted(set(epochs))
