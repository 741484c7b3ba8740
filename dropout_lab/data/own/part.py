"""A part of own data as it was read."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True, eq=False)
class Part:
    """A part of own data as it was read.

    Attributes:
      name: "train", "val" or "test".
      x: Features, (n, ...), or tokens, (n, steps).
      y: Labels.
      x_name: Name of the features in messages.
      y_name: Name of the labels in messages.
      tokens: Whether ``x`` holds tokens.
      lengths: Number of steps of each example, if examples are sequences; the others are padding.
      lengths_name: Name of the lengths in messages.
      columns: Of a table: the names of the features.
    """

    name: str
    x: np.ndarray
    y: np.ndarray
    x_name: str
    y_name: str
    tokens: bool = False
    lengths: np.ndarray | None = None
    lengths_name: str = ""
    columns: tuple[str, ...] = ()
