"""Dropout variants: the layers each puts at places of a network, its keys and inference rules."""

from dropout_lab.variants.factory import LayerFactory
from dropout_lab.variants.lookup import variant_named
from dropout_lab.variants.places import (
    INFERENCE_RULES,
    PLACES,
    RATES,
    SHARES,
    LayerChoice,
    Place,
    Variant,
)
from dropout_lab.variants.variants import NONNEGATIVE, OPTIONS, VARIANTS

__all__ = [
    "INFERENCE_RULES",
    "NONNEGATIVE",
    "OPTIONS",
    "PLACES",
    "RATES",
    "SHARES",
    "VARIANTS",
    "LayerChoice",
    "LayerFactory",
    "Place",
    "Variant",
    "variant_named",
]
