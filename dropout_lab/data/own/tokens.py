"""Tokens of text: reading files, cutting lines into tokens, and the vocabulary."""

import codecs
import collections
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from dropout_lab.data.own import file_kind
from dropout_lab.data.own.names import part_of
from dropout_lab.errors import InputError, shown

UNKNOWN, END = "<unk>", "<eos>"
"""The token of words outside the vocabulary, and that of the end of a line."""

_WORD = re.compile(r"[^\W_]+(?:['\N{RIGHT SINGLE QUOTATION MARK}][^\W_]+)*|[^\s\w]|_")

TOKENS = ("words", "spaced", "characters")
"""Ways to cut text; see :func:`cut`."""


def cut(text: str, tokens: str) -> list[str]:
    """Returns the tokens of a line.

    >>> cut("Let there be light: and", "words"), cut("mr. <unk> 's", "spaced")
    (['let', 'there', 'be', 'light', ':', 'and'], ['mr.', '<unk>', "'s"])

    Args:
      text: The line.
      tokens: "words": words in lower case, and marks of punctuation; "spaced": what white space
        separates, for text that was cut before; "characters".
    """
    if tokens == "words":
        return _WORD.findall(text.lower())
    return text.split() if tokens == "spaced" else list(text)


def vocabulary_of(lines: Iterable[Sequence[str]], size: int | None) -> tuple[str, ...]:
    """Returns the tokens to tell apart: ``UNKNOWN``, then the most frequent of ``lines``.

    Args:
      lines: Tokens of the training part.
      size: Number of tokens, with ``UNKNOWN``; None for all.
    """
    counts = collections.Counter(token for line in lines for token in line)
    counts.pop(UNKNOWN, None)
    most_frequent = sorted(counts, key=lambda token: (-counts[token], token))
    return (UNKNOWN, *most_frequent[: None if size is None else size - 1])


def files_of(path: Path, suffix: str) -> dict[str, Path]:
    """Returns the files of a folder by part: train and test, and val if there is one.

    Raises:
      InputError: If the folder, or a part, is not there.
    """
    if not path.exists():
        raise file_kind.missing(path)
    if not path.is_dir():
        raise InputError(f"{path} is a file; allowed: a folder with train{suffix}, test{suffix}")
    files: dict[str, Path] = {}
    for file in sorted(path.iterdir()):
        part = part_of(file.stem)
        if part and file.suffix == suffix:
            if part in files:
                raise InputError(f"{path}: both {files[part].name} and {file.name}; keep one file")
            files[part] = file
    if absent := [part for part in ("train", "test") if part not in files]:
        names = ", ".join(sorted(file.name for file in path.iterdir())[:8])
        raise InputError(
            f"{path}: no {' and no '.join(part + suffix for part in absent)}; allowed: a folder "
            f"with train{suffix}, test{suffix} and perhaps valid{suffix} (it holds "
            f"{names or 'nothing'})"
        )
    return {part: files[part] for part in ("train", "val", "test") if part in files}


def lines_of(file: Path) -> list[str]:
    """Returns the lines of a UTF-8 file.

    Raises:
      InputError: If it is empty or not UTF-8; it names the line.
    """
    content = file.read_bytes().removeprefix(codecs.BOM_UTF8)
    if not content.strip():
        raise InputError(f"{file} is empty; allowed: lines of text")
    lines = []
    for number, line in enumerate(content.removesuffix(b"\n").split(b"\n"), 1):
        try:
            lines.append(line.removesuffix(b"\r").decode())
        except UnicodeDecodeError as error:
            raise InputError(
                f"{file}, line {number}: byte {line[error.start]:#04x} is not UTF-8; save the file "
                "in that encoding"
            ) from error
    return lines


def labelled(file: Path) -> list[tuple[str, str]]:
    """Returns the labels and texts of a file of lines ``label<TAB>text``.

    Raises:
      InputError: If a line is not of that form; it names the line.
    """
    pairs = []
    for number, line in enumerate(lines_of(file), 1):
        label, tab, text = line.partition("\t")
        if not (tab and label.strip() and text.strip()):
            what = "is empty" if not line.strip() else f"is {shown(line)}"
            raise InputError(f"{file}, line {number} {what}; allowed: a label, a tab and a text")
        pairs.append((label.strip(), text.strip()))
    return pairs
