"""Data sets: their type, the canonical order of examples, and held-out validation parts."""

import dataclasses
import hashlib

import numpy as np
from jaxtyping import Float32, Int32, UInt8

from dropout_lab.errors import InputError

Images = (
    UInt8[np.ndarray, "n *shape"] | Float32[np.ndarray, "n *shape"] | Int32[np.ndarray, "n steps"]
)
Labels = Int32[np.ndarray, "n *steps"]

PADDING = -1
"""The token of a padded step. Of a feature sequence, all features of a padded step are NaN."""


@dataclasses.dataclass(frozen=True, eq=False)
class Split:
    """Examples and their labels.

    Attributes:
      images: Published data sets: uint8 in 0..255, (n, height, width, channels). Own data: uint8
        or finite float32, rank >= 2. Sequences: int32 tokens, (n, steps), or float32 features, (n,
        steps, features); padded steps are ``PADDING``, or NaN.
      labels: Classes, in 0..classes-1; of text, the next token at each step, ``PADDING`` where
        there is none.
    """

    images: Images
    labels: Labels

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, rows: slice | np.ndarray) -> "Split":
        return Split(self.images[rows], self.labels[rows])


@dataclasses.dataclass(frozen=True, eq=False)
class TrainTest:
    """The training and test parts of a data set, before validation examples are held out.

    Attributes:
      train: The training part.
      test: The test part.
    """

    train: Split
    test: Split


@dataclasses.dataclass(frozen=True, eq=False)
class Dataset:
    """A data set ready for training.

    Attributes:
      name: One of ``dropout_lab.data.DATASETS``.
      train: Training examples.
      val: Validation examples, held out of the official training part; may be empty.
      test: Test examples: the official test part.
      classes: Number of classes.
      fingerprint: sha256 (hex) of the arrays of all three parts.
      class_names: Own data: names of the classes, unless the labels were 0..classes-1.
      notes: Own data: what was converted or chosen as it was read, a line each.
      vocabulary: Number of token types, if examples are tokens.
      words: The tokens of text, by number.
      columns: Of a table: the names of the features.
    """

    name: str
    train: Split
    val: Split
    test: Split
    classes: int
    fingerprint: str
    class_names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    vocabulary: int | None = None
    words: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()


def steps_present(images: np.ndarray) -> np.ndarray | None:
    """Returns which steps of sequences are no padding, (n, steps); None of other data."""
    if images.ndim == 2 and images.dtype.kind == "i":
        return images != PADDING
    if images.ndim == 3 and images.dtype.kind == "f":
        present: np.ndarray = ~np.isnan(images).all(-1)
        return present
    return None


def canonical(split: Split) -> Split:
    """Returns the examples sorted by the sha256 of their image bytes and label.

    Sources store the same data set in different orders. This order depends on the examples alone,
    not on padding, and is as good as a shuffle, so the last examples make a fair validation part.
    """
    keys = digests(split)
    return split[np.array(sorted(range(len(keys)), key=keys.__getitem__), dtype=np.intp)]


def digests(split: Split) -> list[bytes]:
    """Returns the sha256 of each example's image bytes and label."""
    present = steps_present(split.images)
    return [
        hashlib.sha256(
            (image if present is None else image[present[index]]).tobytes() + _label_bytes(label)
        ).digest()
        for index, (image, label) in enumerate(
            zip(split.images, split.labels.tolist(), strict=True)
        )
    ]


def _label_bytes(label: int) -> bytes:
    # One byte for every published set; more only for labels above 255 in own data.
    return label.to_bytes(max(1, (label.bit_length() + 7) // 8), "little")


def hold_out(
    name: str, train_test: TrainTest, *, classes: int, val_size: int, train_size: int | None
) -> Dataset:
    """Splits the validation part off the end of the training part.

    Args:
      name: The data set's name.
      train_test: Both parts, in canonical order.
      classes: the number of classes.
      val_size: Number of examples held out, from 0 to one less than the training part has.
      train_size: Number of the other examples to keep, the first ones; None for all.

    Raises:
      InputError: If a size is out of range.
    """
    whole = len(train_test.train)
    if not 0 <= val_size < whole:
        raise InputError(f"val_size {val_size} of {name}: must be in 0..{whole - 1}.")
    rest = whole - val_size
    if train_size is not None and not 1 <= train_size <= rest:
        raise InputError(f"train_size {train_size} of {name}: must be in 1..{rest}, or None.")
    train = train_test.train[: rest if train_size is None else train_size]
    val = train_test.train[rest:]
    return Dataset(
        name, train, val, train_test.test, classes, _fingerprint(train, val, train_test.test)
    )


def cross_validation(dataset: Dataset, folds: int, fold: int) -> Dataset:
    """Replaces the training and validation parts by those of one fold.

    The training and validation examples together, in canonical order, are cut into ``folds`` equal
    parts. Part ``fold`` validates and the others train. If they do not divide evenly, the remaining
    examples at the end (fewer than ``folds``) always train.

    Args:
      dataset: The data set; its test part stays.
      folds: Number of parts, from 2 to the number of examples.
      fold: Index of the part that validates, from 0.

    Raises:
      InputError: If there are fewer examples than parts.
    """
    pool = concatenate(dataset.train, dataset.val)
    if folds > len(pool):
        raise InputError(
            f"folds {folds} of {dataset.name}: must be in 2..{len(pool)}, the number of examples."
        )
    size = len(pool) // folds
    start, stop = fold * size, (fold + 1) * size
    train, val = concatenate(pool[:start], pool[stop:]), pool[start:stop]
    fingerprint = _fingerprint(train, val, dataset.test)
    return dataclasses.replace(dataset, train=train, val=val, fingerprint=fingerprint)


def concatenate(first: Split, second: Split) -> Split:
    """Returns the examples of both splits, in order."""
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
