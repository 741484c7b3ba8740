"""Kinds of files, told by their first bytes, and what to do with one of another kind."""

import os
import re
import zipfile
from pathlib import Path
from typing import NamedTuple

from dropout_lab.errors import InputError


class Kind(NamedTuple):
    """A kind of file.

    Attributes:
      name: What it is, to follow "is".
      cure: What to do to read it.
      format: The ``config.data.name`` that reads it; empty if none does.
    """

    name: str
    cure: str
    format: str = ""


_SAVE = "then save its arrays with np.savez(PATH, x_train=..., y_train=...)"
_TABLE = Kind("a table", "set config.data.name to 'table'", "table")
_NPZ = Kind("an .npz", "set config.data.name to 'npz'", "npz")
_IMAGE = Kind("a single image", "'image_folder' reads a folder with a folder of images per class")
_GZIP = Kind("compressed by gzip", "unpack it first with gunzip", "gzip")
_BINARY = Kind("of a kind that is not recognised", f"open it in Python, {_SAVE}")
_PICKLE = Kind(
    "a pickle", f"a pickle can run code, so none is loaded here: open it yourself, {_SAVE}"
)
_STARTS = {
    b"\x1f\x8b": _GZIP,
    b"\x93NUMPY": Kind("a bare array (.npy)", "save it with its labels in one .npz by np.savez"),
    b"\x89HDF": Kind("an HDF5 file", f"open it with h5py, {_SAVE}"),
    b"MATLAB 5": Kind("a MATLAB file", f"open it with scipy.io.loadmat, {_SAVE}"),
    b"PAR1": _TABLE,
    b"SQLite": Kind("an SQLite database", "save a table of it as CSV"),
    b"\x89PNG": _IMAGE,
    b"\xff\xd8\xff": _IMAGE,
    b"GIF8": _IMAGE,
    b"BZh": Kind("compressed by bzip2", "unpack it first with bunzip2"),
    b"\xfd7zXZ": Kind("compressed by xz", "unpack it first with unxz"),
    **{bytes([0x80, protocol]): _PICKLE for protocol in range(2, 6)},
}


def check(path: Path, *formats: str) -> str:
    """Returns which of ``formats`` a file has.

    Raises:
      InputError: If it cannot be read, or is none of them; says what it is and what to do.
    """
    kind = _kind(path)
    if kind.format not in formats:
        raise InputError(f"{path} is {kind.name}, not {_WANTED[formats[0]]}: {kind.cure}.")
    return kind.format


_WANTED = {"npz": "an .npz of arrays", "table": "a table (CSV or parquet)"}


def missing(path: Path) -> InputError:
    """Returns the error for a path that does not exist, or names a variable that is not set."""
    if unset := re.search(r"\$\{?(\w+)", str(path)):
        return InputError(
            f"{path}: the environment variable {unset[1]} is not set; allowed: a folder in it, or "
            "a path without it"
        )
    above = next(folder for folder in path.absolute().parents if os.path.isdir(folder))
    here = f"in {above} there are {_some(above)}" if os.access(above, os.R_OK) else ""
    return InputError(f"{path} does not exist; {here or 'name a file that does'}.")


def _some(folder: Path) -> str:
    names = sorted(name for name in os.listdir(folder) if not name.startswith("."))
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more if names else "no files"


def _kind(path: Path) -> Kind:
    if not os.path.exists(path):
        raise missing(path)
    if os.path.isdir(path):
        return Kind("a folder", "'image_folder' reads one, with a folder of images per class")
    try:
        with path.open("rb") as file:
            start = file.read(4096)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from error
    if not start:
        return Kind("empty", "copy or save it again")
    for magic, kind in _STARTS.items():
        if start.startswith(magic):
            return kind
    if start.startswith(b"PK"):
        return _zip_kind(path)
    return _TABLE if _is_text(start) else _BINARY


def _zip_kind(path: Path) -> Kind:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except Exception:  # a damaged one, for the reader to say
        return _NPZ
    if any(name.endswith(".npy") for name in names) or not names:
        return _NPZ
    if any(name.endswith("/data.pkl") for name in names):
        return Kind("a PyTorch file", f"open it with torch.load, {_SAVE}")
    if "[Content_Types].xml" in names:
        return Kind("a spreadsheet", "save its sheet as CSV")
    return Kind("a zip archive", "unpack it first with unzip")


def _is_text(start: bytes) -> bool:
    try:
        text = start.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if error.start < len(start) - 3:  # not just a character cut at the end
            return False
        text = start[: error.start].decode("utf-8-sig")
    return all(character.isprintable() or character in "\t\r\n" for character in text)
