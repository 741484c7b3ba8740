"""Tables of numbers with a column of labels, CSV or parquet, read by pandas."""

from __future__ import annotations

import csv
import gzip
import io
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dropout_lab.data.own import file_kind
from dropout_lab.data.own.names import is_label, part_of
from dropout_lab.data.own.part import Part
from dropout_lab.errors import InputError, unknown

if TYPE_CHECKING:
    import pandas as pd

_SUFFIXES = (".csv", ".tsv", ".txt", ".data", ".gz", ".parquet")


def read(path: Path, label: str | None) -> tuple[list[Part], list[str]]:
    """Reads a table, or a folder with the tables train, test and val (the last two may be absent).

    Args:
      path: The file or folder. CSV has commas, semicolons or tabs, and may be gzipped; without a
        header line columns are named "0", "1", ...
      label: The column of the labels; None for the one that has a usual name, such as "label". All
        other columns are features.

    Raises:
      InputError: If pandas is missing, a file cannot be read, or a column is absent, incomplete or
        not numeric.
    """
    files = _files(path)
    frames, notes = {}, []
    for part, file in files.items():
        frames[part], more = _frame(file)
        notes += more
    train = frames["train"]
    if label is None:
        label = _label_column(path, list(train.columns))
        notes.append(f"labels: column {label!r}")
    elif label not in train.columns:
        raise unknown(f"column of {path} (config.data.label)", label, train.columns)
    rows = _row_numbers(train, label)
    if rows:
        notes.append(f"left out: column {', '.join(map(repr, rows))}, which numbers the rows")
    columns = [name for name in train.columns if name != label and name not in rows]
    if not columns:
        raise InputError(f"{path}: no column besides {label!r}; a table needs features too.")
    parts = []
    for part, frame in frames.items():
        file = files[part]
        if absent := [name for name in (label, *columns) if name not in frame.columns]:
            cure = "name the training file alone to have a test part held out from it"
            raise InputError(f"{file}: no column {', '.join(map(repr, absent[:5]))}; {cure}.")
        x, y = _features(file, frame[columns]), _labels(file, frame[label])
        where = "" if len(files) == 1 else f"{file.name}: "
        parts.append(
            Part(
                part,
                x,
                y,
                f"{where}columns of features",
                f"{where}column {label!r}",
                columns=tuple(columns),
            )
        )
    return parts, notes


def _files(path: Path) -> dict[str, Path]:
    """Returns the file of each part."""
    if not path.is_dir():
        return {"train": path}
    files: dict[str, Path] = {}
    for file in sorted(path.iterdir()):
        part = part_of(file.name.split(".")[0])
        if part and file.suffix in _SUFFIXES:
            if part in files:
                raise InputError(f"{path}: both {files[part].name} and {file.name}; name one file.")
            files[part] = file
    if "train" not in files:
        names = ", ".join(sorted(file.name for file in path.iterdir())[:8])
        raise InputError(
            f"{path}: a folder without train.csv; name a file, or a folder with train.csv and "
            f"test.csv (it holds {names or 'nothing'})."
        )
    return files


def _frame(path: Path) -> tuple[pd.DataFrame, list[str]]:
    """Returns a file's table, with text for names of columns, and notes."""
    file_kind.check(path, "table", "gzip")
    try:
        import pandas as pd
    except ImportError as error:
        raise InputError(
            f"{path}: reading tables needs pandas: pip install 'dropout_lab[pandas]'; or "
            "save arrays with np.savez and set config.data.name to 'npz'."
        ) from error
    notes: list[str] = []
    try:
        content = path.read_bytes()
        if content.startswith(b"\x1f\x8b"):
            content = gzip.decompress(content)
        if content.startswith(b"PAR1"):
            frame = pd.read_parquet(io.BytesIO(content))
        else:
            frame, notes = _read_csv(content)
    except InputError:
        raise
    except ImportError as error:
        raise InputError(
            f"{path}: pandas reads parquet with pyarrow: pip install pyarrow; or save CSV."
        ) from error
    except Exception as error:  # pandas and pyarrow raise anything on damaged files
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise InputError(f"{path}: not a readable table ({reason}); save it again.") from error
    frame.columns = [str(name) for name in frame.columns]
    if frame.empty:
        raise InputError(f"{path}: a table of shape {frame.shape}; must have rows and columns.")
    if not frame.columns.is_unique:
        raise InputError(f"{path}: several columns have the same name; rename them.")
    return frame, notes


