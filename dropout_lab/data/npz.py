"""One's own arrays, from an .npz file."""

import numpy as np

from dropout_lab.data.dataset import Images, Labels, Official, Split, canonical
from dropout_lab.errors import InputError

_KEYS = ("x_train", "y_train", "x_test", "y_test")
_MAX_CLASSES = 2**16


def load(path: str) -> tuple[Official, int]:
    """Reads ``x_train``, ``y_train``, ``x_test`` and ``y_test``.

    Args:
      path: the file. Features are uint8 or floating point (read as float32), (n, ...) with the
        same shape in both parts; labels are integers 0, 1, ... of shape (n,).

    Returns:
      Both parts in canonical order, and the number of classes: one more than the largest label.

    Raises:
      InputError: the file cannot be read, or an array is missing or not as described.
    """
    arrays = _read(path)
    train = _split(path, arrays, "train")
    test = _split(path, arrays, "test")
    if train.images.shape[1:] != test.images.shape[1:]:
        raise InputError(
            f"{path}: x_train has examples of shape {train.images.shape[1:]}, x_test of "
            f"{test.images.shape[1:]}; they must be the same."
        )
    if train.images.dtype != test.images.dtype:
        raise InputError(
            f"{path}: x_train is {arrays['x_train'].dtype} but x_test {arrays['x_test'].dtype}; "
            "both must be uint8 or both floating point."
        )
    classes = 1 + max(int(train.labels.max()), int(test.labels.max()))
    return Official(canonical(train), canonical(test)), classes


def _read(path: str) -> dict[str, np.ndarray]:
    try:
        with open(path, "rb") as file:  # np.load would leave a damaged one open
            archive = np.load(file, allow_pickle=False)
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise InputError(f"{path}: a bare array; an .npz of data needs {', '.join(_KEYS)}.")
            if missing := [key for key in _KEYS if key not in archive]:
                raise InputError(
                    f"{path}: no array {', '.join(missing)}; an .npz of data needs "
                    f"{', '.join(_KEYS)}."
                )
            return {key: archive[key] for key in _KEYS}
    except InputError:  # is a ValueError
        raise
    except Exception as error:  # of many types: any byte of the file may be anything
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: not a readable .npz file of plain arrays ({reason}).") from error


def _split(path: str, arrays: dict[str, np.ndarray], part: str) -> Split:
    return Split(
        _features(f"{path}: x_{part}", arrays[f"x_{part}"]),
        _labels(f"{path}: y_{part}", arrays[f"y_{part}"], count=len(arrays[f"x_{part}"])),
    )


def _features(what: str, array: np.ndarray) -> Images:
    if array.ndim < 2 or array.size == 0:
        raise InputError(f"{what} has shape {array.shape}; must be (n, ...), rank >= 2, not empty.")
    if array.dtype == np.uint8:
        return array
    if not np.issubdtype(array.dtype, np.floating):
        raise InputError(f"{what} is {array.dtype}; must be uint8 or floating point.")
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes inf and is refused below
        array = array.astype(np.float32)
    if bad := np.count_nonzero(~np.isfinite(array)):
        raise InputError(f"{what} has {bad} values that are not finite as float32.")
    return array


def _labels(what: str, array: np.ndarray, *, count: int) -> Labels:
    if not np.issubdtype(array.dtype, np.integer):
        raise InputError(f"{what} is {array.dtype}; labels must be integers.")
    if array.shape != (count,):
        raise InputError(f"{what} has shape {array.shape}; must be {(count,)}, one per x.")
    low, high = array.min(), array.max()
    if low < 0 or high >= _MAX_CLASSES:
        raise InputError(f"{what} has labels {low}..{high}; must be in 0..{_MAX_CLASSES - 1}.")
    return array.astype(np.int32)
