"""Arrays of an .npz file, found by usual names or by names given."""

import zipfile
from pathlib import Path

import numpy as np

from dropout_lab.data.own import file_kind
from dropout_lab.data.own.names import array_role
from dropout_lab.data.own.part import Part
from dropout_lab.errors import InputError

Headers = dict[str, tuple[tuple[int, ...], np.dtype]]
"""Shape and type of each array of a file."""

_PARTS = ("train", "test", "val")
_USUAL = "x_train, y_train, x_test, y_test"


def read(path: Path, names: str | None, vocabulary: int | None) -> tuple[list[Part], list[str]]:
    """Reads features and labels of a training part, and of test and validation parts if any.

    Arrays such as lengths_train say that examples are sequences. Whole numbers, (n, steps), are
    tokens if there are lengths or a vocabulary, or the array's name says so.

    Args:
      path: The file.
      names: Names of the arrays, separated by commas: features and labels of the training part,
        then of the test part, then of the validation part; the last two may be left out. None
        for usual names, such as x_train and y_train, or data and target.
      vocabulary: Number of token types, if examples are tokens and it is given.

    Returns:
      The parts, and a note of the names that were chosen unless they are x_train and so on.

    Raises:
      InputError: If the file cannot be read, or an array is not there or holds objects.
    """
    file_kind.check(path, "npz")
    try:
        with zipfile.ZipFile(path) as archive:
            headers = {
                name.removesuffix(".npy"): _header(archive, name)
                for name in archive.namelist()
                if name.endswith(".npy")
            }
            chosen = _named(path, names, headers) if names is not None else _usual(path, headers)
            for x, y in chosen.values():
                _check_plain(path, x, headers[x][1], f"np.stack({x}) for rows of one length")
                _check_plain(path, y, headers[y][1], f"{y}.astype(str)")
            lengths = {part: _lengths(headers, part) for part in chosen}
            read = [*(name for pair in chosen.values() for name in pair), *lengths.values()]
            arrays = {name: _array(archive, name) for name in read if name}
    except InputError:  # is a ValueError
        raise
    except Exception as error:  # zipfile, zlib and NumPy raise anything on damaged files
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise InputError(f"{path}: not a readable .npz file ({reason}); save it again.") from error
    parts = [
        Part(
            part,
            arrays[x],
            arrays[y],
            x,
            y,
            tokens=_are_tokens(x, arrays[x], lengths[part], vocabulary),
            lengths=arrays[lengths[part]] if lengths[part] else None,
            lengths_name=lengths[part],
        )
        for part, (x, y) in chosen.items()
    ]
    listed = ", ".join(name for pair in chosen.values() for name in pair)
    usual = all(pair == (f"x_{part}", f"y_{part}") for part, pair in chosen.items())
    return parts, [] if usual else [f"arrays read: {listed}"]


def _header(archive: zipfile.ZipFile, name: str) -> tuple[tuple[int, ...], np.dtype]:
    """Returns the shape and type of an array without reading it."""
    with archive.open(name) as file:
        if np.lib.format.read_magic(file) == (1, 0):
            shape, _, dtype = np.lib.format.read_array_header_1_0(file)
        else:
            shape, _, dtype = np.lib.format.read_array_header_2_0(file)
    return shape, dtype


def _array(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    with archive.open(f"{name}.npy") as file:
        return np.asarray(np.lib.format.read_array(file, allow_pickle=False))


def _named(path: Path, listed: str, headers: Headers) -> dict[str, tuple[str, str]]:
    """Returns the arrays of each part that are named, separated by commas."""
    names = [name.strip() for name in listed.split(",")]
    if len(names) not in (2, 4, 6) or not all(names):
        raise InputError(
            f"config.data.arrays is {listed!r}; allowed: two, four or six names, separated by "
            "commas: features and labels of the training, the test and the validation part"
        )
    if absent := [name for name in names if name not in headers]:
        raise InputError(f"{path}: no array {', '.join(absent)}; {_listing(headers)}.")
    pairs = zip(names[::2], names[1::2], strict=True)
    return dict(zip(_PARTS, pairs, strict=False))


def _usual(path: Path, headers: Headers) -> dict[str, tuple[str, str]]:
    """Returns the arrays of each part, by usual names."""
    roles: dict[tuple[str, str], list[str]] = {}
    for name in headers:
        if role := array_role(name):
            roles.setdefault(role, []).append(name)
    cure = f"{_listing(headers)}; config.data.arrays names those to read, in the order {_USUAL}"
    chosen = {}
    for part in _PARTS:
        pair, absent = [], []
        for kind in "xy":
            names = roles.get((part, kind)) or (part == "train" and roles.get(("", kind))) or []
            own = f"{kind}_{part}"
            if len(names) > 1 and own not in names:
                raise InputError(f"{path}: which of {', '.join(names)} to read? {cure}.")
            pair += [own] if own in names else names
            absent += [] if names else [own]
        if not absent:
            chosen[part] = (pair[0], pair[1])
        elif pair or part == "train":
            raise InputError(f"{path}: no array {', '.join(absent)}; {cure}.")
    return chosen


def _lengths(headers: Headers, part: str) -> str:
    """Returns the name of the lengths of a part's sequences; empty if it has none."""
    roles = {array_role(name): name for name in headers}
    return roles.get((part, "lengths")) or (
        roles.get(("", "lengths"), "") if part == "train" else ""
    )


def _are_tokens(name: str, x: np.ndarray, lengths: str, vocabulary: int | None) -> bool:
    if vocabulary is not None or "token" in name.lower():
        return True
    return bool(lengths) and x.ndim == 2 and x.dtype.kind in "iu"


def _listing(headers: Headers) -> str:
    arrays = [f"{name} {shape} {dtype}" for name, (shape, dtype) in headers.items()]
    more = f" and {len(arrays) - 12} more" if len(arrays) > 12 else ""
    return f"it holds {', '.join(arrays[:12]) or 'no array'}{more}"


def _check_plain(path: Path, name: str, dtype: np.dtype, cure: str) -> None:
    """Raises InputError if an array holds Python objects."""
    if dtype.hasobject:
        raise InputError(
            f"{path}: {name} holds Python objects; those are stored as a pickle, which can run "
            f"code, so they are not loaded. Save it in a plain type, such as {cure}."
        )
