"""Reading of original files: idx for MNIST and Fashion-MNIST, binary tarballs for CIFAR."""

import gzip
import os
import tarfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from dropout_lab.data import download
from dropout_lab.data.catalog import ImageSet, OriginalFile
from dropout_lab.data.dataset import Split, TrainTest, canonical
from dropout_lab.system.files import expanded, user_cache

# Folder in the tarball, label bytes before each image (the last is the class), file names.
_CIFAR = {
    "cifar10": (
        "cifar-10-batches-bin",
        1,
        [f"data_batch_{number}.bin" for number in range(1, 6)],
        ["test_batch.bin"],
    ),
    "cifar100": ("cifar-100-binary", 2, ["train.bin"], ["test.bin"]),
}


def locate(image_set: ImageSet, data_dir: str | None) -> list[Path]:
    """Returns the original files, downloading those that are missing.

    Looks in ``<data_dir>/<name>`` and in the per-user cache; downloads to the first of these.

    Raises:
      download.UnreachableError: If a file is missing and cannot be downloaded, or none is
        registered.
      InputError: If a downloaded file is not the published one.
    """
    if not image_set.files:
        raise download.UnreachableError(f"no original files of {image_set.name!r} are registered")
    folders = _folders(image_set, data_dir)
    return [
        _find(original, folders) or download.fetch(original, folders[0])
        for original in image_set.files
    ]


def find(image_set: ImageSet, data_dir: str | None) -> Path | None:
    """Returns the folder of the original files if all of them are there, else None."""
    folders = _folders(image_set, data_dir)
    paths = [_find(original, folders) for original in image_set.files]
    return paths[0].parent if paths and paths[0] and all(paths) else None


def _folders(image_set: ImageSet, data_dir: str | None) -> list[Path]:
    folders = [expanded(data_dir) / image_set.name] if data_dir else []
    return [*folders, user_cache() / "downloads" / image_set.name]


def _find(original: OriginalFile, folders: Sequence[Path]) -> Path | None:
    paths = (folder / original.name for folder in folders)
    return next((path for path in paths if os.path.isfile(path)), None)  # is_file may raise


def read(image_set: ImageSet, paths: Sequence[Path]) -> TrainTest:
    """Decodes the original files, in the order of ``image_set.files``.

    Raises:
      InputError: If a file does not have the registered checksum.
    """
    for original, path in zip(image_set.files, paths, strict=True):
        download.verify(path, original)
    if image_set.name in _CIFAR:
        return _read_cifar(image_set, paths[0])
    train = Split(_read_idx(paths[0], 3)[..., None], _read_idx(paths[1], 1).astype(np.int32))
    test = Split(_read_idx(paths[2], 3)[..., None], _read_idx(paths[3], 1).astype(np.int32))
    return TrainTest(canonical(train), canonical(test))


def _read_idx(path: Path, rank: int) -> UInt8[np.ndarray, "..."]:
    """Reads unsigned bytes: a magic number, one big-endian length per axis, then the values."""
    content = gzip.decompress(path.read_bytes())
    shape = np.frombuffer(content, ">i4", count=rank, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * rank).reshape(shape)


def _read_cifar(image_set: ImageSet, path: Path) -> TrainTest:
    folder, label_bytes, train_names, test_names = _CIFAR[image_set.name]
    height, width, channels = image_set.shape

    def split(archive: tarfile.TarFile, names: list[str]) -> Split:
        members = [archive.extractfile(f"{folder}/{name}") for name in names]
        content = b"".join(member.read() for member in members if member)
        rows = np.frombuffer(content, np.uint8).reshape(-1, label_bytes + height * width * channels)
        planes = rows[:, label_bytes:].reshape(-1, channels, height, width)
        labels = rows[:, label_bytes - 1].astype(np.int32)
        return canonical(Split(planes.transpose(0, 2, 3, 1), labels))

    with tarfile.open(path) as archive:
        return TrainTest(split(archive, train_names), split(archive, test_names))
