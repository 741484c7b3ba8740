"""What people read about each variant: what is noisy, its formula, when to use it, its paper."""

from dropout_lab.variants.prose import layers, places, tokens, units
from dropout_lab.variants.prose.description import Description

DESCRIPTIONS: dict[str, Description] = {
    **units.DESCRIPTIONS,
    **layers.DESCRIPTIONS,
    **places.DESCRIPTIONS,
    **tokens.DESCRIPTIONS,
}
"""A description of every variant in ``VARIANTS``, by name."""

__all__ = ["DESCRIPTIONS", "Description"]
