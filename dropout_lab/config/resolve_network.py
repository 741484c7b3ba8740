"""Checks and defaults that involve several keys of model, variant and rates."""

from typing import Any

from dropout_lab.config.keys import Flat, key_named, present_places, variant_options
from dropout_lab.config.keys.key import model_options
from dropout_lab.errors import InputError
from dropout_lab.models import model_named
from dropout_lab.ops import rate_range
from dropout_lab.variants import RATES, SHARES, Variant, variant_named


def normalise_activations(config: Flat) -> None:
    """Clears ``model.stage_activation`` where ``model.activation`` suffices for all layers.

    Without layers that read them, ``activation`` and ``batch_norm`` get fixed values.
    """
    widths, stages = config["model.widths"], config["model.stages"]
    if not widths and config["model.stage_activation"]:
        config["model.activation"] = config["model.stage_activation"]
    if config["model.stage_activation"] == config["model.activation"]:
        config["model.stage_activation"] = None
    taken = model_options(config["model.name"])
    optional = {"widths", "stages"} & taken  # else the layers with activations are always there
    if "activation" in taken and optional and not (widths or stages):  # nothing to activate
        config["model.activation"], config["model.batch_norm"] = "relu", False


def check_network(config: Flat) -> None:
    """Raises InputError if the variant cannot be used with the model as configured."""
    name, places = config["variant"], present_places(config)
    variant = variant_named(name)
    if not variant.fits(places):
        needs = variant.needs or variant.layers
        raise InputError(
            f"variant {name!r} needs a model with {' or '.join(needs)}; "
            f"model {config['model.name']!r} has {', '.join(places)}"
        )
    for key, values in variant.allowed.items():
        key_named(key)
        if config[key] not in (None, *values):
            raise InputError(
                f"config.{key} is {config[key]!r} with variant {name!r}; allowed: "
                + ", ".join(map(str, values))
            )


def fill_in_noise(config: Flat) -> None:
    """Replaces None by the variant's default in rates and options that it takes.

    Raises:
      InputError: If a rate is above the variant's highest.
    """
    variant, taken = variant_named(config["variant"]), variant_options(config)
    places = present_places(config)
    for rate in taken & RATES.keys() - {"stage_rates"}:
        config[f"dropout.{rate}"] = _rate(config[f"dropout.{rate}"], variant, rate, places)
    for option in taken - RATES.keys() - SHARES.keys():
        if config[f"dropout.{option}"] is None:
            config[f"dropout.{option}"] = variant.defaults.get(option)
    for option in taken & SHARES.keys():
        config[f"dropout.{option}"] = _share(config, option)
    if variant.penalty_weight is not None:
        _fill_in_penalty(config, variant)


def expand_stage_rates(config: Flat) -> None:
    """Makes the stage rates a tuple, a rate for each convolutional stage.

    Raises:
      InputError: If there are not as many rates as stages, or one is above the variant's highest.
    """
    given, stages = config["dropout.stage_rates"], config["model.stages"]
    count = model_named(config["model.name"]).groups if stages is None else len(stages)
    rates: tuple[Any, ...] = tuple(given) if isinstance(given, tuple | list) else (given,) * count
    if len(rates) != count:
        raise InputError(
            f"config.dropout.stage_rates is {given!r}; allowed: a rate, or {count} of them, one "
            "for each convolutional stage"
        )
    variant = variant_named(config["variant"])
    config["dropout.stage_rates"] = tuple(_rate(rate, variant, "stage_rates") for rate in rates)


def _rate(
    given: float | None, variant: Variant, option: str, places: tuple[str, ...] = ()
) -> float:
    rate = float(variant.default(option, places) if given is None else given)
    if rate > variant.max_rate:
        raise InputError(
            f"config.dropout.{option} is {rate:g}; allowed with this variant: "
            + rate_range(variant.max_rate)
        )
    return rate


def _share(config: Flat, option: str) -> float:
    """Returns a share of the units that is left out, by default as many as the rate drops."""
    rate, given = config[f"dropout.{SHARES[option]}"], config[f"dropout.{option}"]
    highest, why = rate, f"config.dropout.{SHARES[option]}"
    if config["rate_schedule.name"] != "constant":
        highest, why = 0.0, "the lowest rate of a schedule"
    share = float(highest if given is None else given)
    if share > highest:
        raise InputError(
            f"config.dropout.{option} is {share:g}; allowed: a number from 0 to {highest:g}, {why}"
        )
    return share


def _fill_in_penalty(config: Flat, variant: Variant) -> None:
    if config["dropout.penalty_weight"] is None:
        config["dropout.penalty_weight"] = variant.penalty_weight
    if config["dropout.penalty_warmup"] is None:
        config["dropout.penalty_warmup"] = variant.penalty_warmup
    warmup = tuple(config["dropout.penalty_warmup"])
    if len(warmup) != 2 or warmup[0] > warmup[1]:
        raise InputError(
            f"config.dropout.penalty_warmup is {warmup}; allowed: (first epoch, last epoch)"
        )
    if warmup != variant.penalty_warmup:  # that stays as committed records have it
        config["dropout.penalty_warmup"] = tuple(map(float, warmup))
