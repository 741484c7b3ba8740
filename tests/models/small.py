"""Small networks of every model, for tests over all of them."""

import inspect
from typing import Any

from dropout_lab.config import default_config
from dropout_lab.models import MODELS

SMALL: dict[str, Any] = {
    "widths": (12, 10),
    "stages": (4, 6),
    "depth": 10,
    "widening": 1,
    "units": 8,
    "layers": 2,
    "width": 8,
    "heads": 2,
    "ff_width": 12,
}


def small_options(name: str, **sizes: Any) -> dict[str, Any]:
    """Returns the arguments of a small network, configuration defaults where there is no size.

    Args:
      name: A name in MODELS.
      **sizes: Other sizes than those of SMALL; the model need not take them.
    """
    options = default_config().model.to_dict() | SMALL | sizes
    taken = inspect.signature(MODELS[name].__init__).parameters
    return {key: value for key, value in options.items() if key in taken and value is not None}
