"""The variants: which layers each puts where in a network, with which keys and inference rules."""

from dropout_lab.variants.factory import LayerFactory
from dropout_lab.variants.lookup import variant_named
from dropout_lab.variants.places import INFERENCE_RULES, PLACES, RATES, LayerChoice, Place, Variant
from dropout_lab.variants.variants import NONNEGATIVE, OPTIONS, VARIANTS

__all__ = [
    "INFERENCE_RULES",
    "NONNEGATIVE",
    "OPTIONS",
    "PLACES",
    "RATES",
    "VARIANTS",
    "LayerChoice",
    "LayerFactory",
    "Place",
    "Variant",
    "variant_named",
]
