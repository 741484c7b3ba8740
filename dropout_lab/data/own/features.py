"""Features of any numeric type, brought to bytes or float32; images to (n, height, width, c)."""

from collections.abc import Mapping

import numpy as np

from dropout_lab.data.dataset import Images
from dropout_lab.errors import InputError

_DARK = 64  # whole numbers that stay below this are not taken for the bytes of pixels
_CHANNELS = (1, 3, 4)
_EXACT = 2**24  # float32 holds every whole number up to this


def convert(path: str, arrays: Mapping[str, np.ndarray]) -> tuple[dict[str, Images], list[str]]:
    """Converts the features of all parts alike.

    Whole numbers in 0..255 become bytes if they look like pixels (the largest is 64 or more);
    images with fractional values in 0..255 are divided by 255. Everything else becomes float32.

    Args:
      path: Path of the data, for messages.
      arrays: The features of each part, by name of the array.

    Returns:
      The same arrays, uint8 or float32, and a note for each conversion.

    Raises:
      InputError: If they are not numbers, not finite, or the parts do not fit together.
    """
    for name, array in arrays.items():
        _check(f"{path}: {name}", array)
    (first, sample), *others = arrays.items()
    for name, array in others:
        if array.shape[1:] != sample.shape[1:]:
            raise InputError(
                f"{path}: {first} has examples of shape {sample.shape[1:]}, {name} of "
                f"{array.shape[1:]}; they must be the same."
            )
    laid_out, notes = _laid_out(arrays)
    converted, more = _typed(path, laid_out)
    return converted, notes + more


def _check(what: str, array: np.ndarray) -> None:
    """Raises InputError unless an array holds finite numbers, one row or more."""
    kind = array.dtype.kind
    if kind not in "buif":
        cure = {
            "U": "; encode text as numbers",
            "S": "; encode text as numbers",
            "c": "; save real and imaginary parts side by side",
            "M": "; save dates as numbers, such as days since the first",
        }.get(kind, "")
        raise InputError(f"{what} is {array.dtype}; must be numbers{cure}.")
    if array.ndim < 2 or array.size == 0:
        cure = f": a single feature has shape ({len(array)}, 1)" if array.ndim == 1 else ""
        raise InputError(
            f"{what} has shape {array.shape}; must be (n, ...), rank >= 2, not empty{cure}."
        )
    if kind == "f":
        with np.errstate(over="ignore"):
            bad = ~np.isfinite(array.astype(np.float32))
        if count := np.count_nonzero(bad):
            example = int(np.argmax(bad.reshape(len(array), -1).any(1)))
            raise InputError(
                f"{what} has {count} values that are not finite as float32, the first in example "
                f"{example}: NaN, infinite or too large; drop those examples or fill them in."
            )


def _laid_out(arrays: Mapping[str, np.ndarray]) -> tuple[dict[str, np.ndarray], list[str]]:
    """Returns images as (n, height, width, channels); other arrays as they are."""
    shape = next(iter(arrays.values())).shape[1:]
    if len(shape) == 2:
        note = f"images of shape {shape} became {(*shape, 1)}: height, width, one channel"
        return {name: array[..., None] for name, array in arrays.items()}, [note]
    if (
        len(shape) == 3
        and shape[0] in _CHANNELS
        and shape[2] not in _CHANNELS
        and shape[1] >= shape[0] <= shape[2]
    ):
        note = f"images of shape {shape}, channels first, became {(*shape[1:], shape[0])}"
        return {name: np.moveaxis(array, 1, -1) for name, array in arrays.items()}, [note]
    return dict(arrays), []


def _typed(path: str, arrays: Mapping[str, np.ndarray]) -> tuple[dict[str, Images], list[str]]:
    ranges = {name: (float(array.min()), float(array.max())) for name, array in arrays.items()}
    low = min(lower for lower, _ in ranges.values())
    high = max(upper for _, upper in ranges.values())
    types = sorted({str(array.dtype) for array in arrays.values()})
    of_type, span = f"{' and '.join(types)} values", f"{low:g}..{high:g}"
    looks_like_bytes = low >= 0 and _DARK <= high <= 255
    _check_alike(path, arrays, ranges)
    if types == ["uint8"]:
        notes = []
        if 0 < high < _DARK:
            notes = [f"bytes in {span}: scaling 'unit' divides by 255, so {high / 255:.2g} is left"]
        return {name: np.ascontiguousarray(array) for name, array in arrays.items()}, notes
    if looks_like_bytes and all(_whole(array) for array in arrays.values()):
        note = f"{of_type}, whole numbers in {span}, became bytes"
        return {name: array.astype(np.uint8, order="C") for name, array in arrays.items()}, [note]
    kinds = {array.dtype.kind == "f" for array in arrays.values()}
    if len(kinds) > 1:
        types_of = " but ".join(f"{name} is {array.dtype}" for name, array in arrays.items())
        raise InputError(f"{path}: {types_of}; save all parts in one type.")
    as_float = {name: array.astype(np.float32, order="C") for name, array in arrays.items()}
    if looks_like_bytes and next(iter(arrays.values())).ndim > 2:
        divided = {name: array / np.float32(255) for name, array in as_float.items()}
        return divided, [f"{of_type} in {span} were divided by 255"]
    if kinds == {True}:
        return as_float, []
    if max(-low, high) > _EXACT:
        raise InputError(
            f"{path}: {of_type} in {span} are not exact as float32; save them scaled, as floating "
            "point."
        )
    return as_float, [f"{of_type} in {span} became float32"]


def _whole(array: np.ndarray) -> bool:
    return array.dtype.kind != "f" or bool((array == np.floor(array)).all())


def _check_alike(
    path: str, arrays: Mapping[str, np.ndarray], ranges: Mapping[str, tuple[float, float]]
) -> None:
    """Raises InputError if one part is in 0..255 and another has been scaled."""
    small = [name for name, (low, high) in ranges.items() if low >= -1 and high <= 1]
    large = [name for name, (_, high) in ranges.items() if high >= _DARK]
    scaled = [name for name in small if arrays[name].dtype.kind == "f" and arrays[name].any()]
    if scaled and large:
        spans = ", ".join(f"{name} in {low:g}..{high:g}" for name, (low, high) in ranges.items())
        raise InputError(f"{path}: {spans}; scale all parts alike.")
