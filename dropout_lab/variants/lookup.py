"""The variant that a name stands for: a row of ``VARIANTS``, or one's own in a file."""

import functools
import inspect

from dropout_lab import nn
from dropout_lab.errors import InputError, unknown
from dropout_lab.system import external
from dropout_lab.variants.places import INFERENCE_RULES, PLACES, LayerChoice, Variant
from dropout_lab.variants.variants import OPTIONS, VARIANTS


def variant_named(name: str) -> Variant:
    """Returns the variant of a name in ``VARIANTS``, or of a pinned name (see ``external``).

    Raises:
      InputError: If there is none, or a variant of one's own is not well formed.
    """
    if name in VARIANTS:
        return VARIANTS[name]
    if not external.is_external(name):
        raise unknown("variant", name, VARIANTS)
    return _own(name)


@functools.cache
def _own(name: str) -> Variant:
    made = external.load("config.variant", name)
    label = f"config.variant: {external.content_name(name)}"
    if not isinstance(made, Variant):
        raise InputError(f"{label} is a {type(made).__name__}; allowed: a dropout_lab Variant")
    for place in made.needs:
        if place not in PLACES:
            raise unknown(f"place in needs of {label}:", place, PLACES)
    for rule in made.inference:
        if rule not in INFERENCE_RULES:
            raise unknown(f"inference rule of {label}:", rule, INFERENCE_RULES)
    if not made.inference:
        raise InputError(f"{label} has no inference rule; allowed: {', '.join(INFERENCE_RULES)}")
    for place, choice in made.layers.items():
        _check_choice(f"{label}: layers[{place!r}]", choice)
    for key in made.defaults:
        if key not in OPTIONS:
            raise unknown(f"default of {label}:", key, OPTIONS)
    return made


def _check_choice(label: str, choice: LayerChoice) -> None:
    layer = getattr(choice, "layer", None)
    if not inspect.isclass(layer) or not issubclass(layer, nn.Stochastic):
        raise InputError(f"{label} is {choice!r}; allowed: a LayerChoice of a Stochastic layer")
    for option in choice.options:
        if option not in OPTIONS:
            raise unknown(f"option of {label}:", option, OPTIONS)
