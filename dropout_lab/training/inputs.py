"""Examples to predict from, checked against those that a network was trained on."""

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from dropout_lab.data import steps_present
from dropout_lab.errors import InputError

_FAR = 10.0
"""How far outside the training range values may lie, in widths of the range."""


@dataclasses.dataclass(frozen=True)
class Inputs:
    """What a network was trained on.

    Attributes:
      shape: Shape of one example.
      bytes: Whether values were bytes; None if that is not recorded.
      span: Lowest and highest value in the training set, if values were floats; None if not known.
      vocabulary: Number of token types, if examples were tokens.
      columns: Names of the features, if examples were rows of a table.
    """

    shape: tuple[int, ...]
    bytes: bool | None
    span: tuple[float, float] | None = None
    vocabulary: int | None = None
    columns: tuple[str, ...] = ()

    @classmethod
    def of(cls, data: dict[str, Any], scale: ArrayLike) -> "Inputs":
        """Returns the inputs of a network.

        Args:
          data: The field "data" of its record.
          scale: The scale of its inputs.
        """
        shape, span = tuple(data["shape"]), data.get("range")
        columns = tuple(data.get("columns", ()))
        if "vocabulary" in data:
            return cls(shape, bytes=False, vocabulary=data["vocabulary"])
        if span is not None:
            return cls(shape, bytes=False, span=(span[0], span[1]), columns=columns)
        if data["name"] != "npz" or np.all(np.asarray(scale) == np.float32(1 / 255)):
            return cls(shape, bytes=True, columns=columns)
        return cls(shape, bytes=None)  # one's own data in a record from before ranges were kept

    def checked(self, x: Any) -> np.ndarray:
        """Returns examples as the data set stores them.

        Bytes may also be given as other types of numbers, or divided by 255. Of a pandas DataFrame
        the columns of the training table are taken, by name.

        Raises:
          InputError: If the shape is another one, or the values cannot be of that data.
        """
        array = np.asarray(self._by_name(x))
        if array.shape[1:] != self.shape or not len(array):
            raise InputError(
                f"x has shape {array.shape}; allowed: (n, {', '.join(map(str, self.shape))})"
                + self._cure(array.shape)
            )
        if array.dtype.kind not in "buif":
            raise InputError(f"x is of type {array.dtype}; allowed: numbers")
        if self.vocabulary is not None:
            return self._as_tokens(array, self.vocabulary)
        present = steps_present(array)
        if not np.isfinite(array if present is None else array[present]).all():
            raise InputError("x holds values that are not finite; allowed: finite numbers")
        if self.bytes is None:
            return array
        return self._as_bytes(array) if self.bytes else self._as_floats(array)

    def _by_name(self, x: Any) -> Any:
        """Returns the columns of a data frame in the order of the training table."""
        if not self.columns or not hasattr(x, "columns"):
            return x
        if absent := [name for name in self.columns if name not in x.columns]:
            raise InputError(
                f"x has no column {', '.join(map(repr, absent[:5]))}; allowed: a table with "
                f"{', '.join(self.columns)}, in any order"
            )
        return x[list(self.columns)]

    def _cure(self, shape: tuple[int, ...]) -> str:
        if shape == self.shape:
            return "; a single example: x[None]"
        if self.shape[-1] == 1 and shape[1:] == self.shape[:-1]:
            return "; without its last axis: x[..., None]"
        return ""

    def _as_bytes(self, array: np.ndarray) -> np.ndarray:
        if array.dtype == np.uint8:
            return array
        low, high = float(array.min()), float(array.max())
        if low < 0 or high > 255:
            raise InputError(
                f"x has values from {low:g} to {high:g}, but the network was trained on bytes and "
                "scales them itself; allowed: values from 0 to 255, or those divided by 255"
            )
        if array.dtype.kind == "f":
            # As bytes, values of at most 1 would be black.
            return (array * (255 if high <= 1 else 1)).astype(np.float32)
        return array.astype(np.uint8)

    def _as_tokens(self, array: np.ndarray, vocabulary: int) -> np.ndarray:
        low, high = array.min(), array.max()
        if array.dtype.kind not in "iu" or low < -1 or high >= vocabulary:
            raise InputError(
                f"x is {array.dtype} in {low}..{high}; allowed: tokens, whole numbers in "
                f"0..{vocabulary - 1}, and -1 for padded steps"
            )
        return array.astype(np.int32)

    def _as_floats(self, array: np.ndarray) -> np.ndarray:
        assert self.span is not None
        (least, greatest), low, high = self.span, float(np.nanmin(array)), float(np.nanmax(array))
        room = _FAR * (greatest - least)
        if low < least - room or high > greatest + room:
            bytes_hint = "; bytes: x / 255" if least >= 0 and greatest <= 1 and high <= 255 else ""
            raise InputError(
                f"x has values from {low:g} to {high:g}, but the network was trained on values "
                f"from {least:g} to {greatest:g}; allowed: such values{bytes_hint}"
            )
        return array.astype(np.float32)
