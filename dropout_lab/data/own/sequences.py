"""Tokens and feature sequences with their lengths, as arrays in which padding is marked."""

from collections.abc import Sequence

import numpy as np

from dropout_lab.data.dataset import PADDING, Images
from dropout_lab.data.own.part import Part
from dropout_lab.errors import InputError


def convert(
    path: str, parts: Sequence[Part], vocabulary: int | None
) -> tuple[dict[str, Images], int | None, list[str]]:
    """Converts the sequences of all parts alike.

    Args:
      path: Path of the data, for messages.
      parts: Parts, all with tokens, (n, steps), or all with features, (n, steps, features) or (n,
        steps); shorter arrays are padded to the longest.
      vocabulary: Number of token types; None for as many as there are.

    Returns:
      The arrays by name, int32 or float32, in which padded steps are marked; the number of token
      types, None of features; and notes.

    Raises:
      InputError: If a length or token is not allowed, or the parts do not fit together.
    """
    kinds = {part.tokens for part in parts}
    if len(kinds) > 1 or (not parts[0].tokens and any(part.lengths is None for part in parts)):
        without = [part for part in parts if part.lengths is None] or parts[1:]
        raise InputError(
            f"{path}: {parts[0].x_name} holds sequences, {without[0].x_name} does not, or lacks "
            f"lengths; allowed: lengths_{without[0].name}, and the same type, in all parts"
        )
    made = {part.x_name: _marked(path, part) for part in parts}
    first, *others = (array.shape[2:] for array in made.values())
    for name, shape in zip([*made][1:], others, strict=True):
        if shape != first:
            raise InputError(
                f"{path}: a step of {parts[0].x_name} has shape {first}, of {name} {shape}; must "
                "be the same."
            )
    steps = max(array.shape[1] for array in made.values())
    arrays = {name: _padded(array, steps) for name, array in made.items()}
    if not parts[0].tokens:
        return arrays, None, [_lengths_note(arrays)]
    vocabulary = _vocabulary(path, arrays, vocabulary)
    return arrays, vocabulary, [f"{vocabulary} token types", _lengths_note(arrays)]


def _marked(path: str, part: Part) -> Images:
    """Returns a part's sequences as int32 tokens or float32 features, with padding marked."""
    what, x = f"{path}: {part.x_name}", part.x
    if part.tokens:
        if x.ndim != 2 or x.dtype.kind not in "iu" or not x.size:
            raise InputError(
                f"{what} is {x.dtype} of shape {x.shape}; tokens must be whole numbers, (n, steps)."
            )
    elif x.ndim not in (2, 3) or x.dtype.kind not in "buif" or not x.size:
        raise InputError(
            f"{what} is {x.dtype} of shape {x.shape}; sequences must be numbers, (n, steps, "
            "features), or (n, steps) of one feature."
        )
    present = _present(path, part)
    if part.tokens:
        present = present & (x != PADDING)
        _check(f"{what} has a token", x, present & (x < 0), "0 or more, or -1 for padding")
        _check(f"{what} has a token", x, present & (x > 2**31 - 1), "below 2**31")
        return np.where(present, x, PADDING).astype(np.int32)
    x = x[..., None] if x.ndim == 2 else x
    with np.errstate(over="ignore"):
        features = x.astype(np.float32)
    bad = ~np.isfinite(features) & present[..., None]
    _check(f"{what} has a feature", features, bad, "finite within its length")
    return np.where(present[..., None], features, np.float32(np.nan))


def _present(path: str, part: Part) -> np.ndarray:
    """Returns which steps are within the lengths, (n, steps)."""
    count, steps = part.x.shape[:2]
    if part.lengths is None:
        return np.ones((count, steps), bool)
    what, lengths = f"{path}: {part.lengths_name}", part.lengths
    if lengths.shape != (count,) or lengths.dtype.kind not in "iu":
        raise InputError(
            f"{what} is {lengths.dtype} of shape {lengths.shape}; must be whole numbers of shape "
            f"{(count,)}, one for each example of {part.x_name}."
        )
    outside = (lengths < 1) | (lengths > steps)
    _check(f"{what} has a length", lengths, outside, f"1 to {steps}, the steps of {part.x_name}")
    present: np.ndarray = np.arange(steps) < lengths[:, None]
    return present


def _check(what: str, values: np.ndarray, bad: np.ndarray, allowed: str) -> None:
    """Raises InputError, which names the first value, if some are bad."""
    if not bad.any():
        return
    first = tuple(int(index) for index in np.argwhere(bad)[0])
    names = zip(("example", "step", "feature"), first, strict=False)
    place = ", ".join(f"{name} {index}" for name, index in names)
    raise InputError(f"{what} of {values[first]} ({place}); allowed: {allowed}")


def _padded(array: Images, steps: int) -> Images:
    missing = [(0, 0), (0, steps - array.shape[1]), *[(0, 0)] * (array.ndim - 2)]
    filler = PADDING if array.dtype == np.int32 else np.nan
    return np.pad(array, missing, constant_values=filler)


def _vocabulary(path: str, arrays: dict[str, Images], given: int | None) -> int:
    """Returns the number of token types, after a check that all tokens are below it."""
    if given is None:
        return max(int(array.max()) for array in arrays.values()) + 1
    for name, array in arrays.items():
        _check(
            f"{path}: {name} has a token",
            array,
            array >= given,
            f"below {given}, which is config.data.vocabulary",
        )
    return given


def _lengths_note(arrays: dict[str, Images]) -> str:
    lengths = np.concatenate(
        [
            (array != PADDING if array.ndim == 2 else ~np.isnan(array).all(-1)).sum(1)
            for array in arrays.values()
        ]
    )
    return f"sequences of {lengths.min()} to {lengths.max()} steps, mean {lengths.mean():.3g}"