def _read_csv(content: bytes) -> tuple[pd.DataFrame, list[str]]:
    import pandas as pd

    first = content.split(b"\n", 1)[0].decode("utf-8-sig")
    separator = max(",;\t", key=first.count)
    names = next(csv.reader([first], delimiter=separator), [])
    header = _is_header(names)
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)  # values that it would drop
        frame = pd.read_csv(
            io.BytesIO(content),
            sep=separator,
            header=0 if header else None,
            index_col=False,
            low_memory=False,
            encoding="utf-8-sig",
        )
    notes = [] if header else [f"no header line: columns are called '0' to '{len(names) - 1}'"]
    return frame, notes


def _is_header(names: list[str]) -> bool:
    """Returns whether the first line names columns, rather than being an example."""
    numbers = []
    for name in names:
        try:
            numbers.append(float(name))
        except ValueError:
            continue
    counted = [numbers[0] + step for step in range(len(numbers))] if numbers else []
    return 2 * len(numbers) < len(names) or (len(numbers) > 1 and numbers == counted)


def _label_column(path: Path, columns: list[str]) -> str:
    usual = [name for name in columns if is_label(name)]
    if len(usual) == 1:
        return usual[0]
    more = f" and {len(columns) - 12} more" if len(columns) > 12 else ""
    raise InputError(
        f"{path}: which column holds the labels? config.data.label names it; columns: "
        f"{', '.join(columns[:12])}{more}."
    )


def _row_numbers(frame: pd.DataFrame, label: str) -> list[str]:
    """Returns the columns that number the rows, as an index that was saved does."""
    names = []
    for name in frame.columns:
        if name != label and name.lower() in ("unnamed: 0", "id", "index"):
            values = frame[name].to_numpy()
            if values.dtype.kind in "iu" and (np.diff(values) == 1).all():
                names.append(name)
    return names


def _features(path: Path, frame: pd.DataFrame) -> np.ndarray:
    from pandas.api import types

    text = [name for name in frame if not types.is_numeric_dtype(frame[name])]
    if text:
        raise InputError(f"{path}: {_not_numbers(frame[text[0]])} ({len(text)} such columns).")
    missing = frame.isna().sum()
    if missing.any():
        columns = ", ".join(f"{name!r} ({count})" for name, count in missing[missing > 0].items())
        raise InputError(
            f"{path}: values are missing in columns {columns[:200]}; fill them in or drop those "
            "rows, e.g. with DataFrame.dropna()."
        )
    whole = all(
        types.is_integer_dtype(dtype) or types.is_bool_dtype(dtype) for dtype in frame.dtypes
    )
    return frame.to_numpy(np.int64 if whole else np.float64)


def _not_numbers(column: pd.Series) -> str:
    """Returns what is no number in a column of text, and the cure."""
    import pandas as pd

    column = column.reset_index(drop=True)
    wrong = column[column.notna() & pd.to_numeric(column, errors="coerce").isna()]
    if wrong.empty:  # numbers written as text, or dates
        wrong = column
    text = wrong.astype(str)
    where = f"{text.iloc[0][:40]!r} in row {wrong.index[0] + 1}"
    of = f"column {column.name!r} holds {where}, not a number"
    if text.str.fullmatch(r"[+-]?\d*,\d+").all():
        return f"{of}; write decimals with a point, e.g. read it with pandas.read_csv(decimal=',')"
    if 10 * len(wrong) <= len(column):
        return f"{of} ({len(wrong)} such values); correct them, or drop those rows"
    return f"{of}; encode it as numbers, e.g. with pandas.get_dummies, or leave it out"


def _labels(path: Path, column: pd.Series) -> np.ndarray:
    from pandas.api import types

    if missing := int(column.isna().sum()):
        raise InputError(
            f"{path}: column {column.name!r} lacks {missing} of {len(column)} labels; drop those "
            "rows, e.g. with DataFrame.dropna()."
        )
    if isinstance(column.dtype, types.CategoricalDtype):
        column = column.astype(column.cat.categories.dtype)
    if types.is_bool_dtype(column.dtype):
        return column.to_numpy(bool)
    if types.is_integer_dtype(column.dtype):
        return column.to_numpy(np.int64)
    if types.is_float_dtype(column.dtype):
        return column.to_numpy(np.float64)
    return np.array([str(value) for value in column], dtype=str)
