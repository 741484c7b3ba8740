"""Data in the wrong place or form: what is wrong, and how to repair it."""

import glob
import itertools
from collections.abc import Iterator
from pathlib import Path

from dropout_lab.data import tfds_source
from dropout_lab.data.catalog import ImageSet
from dropout_lab.system.files import expanded

# Other forms of CIFAR that are not read, by what they hold.
_OTHER_CIFAR = {
    "cifar-{}-python.tar.gz": "the Python version; only the binary version is read",
    "cifar-{}-batches-py": "the Python version, unpacked; only the binary version is read",
    "cifar-{}-batches-bin": "the binary version, unpacked; only the archive is read",
    "cifar-{}-binary": "the binary version, unpacked; only the archive is read",
    "cifar-{}-python": "the Python version, unpacked; only the binary version is read",
}


def near_miss(image_set: ImageSet, data_dir: str | Path) -> str | None:
    """Returns what is wrong with a directory that nearly holds a data set, and the cure.

    Args:
      image_set: The data set.
      data_dir: As ``config.data.dir``.

    Returns:
      A clause to follow the directory's name, or None if nothing like the data set is there.
    """
    root = expanded(data_dir).absolute()
    return next(itertools.chain(_prepared(image_set.name, root), _original(image_set, root)), None)


def _prepared(name: str, root: Path) -> Iterator[str]:
    """Yields near misses of what TFDS has prepared."""
    for file in _existing(root, f"{name}/*/{tfds_source.INFO}"):
        if (form := tfds_source.file_format(file.parent)) != "array_record":
            yield (
                f"holds {file.parent} in {form} format, which only TensorFlow reads: prepare it "
                f"again with `tfds build {name} --file_format=array_record`"
            )
    if root.name == name and _existing(root, f"*/{tfds_source.INFO}"):
        yield f"is the folder of {name} itself: name its parent, {root.parent}"
    if root.parent.name == name and _existing(root, tfds_source.INFO):
        yield f"is a version of {name}: name the folder two levels above, {root.parents[1]}"
    for file in _existing(root, f"*/{name}/*/{tfds_source.INFO}"):
        yield f"is one level too high: name {file.parents[2]}"


def _original(image_set: ImageSet, root: Path) -> Iterator[str]:
    """Yields near misses of the original files."""
    name = image_set.name
    for original in image_set.files:
        for pattern in ("", "*/", "*/*/"):
            for file in _existing(root, pattern + original.name):
                if file.parent != root / name and _fits(file.parent, name):
                    yield f"holds {file}; must be in {root / name}: move the files there"
            for file in _existing(root, pattern + original.name.removesuffix(".gz")):
                if original.name.endswith("ubyte.gz") and _fits(file.parent, name):
                    yield (
                        f"holds {file}, unpacked; only the .gz files have registered checksums: "
                        f"put those into {root / name}"
                    )
    if name.startswith("cifar"):
        number = name.removeprefix("cifar")
        for pattern, form in _OTHER_CIFAR.items():
            for place in ("", f"{name}/"):
                for file in _existing(root, place + pattern.format(number)):
                    cure = f"put {image_set.files[0].name} into {root / name}"
                    yield f"holds {file}, {form}: {cure}"


def _fits(folder: Path, name: str) -> bool:
    """Returns whether a folder may hold that one of the data sets that share names of files."""
    plain = "".join(folder.parts[-2:]).lower().replace("_", "").replace("-", "")
    return ("fashion" in plain) == (name == "fashion_mnist")


def _existing(root: Path, pattern: str) -> list[Path]:
    return [Path(path) for path in sorted(glob.glob(f"{glob.escape(str(root))}/{pattern}"))]
