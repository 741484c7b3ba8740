"""The variants: which layers each puts where in a network, with which keys and rules."""

from dropout_lab.variants.noise import Noise, Shape
from dropout_lab.variants.places import PLACES, RATES, RULES_OF_INFERENCE, Use, Variant
from dropout_lab.variants.variants import NONNEGATIVE, OPTIONS, VARIANTS

__all__ = [
    "NONNEGATIVE",
    "OPTIONS",
    "PLACES",
    "RATES",
    "RULES_OF_INFERENCE",
    "VARIANTS",
    "Noise",
    "Shape",
    "Use",
    "Variant",
]
