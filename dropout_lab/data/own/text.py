"""Text: labelled lines to classify, and plain files to predict the next token of."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dropout_lab.data.dataset import PADDING, Split, TrainTest, concatenate
from dropout_lab.data.own.part import Part
from dropout_lab.data.own.parts import OwnData, assemble
from dropout_lab.data.own.tokens import END, cut, files_of, labelled, lines_of, vocabulary_of
from dropout_lab.errors import InputError, shown

WINDOW = 35
"""Tokens in a window of text by default, as in most language models since Zaremba et al. 2014."""

_SHARE = 6  # one window in six is held out where no validation part is given


def read_lines(path: Path, *, tokens: str, vocabulary: int | None, window: int | None) -> OwnData:
    """Reads a folder with train.tsv and test.tsv, and perhaps valid.tsv: lines ``label<TAB>text``.

    Args:
      path: The folder.
      tokens: How lines are cut, a name in ``TOKENS``.
      vocabulary: Number of token types: the most frequent of the training part, and one for all
        others. None for all of the training part.
      window: Number of tokens read of a line, its first ones; None for all.

    Raises:
      InputError: If a file or a line cannot be read.
    """
    files = files_of(path, ".tsv")
    pairs = {part: labelled(file) for part, file in files.items()}
    names = {part: str(file) for part, file in files.items()}
    return of_lines(str(path), names, pairs, tokens=tokens, vocabulary=vocabulary, window=window)


def of_lines(
    path: str,
    names: Mapping[str, str],
    pairs: Mapping[str, Sequence[tuple[Any, str]]],
    *,
    tokens: str,
    vocabulary: int | None,
    window: int | None,
) -> OwnData:
    """Returns labelled lines as data, as :func:`read_lines` does.

    Args:
      path: Path of the data, for messages.
      names: What each part is called in messages.
      pairs: Labels and texts of each part.
      tokens: How lines are cut.
      vocabulary: Number of token types.
      window: Number of tokens read of a line.

    Raises:
      InputError: If a line has no token.
    """
    lines = {
        part: [cut(text, tokens)[:window] for _, text in of_part] for part, of_part in pairs.items()
    }
    words = vocabulary_of(lines["train"], vocabulary)
    parts = []
    for part, of_part in lines.items():
        if [] in of_part:
            at = of_part.index([])
            raise InputError(
                f"{names[part]}, line {at + 1} is {shown(pairs[part][at][1])}; allowed: a text "
                "with a word"
            )
        y = np.array([label for label, _ in pairs[part]])
        x, lengths = _rectangle(of_part, words)
        texts, labels = f"texts of {names[part]}", f"labels of {names[part]}"
        parts.append(Part(part, x, y, texts, labels, True, lengths))
    notes = [_unknown(parts, lines)]
    return assemble(path, parts, notes, vocabulary=len(words), words=words)


def read_stream(path: Path, *, tokens: str, vocabulary: int | None, window: int | None) -> OwnData:
    """Reads a folder with train.txt and test.txt, and perhaps valid.txt, as windows of text.

    A line ends with a token of its own: ``END``, or a line break among characters. Every token of
    a part is predicted once, from those before it in its window; the first from the end of a line.

    Args:
      path: The folder.
      tokens: How lines are cut, a name in ``TOKENS``.
      vocabulary: Number of token types, as for :func:`read_lines`.
      window: Number of tokens in a window; None for ``WINDOW``.

    Raises:
      InputError: If a file cannot be read.
    """
    end = "\n" if tokens == "characters" else END
    lines = {
        part: [[*cut(line, tokens), end] for line in lines_of(file)]
        for part, file in files_of(path, ".txt").items()
    }
    words = vocabulary_of(lines["train"], vocabulary)
    ids = {word: number for number, word in enumerate(words)}
    streams = {
        part: np.array([ids.get(token, 0) for line in of_part for token in line], np.int32)
        for part, of_part in lines.items()
    }
    splits = {
        part: _windows(stream, ids.get(end, 0), window or WINDOW)
        for part, stream in streams.items()
    }
    notes = [
        f"{len(words)} token types; "
        + ", ".join(
            f"{part} {len(stream):,} tokens, {100 * np.mean(stream == 0):.2g} % unknown"
            for part, stream in streams.items()
        )
    ]
    train, val = splits["train"], splits.get("val")
    val_size = round(len(train) / _SHARE) if val is None else len(val)
    if val is not None:
        train = concatenate(train, val)
    train_test = TrainTest(train, splits["test"])
    return OwnData(train_test, len(words), (), val_size, tuple(notes), len(words), words)


def _rectangle(lines: list[list[str]], words: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Returns the numbers of the tokens of lines, (n, steps), and the lengths, (n,)."""
    ids = {word: number for number, word in enumerate(words)}
    lengths = np.array([len(line) for line in lines])
    x = np.zeros((len(lines), lengths.max()), np.int32)
    x[np.arange(x.shape[1]) < lengths[:, None]] = [ids.get(t, 0) for line in lines for t in line]
    return x, lengths


def _windows(stream: np.ndarray, end: int, window: int) -> Split:
    """Returns a stream of tokens in windows, with the next token at each step."""
    count = -(-len(stream) // window)
    after = np.full(count * window, PADDING, np.int32)
    after[: len(stream)] = stream
    before = np.full(count * window, PADDING, np.int32)
    before[: len(stream)] = np.concatenate([[end], stream[:-1]])
    return Split(before.reshape(count, window), after.reshape(count, window))


def _unknown(parts: list[Part], lines: dict[str, list[list[str]]]) -> str:
    """Returns a note on the share of unknown tokens in each part."""
    shares = []
    for part in parts:
        count = sum(map(len, lines[part.name]))
        padding = part.x.size - count
        unknown = np.count_nonzero(part.x == 0) - padding
        shares.append(f"{part.name} {100 * unknown / count:.2g} %")
    return f"unknown tokens: {', '.join(shares)}"
