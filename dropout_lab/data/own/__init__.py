"""The user's own data (arrays, tables, images, text) in the form of a published data set."""

from dropout_lab.data.own import image_folder, npz, table, text
from dropout_lab.data.own.parts import OwnData, assemble
from dropout_lab.data.own.tokens import TOKENS
from dropout_lab.errors import InputError
from dropout_lab.system.files import expanded

TEXT = ("text_lines", "text")
FORMATS: tuple[str, ...] = ("npz", "table", "image_folder", *TEXT)

__all__ = ["FORMATS", "TEXT", "TOKENS", "OwnData", "load"]


def load(
    name: str,
    path: str,
    *,
    arrays: str | None = None,
    label: str | None = None,
    vocabulary: int | None = None,
    tokens: str | None = None,
    window: int | None = None,
) -> OwnData:
    """Reads own data.

    Args:
      name: One of ``FORMATS``.
      path: Its file or folder; ``~`` and environment variables are expanded.
      arrays: For "npz": names of the arrays, as :func:`npz.read` describes; None for usual names.
      label: For "table": the column of the labels; None for a usual name.
      vocabulary: Of tokens: number of token types; None for as many as there are.
      tokens: Of text: how it is cut, a name in ``tokens.TOKENS``; None for words.
      window: Of text: tokens in a window, or of a line at most; None for 35, or all of a line.

    Raises:
      InputError: If the data cannot be read or understood.
    """
    place = expanded(path)
    try:
        if name in TEXT:
            read = text.read_lines if name == "text_lines" else text.read_stream
            return read(place, tokens=tokens or "words", vocabulary=vocabulary, window=window)
        if name == "npz":
            parts, notes = npz.read(place, arrays, vocabulary)
        elif name == "table":
            parts, notes = table.read(place, label)
        else:
            parts, notes = image_folder.read(place)
    except OSError as error:
        raise InputError(f"{error.filename or place} cannot be read: {error.strerror}.") from error
    return assemble(str(place), parts, notes, vocabulary=vocabulary)
