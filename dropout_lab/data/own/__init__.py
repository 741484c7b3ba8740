"""The user's own data (arrays, tables, image folders) in the form of a published data set."""

from dropout_lab.data.own import image_folder, npz, table
from dropout_lab.data.own.parts import OwnData, assemble
from dropout_lab.errors import InputError
from dropout_lab.system.files import expanded

FORMATS: tuple[str, ...] = ("npz", "table", "image_folder")

__all__ = ["FORMATS", "OwnData", "load"]


def load(
    name: str,
    path: str,
    *,
    arrays: str | None = None,
    label: str | None = None,
    vocabulary: int | None = None,
) -> OwnData:
    """Reads own data.

    Args:
      name: One of ``FORMATS``.
      path: Its file or folder; ``~`` and environment variables are expanded.
      arrays: For "npz": names of the arrays, as :func:`npz.read` describes; None for usual names.
      label: For "table": the column of the labels; None for a usual name.
      vocabulary: For "npz" with tokens: number of token types; None for as many as there are.

    Raises:
      InputError: If the data cannot be read or understood.
    """
    place = expanded(path)
    try:
        if name == "npz":
            parts, notes = npz.read(place, arrays, vocabulary)
        elif name == "table":
            parts, notes = table.read(place, label)
        else:
            parts, notes = image_folder.read(place)
    except OSError as error:
        raise InputError(f"{error.filename or place} cannot be read: {error.strerror}.") from error
    return assemble(str(place), parts, notes, vocabulary=vocabulary)
