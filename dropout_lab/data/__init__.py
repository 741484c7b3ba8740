"""Data sets as numpy arrays: train, validation and test, the same whatever they were read from."""

from dropout_lab.data import digits, npz, sources
from dropout_lab.data.catalog import IMAGE_SETS
from dropout_lab.data.dataset import Dataset, Split, concatenate, cross_validation, hold_out
from dropout_lab.errors import InputError, unknown

DATASETS: tuple[str, ...] = ("digits", *IMAGE_SETS, "npz")

__all__ = [
    "DATASETS",
    "Dataset",
    "Split",
    "concatenate",
    "cross_validation",
    "load",
    "usual_val_size",
]


def load(
    name: str,
    *,
    data_dir: str | None = None,
    path: str | None = None,
    val_size: int | None = None,
    train_size: int | None = None,
) -> Dataset:
    """Loads a data set and holds out its validation part.

    The examples of the official training part are put in the order of the sha256 of their image
    and label; the last ``val_size`` of them are the validation part.

    Args:
      name: one of ``DATASETS``.
      data_dir: where published data sets are looked for first, prepared by TFDS
        (``<name>/<version>/``) or as original files (``<name>/``), and where the latter are
        downloaded to. Then $TFDS_DATA_DIR, ~/tensorflow_datasets and the per-user cache follow.
      path: the .npz file with x_train, y_train, x_test and y_test, for ``"npz"`` only.
      val_size: examples held out. By default 10,000 of MNIST and Fashion-MNIST, 5,000 of CIFAR,
        300 of digits, and a sixth of one's own.
      train_size: keep only the first so many training examples; None keeps all.

    Raises:
      InputError: an unknown name, a size out of range, or data that is missing or damaged.
    """
    if name not in DATASETS:
        raise unknown("dataset", name, DATASETS)
    if bool(path) != (name == "npz"):
        raise InputError(f"dataset {name!r} with path {path!r}: 'npz' needs a path, no other may.")
    if path:
        official, classes = npz.load(path)
    elif name == "digits":
        official, classes = digits.load(), digits.CLASSES
    else:
        image_set = IMAGE_SETS[name]
        official, classes = sources.load(image_set, data_dir), image_set.classes
    if val_size is None:
        val_size = usual_val_size(name)
    return hold_out(
        name,
        official,
        classes=classes,
        val_size=round(len(official.train) / 6) if val_size is None else val_size,
        train_size=train_size,
    )


def usual_val_size(name: str) -> int | None:
    """Returns how many examples a data set holds out by default; None if that depends on a file."""
    if name == "digits":
        return digits.VAL_SIZE
    return IMAGE_SETS[name].val_size if name in IMAGE_SETS else None
