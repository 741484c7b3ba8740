"""What a data set is here, the one order its examples are put in, and holding out validation."""

import dataclasses
import hashlib

import numpy as np
from jaxtyping import Float32, Int32, UInt8

from dropout_lab.errors import InputError

Images = UInt8[np.ndarray, "n *shape"] | Float32[np.ndarray, "n *shape"]
Labels = Int32[np.ndarray, " n"]


@dataclasses.dataclass(frozen=True, eq=False)
class Split:
    """Examples and their classes.

    Attributes:
      images: uint8 in 0..255, (n, height, width, channels), for every named data set; one's own
        arrays may be uint8 or finite float32 of any rank >= 2.
      labels: classes in 0..classes-1.
    """

    images: Images
    labels: Labels

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, rows: slice | np.ndarray) -> "Split":
        return Split(self.images[rows], self.labels[rows])


@dataclasses.dataclass(frozen=True, eq=False)
class Official:
    """A data set as published: a training and a test part, with no validation part yet."""

    train: Split
    test: Split


@dataclasses.dataclass(frozen=True, eq=False)
class Dataset:
    """A data set ready for training.

    Attributes:
      name: one of ``dropout_lab.data.DATASETS``.
      train: what is trained on.
      val: held out of the official training part; may be empty.
      test: the official test part.
      classes: the number of classes.
      fingerprint: sha256 (hex) over the arrays of all three parts; equal exactly when they are.
    """

    name: str
    train: Split
    val: Split
    test: Split
    classes: int
    fingerprint: str


def canonical(split: Split) -> Split:
    """Returns the examples sorted by the sha256 of their image bytes and label.

    Sources store one data set in different orders; this order depends on the examples only, and
    is as good as a shuffle, so the last so many examples are a fair validation part.
    """
    keys = [
        hashlib.sha256(image.tobytes() + _label_bytes(label)).digest()
        for image, label in zip(split.images, split.labels.tolist(), strict=True)
    ]
    return split[np.array(sorted(range(len(keys)), key=keys.__getitem__), dtype=np.intp)]


def _label_bytes(label: int) -> bytes:
    # One byte for every published set; more only where one's own labels go beyond 255.
    return label.to_bytes(max(1, (label.bit_length() + 7) // 8), "little")


def hold_out(
    name: str, official: Official, *, classes: int, val_size: int, train_size: int | None
) -> Dataset:
    """Splits the validation part off the end of the training part.

    Args:
      name: the data set's name.
      official: both parts in canonical order.
      classes: the number of classes.
      val_size: examples held out, 0 to one less than the training part has.
      train_size: train on only the first so many of the rest; None for all of them.

    Raises:
      InputError: a size is out of range.
    """
    whole = len(official.train)
    if not 0 <= val_size < whole:
        raise InputError(f"val_size {val_size} of {name}: must be in 0..{whole - 1}.")
    rest = whole - val_size
    if train_size is not None and not 1 <= train_size <= rest:
        raise InputError(f"train_size {train_size} of {name}: must be in 1..{rest}, or None.")
    train = official.train[: rest if train_size is None else train_size]
    val = official.train[rest:]
    return Dataset(
        name, train, val, official.test, classes, _fingerprint(train, val, official.test)
    )


def cross_validation(dataset: Dataset, folds: int, fold: int) -> Dataset:
    """Puts another part of the training and validation examples in the place of validation.

    The examples of both, in canonical order, are cut into ``folds`` equal parts, one of which
    validates while everything else trains. What is left over when they do not divide evenly, less
    than ``folds`` examples at the end, trains always.

    Args:
      dataset: what is cut; its test part stays.
      folds: how many parts, from 2 to as many as there are examples.
      fold: the part that validates, from 0.

    Raises:
      InputError: there are fewer examples than parts.
    """
    pool = concatenate(dataset.train, dataset.val)
    if folds > len(pool):
        raise InputError(
            f"folds {folds} of {dataset.name}: must be in 2..{len(pool)}, one example each."
        )
    size = len(pool) // folds
    start, stop = fold * size, (fold + 1) * size
    train, val = concatenate(pool[:start], pool[stop:]), pool[start:stop]
    fingerprint = _fingerprint(train, val, dataset.test)
    return dataclasses.replace(dataset, train=train, val=val, fingerprint=fingerprint)


def concatenate(first: Split, second: Split) -> Split:
    """Returns the examples of both splits."""
    return Split(
        np.concatenate([first.images, second.images]),
        np.concatenate([first.labels, second.labels]),
    )


def _fingerprint(*splits: Split) -> str:
    whole = hashlib.sha256()
    for split in splits:
        for array in (split.images, split.labels):
            whole.update(f"{array.dtype.str}{array.shape}".encode())
            whole.update(np.ascontiguousarray(array).data)
    return whole.hexdigest()
