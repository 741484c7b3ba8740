"""Data sets as NumPy arrays: train, validation and test, independent of their source."""

import dataclasses

from dropout_lab.data import digits, own, sources, text_source
from dropout_lab.data.catalog import IMAGE_SETS, TEXT_SETS
from dropout_lab.data.dataset import (
    PADDING,
    Dataset,
    Split,
    concatenate,
    cross_validation,
    hold_out,
    steps_present,
)
from dropout_lab.data.describe import check_scaling, describe, draw_samples
from dropout_lab.data.label_noise import LabelNoise, label_noise
from dropout_lab.errors import InputError, unknown

OWN: tuple[str, ...] = own.FORMATS
"""Formats of own data; each needs a path."""

TOKENS: tuple[str, ...] = own.TOKENS
"""Ways to cut text into tokens."""

TEXT_DATA: tuple[str, ...] = (*TEXT_SETS, *own.TEXT)
"""Data sets of text, which is cut into tokens."""

DATASETS: tuple[str, ...] = ("digits", *IMAGE_SETS, *TEXT_SETS, *OWN)

__all__ = [
    "DATASETS",
    "OWN",
    "PADDING",
    "TEXT_DATA",
    "TOKENS",
    "Dataset",
    "LabelNoise",
    "Split",
    "check_scaling",
    "concatenate",
    "cross_validation",
    "describe",
    "draw_samples",
    "label_noise",
    "load",
    "steps_present",
    "usual_val_size",
]


def load(
    name: str,
    *,
    data_dir: str | None = None,
    path: str | None = None,
    arrays: str | None = None,
    label: str | None = None,
    vocabulary: int | None = None,
    tokens: str | None = None,
    window: int | None = None,
    val_size: int | None = None,
    train_size: int | None = None,
) -> Dataset:
    """Loads a data set and holds out its validation part.

    The examples of the official training part are put in the order of the sha256 of their image
    and label; the last ``val_size`` of them are the validation part.

    Args:
      name: One of ``DATASETS``.
      data_dir: Folder to search first for published data sets, prepared by TFDS
        (``<name>/<version>/``) or as original files (``<name>/``), and to download the latter to.
        Then $TFDS_DATA_DIR, ~/tensorflow_datasets and the per-user cache are searched.
      path: Own data only: the file or folder. "npz": arrays. "table": CSV or parquet, or a folder
        with train.csv and test.csv. "image_folder": PATH/CLASS/* or PATH/train/CLASS/*.
        "text_lines": a folder with train.tsv and test.tsv, lines LABEL<TAB>TEXT. "text": a folder
        with train.txt and test.txt.
      arrays: "npz" only: names of the arrays, by commas: features and labels of the training part,
        then of the test and of the validation part if any. None: usual names, such as x_train.
      label: "table" only: the column of the labels. None: a usual name, such as label.
      vocabulary: Of tokens, in "npz" and text: number of token types, of text the most frequent
        ones of the training part; None for as many as there are.
      tokens: Of text: "words", "spaced" (by white space) or "characters"; None for words.
      window: "text": tokens in a window, None for 35. Other text: most tokens of a line, None for
        all.
      val_size: Number of examples held out. None: 10,000 of MNIST and Fashion-MNIST, 5,000 of
        CIFAR, 300 of digits, the validation part of own data or else a sixth of it.
      train_size: Number of training examples to keep, the first ones; None for all.

    ``~`` and environment variables in ``data_dir`` and ``path`` are expanded.

    Raises:
      InputError: If a name is unknown, a size out of range, or data missing, damaged or unfit.
    """
    if name not in DATASETS:
        raise unknown("dataset", name, DATASETS)
    if bool(path) != (name in OWN):
        allowed = " or ".join(map(repr, OWN))
        raise InputError(
            f"dataset {name!r} with path {path!r}: {allowed} need a path, others take none."
        )
    for option, value, owners in (
        ("arrays", arrays, ("npz",)),
        ("label", label, ("table",)),
        ("vocabulary", vocabulary, ("npz", *TEXT_DATA)),
        ("tokens", tokens, TEXT_DATA),
        ("window", window, TEXT_DATA),
    ):
        if value is not None and name not in owners:
            raise InputError(
                f"data.{option} is {value!r} with {name!r}; allowed: only with "
                + " or ".join(map(repr, owners))
            )
    if path or name in TEXT_SETS:
        if path:
            own_data = own.load(
                name,
                path,
                arrays=arrays,
                label=label,
                vocabulary=vocabulary,
                tokens=tokens,
                window=window,
            )
        else:
            own_data = text_source.load(
                TEXT_SETS[name],
                data_dir,
                tokens=tokens or "words",
                vocabulary=vocabulary,
                window=window,
            )
        dataset = hold_out(
            name,
            own_data.train_test,
            classes=own_data.classes,
            val_size=own_data.val_size if val_size is None else val_size,
            train_size=train_size,
        )
        return dataclasses.replace(
            dataset,
            class_names=own_data.class_names,
            notes=own_data.notes,
            vocabulary=own_data.vocabulary,
            words=own_data.words,
            columns=own_data.columns,
        )
    if name == "digits":
        train_test, classes = digits.load(), digits.CLASSES
    else:
        image_set = IMAGE_SETS[name]
        train_test, classes = sources.load(image_set, data_dir), image_set.classes
    if val_size is None:
        val_size = usual_val_size(name)
    return hold_out(
        name,
        train_test,
        classes=classes,
        val_size=round(len(train_test.train) / 6) if val_size is None else val_size,
        train_size=train_size,
    )


def usual_val_size(name: str) -> int | None:
    """Returns how many examples a data set holds out by default; None if that depends on a file."""
    if name == "digits":
        return digits.VAL_SIZE
    return IMAGE_SETS[name].val_size if name in IMAGE_SETS else None
