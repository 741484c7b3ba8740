"""Labels of any kind, mapped to the classes 0, 1, ..."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dropout_lab.data.dataset import Labels
from dropout_lab.errors import InputError

_MAX_CLASSES = 2**16
_FEW_CLASSES = 100  # more than this many, and most examples a class of their own: no classes


@dataclasses.dataclass(frozen=True, eq=False)
class Classes:
    """The classes of own data.

    Attributes:
      ids: Labels in 0..count-1, by name of the array.
      count: Number of classes.
      names: Their names in order; empty if the labels were 0..count-1 to begin with.
      notes: What was mapped, a line each.
    """

    ids: dict[str, Labels]
    count: int
    names: tuple[str, ...]
    notes: list[str]


def convert(path: str, arrays: Mapping[str, np.ndarray]) -> Classes:
    """Maps the labels of all parts together.

    Accepts whole numbers (also as floating point), text, booleans and one-hot rows.

    Args:
      path: Path of the data, for messages.
      arrays: The labels of each part, by name of the array.

    Raises:
      InputError: If they are not classes.
    """
    values, notes, width = {}, [], 0
    for name, array in arrays.items():
        what = f"{path}: {name}"
        values[name] = array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array
        if values[name].ndim == 2:
            values[name] = _of_rows(what, array)
            width = max(width, array.shape[1])
            notes.append(f"{name}: one-hot rows of {array.shape[1]} became class numbers")
        values[name] = _checked(what, values[name])
    kinds = {array.dtype.kind for array in values.values()}
    if len(kinds) > 1:
        types = ", ".join(f"{name} {array.dtype}" for name, array in arrays.items())
        raise InputError(f"{path}: labels of different types ({types}); must be alike.")
    whole = np.concatenate([*values.values()])
    distinct = np.unique(whole)
    _check_count(path, next(iter(arrays)), distinct, len(whole))
    count = max(width, len(distinct))
    if kinds == {"i"} and (width or np.array_equal(distinct, np.arange(count))):
        ids = {name: array.astype(np.int32) for name, array in values.items()}
        return Classes(ids, count, (), notes)
    order = np.arange(count)
    if kinds == {"U"} and all(text.isdecimal() for text in distinct.tolist()):
        order = np.argsort([int(text) for text in distinct.tolist()], kind="stable")
    rank = np.argsort(order)
    ids = {n: rank[np.searchsorted(distinct, y)].astype(np.int32) for n, y in values.items()}
    names = tuple(str(value) for value in distinct[order].tolist())
    notes.append(f"labels {listed(distinct[order].tolist())} became 0..{count - 1}")
    return Classes(ids, count, names, notes)


def listed(values: Sequence[Any], most: int = 5) -> str:
    """Returns values as text, at most the first ``most`` of them.

    >>> listed(["cat", 7])
    "'cat', 7"
    >>> listed(range(9), most=3)
    '0, 1, 2 and 6 more'
    """
    more = f" and {len(values) - most} more" if len(values) > most else ""
    return ", ".join(map(repr, values[:most])) + more


def _of_rows(what: str, array: np.ndarray) -> np.ndarray:
    """Returns the class numbers of one-hot rows."""
    if array.dtype.kind not in "buif":
        raise InputError(
            f"{what} has shape {array.shape}; must be {array.shape[:1]}, one label per example."
        )
    sums = array.sum(1, dtype=np.float64)
    if np.isin(array, (0, 1)).all():
        if (sums == 1).all():
            return np.argmax(array, 1)
        raise InputError(
            f"{what} marks {sums.min():g} to {sums.max():g} classes per example; dropout_lab is "
            "for classification with exactly one."
        )
    if (array >= 0).all() and np.allclose(sums, 1, atol=1e-3):
        raise InputError(
            f"{what} holds probabilities of {array.shape[1]} classes; save the likeliest class, "
            "y.argmax(1)."
        )
    raise InputError(
        f"{what} has shape {array.shape}; must be {array.shape[:1]}, one label per example, or "
        "one-hot rows: dropout_lab is for classification only."
    )


def _checked(what: str, array: np.ndarray) -> np.ndarray:
    """Returns labels as int64, bool or text, or raises InputError."""
    if array.ndim != 1:
        raise InputError(f"{what} has shape {array.shape}; must be (n,), one label per example.")
    kind = array.dtype.kind
    if kind == "S":
        array = np.char.decode(array, "utf-8", "replace")
    if kind in "SU":
        missing = np.isin(array, ("", "nan"))
        return _without_missing(what, missing, array)
    if kind == "f":
        array = _without_missing(what, np.isnan(array), array)
        if np.isinf(array).any() or (array != np.floor(array)).any():
            raise InputError(
                f"{what} has {len(np.unique(array))} different values that are not whole numbers: "
                "dropout_lab is for classification only, not for regression. Cut them into "
                "classes with np.digitize, or, if each value is a class, save "
                "np.unique(y, return_inverse=True)[1]."
            )
    if kind in "iuf":
        if len(array) and not -(2**62) < float(array.min()) <= float(array.max()) < 2**62:
            raise InputError(f"{what} has labels up to {array.max():g}; must be class numbers.")
        return array.astype(np.int64)
    if kind != "b":
        raise InputError(f"{what} is {array.dtype}; labels must be numbers, text or booleans.")
    return array


def _without_missing(what: str, missing: np.ndarray, array: np.ndarray) -> np.ndarray:
    """Returns labels, or raises InputError if some are missing."""
    if count := np.count_nonzero(missing):
        raise InputError(
            f"{what} lacks {count} of {len(array)} labels, the first in example "
            f"{int(np.argmax(missing))}; drop those examples."
        )
    return array


def _check_count(path: str, name: str, distinct: np.ndarray, examples: int) -> None:
    """Raises InputError if the labels are so many that they can be no classes."""
    count = len(distinct)
    if count > _MAX_CLASSES or (count > _FEW_CLASSES and 2 * count > examples):
        raise InputError(
            f"{path}: {name} (all parts) has {count} different labels for {examples} examples; "
            "dropout_lab is for classification only, not for regression: cut numbers into classes "
            "with np.digitize."
        )
