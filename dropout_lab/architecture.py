"""What a network and its noise read of their configuration: of model, variant and rates.

The rest is cleared, so that configurations that mean the same become equal.
"""

import inspect
from collections.abc import Sequence

from ml_collections import ConfigDict

from dropout_lab.errors import InputError
from dropout_lab.models import MODELS
from dropout_lab.ops import BELOW_ONE
from dropout_lab.places import PLACES, RATES, Variant
from dropout_lab.rules import flatten
from dropout_lab.variants import VARIANTS


def resolve_network(config: ConfigDict) -> tuple[str, ...]:
    """Fills in what the variant reads in this model, and clears what either does not take.

    Returns:
      The places that the variant finds.

    Raises:
      InputError: If the variant makes no sense in this model, or a value in this variant.
    """
    _resolve_model(config)
    places = present_places(config)
    _check_variant(config, places)
    for key in ("noise_before_pool", "noise_before_norm"):
        if "stage" not in VARIANTS[config.variant].uses(places) or not config.model[key]:
            config.model[key] = None
    _resolve_dropout(config, places)
    return places


def present_places(config: ConfigDict) -> tuple[str, ...]:
    """Returns the places that a variant finds in a configuration's model."""
    network, model = MODELS[config.model.name], config.model
    absent = {
        *(() if model.widths else network.dense_places),
        *(() if model.stages else network.stage_places),
    }
    return tuple(place for place in network.places if place not in absent)


def _resolve_model(config: ConfigDict) -> None:
    """Clears what the model does not take."""
    model = config.model
    taken = set(inspect.signature(MODELS[model.name].__init__).parameters)
    if not model.stages:
        taken -= {"kernel_size", "padding", "stage_activation"}
    for key in model:
        if key not in taken and key != "name":
            model[key] = None
    if model.padding == "same":
        model.padding = None
    if not model.widths and model.stage_activation:
        model.activation = model.stage_activation
    if model.stage_activation == model.activation:
        model.stage_activation = None
    if "activation" in taken and not (model.widths or model.stages):
        model.activation, model.batch_norm = "relu", False  # as in records of old
    if "maxout" not in (model.activation, model.stage_activation):
        model.pieces = None


def _check_variant(config: ConfigDict, places: Sequence[str]) -> None:
    """Raises InputError if the variant makes no sense in a network with these places."""
    variant = VARIANTS[config.variant]
    if not variant.fits(places):
        needs = variant.needs or variant.uses(tuple(PLACES))
        raise InputError(
            f"variant {config.variant!r} needs a model with {' or '.join(needs)}; "
            f"model {config.model.name!r} has {', '.join(places)}"
        )
    flat = flatten(config.to_dict())
    for key, values in variant.allowed.items():
        if flat[key] not in (None, *values):
            raise InputError(
                f"config.{key} is {flat[key]!r} with variant {config.variant!r}; allowed: "
                + ", ".join(values)
            )


def _resolve_dropout(config: ConfigDict, places: Sequence[str]) -> None:
    """Fills in what the variant reads in this model; clears the rest, rates to 0."""
    network = MODELS[config.model.name]
    variant, options = VARIANTS[config.variant], config.dropout
    reads = variant.reads(places)
    if config.model.cell == "gru":  # which has no cell state
        reads -= {"cell_rate", "share_mask"}
    given = options.stage_rates
    for key in set(RATES) - {"stage_rates"}:
        options[key] = _rate(options[key], variant, key, key in reads)
    count = len(config.model.stages) if config.model.stages is not None else network.groups
    each = tuple(given) if isinstance(given, tuple | list) else (given,) * count
    read = "stage_rates" in reads
    if len(each) != count and count and read:
        raise InputError(
            f"config.dropout.stage_rates is {given!r}; allowed: a rate, or {count} of them, one "
            "for each convolutional stage"
        )
    each = each if read else (0.0,) * count
    options.stage_rates = tuple(_rate(rate, variant, "stage_rates", read) for rate in each[:count])
    if variant.penalty_weight is not None:
        reads |= {"penalty_weight", "penalty_warmup"}
        if options.penalty_weight is None:
            options.penalty_weight = variant.penalty_weight
        if options.penalty_warmup is None:
            options.penalty_warmup = variant.penalty_warmup
        warmup = options.penalty_warmup
        if len(warmup) != 2 or warmup[0] > warmup[1]:
            raise InputError(
                f"config.dropout.penalty_warmup is {warmup}; allowed: (first epoch, last epoch)"
            )
    for key in set(options) - set(RATES):
        # Not to prune in training is what code did that had no such key.
        if key not in reads or (key == "prune_in_training" and not options[key]):
            options[key] = None
        elif options[key] is None:
            options[key] = variant.defaults.get(key)


def _rate(given: float | None, variant: Variant, key: str, read: bool) -> float:
    """Returns a rate filled in, or 0 where it is not read."""
    if not read:
        return 0.0
    rate = float(variant.default(key) if given is None else given)
    if rate > variant.top:
        allowed = "[0, 1)" if variant.top == BELOW_ONE else f"[0, {variant.top:g}]"
        raise InputError(f"config.dropout.{key} is {rate:g}; allowed with this variant: {allowed}")
    return rate
