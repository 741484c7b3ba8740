"""Data sets prepared by TFDS in array_record format, read without TensorFlow."""

import glob
import io
import itertools
import json
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from dropout_lab.data import cache
from dropout_lab.data.catalog import ImageSet
from dropout_lab.data.dataset import Split, TrainTest, canonical
from dropout_lab.errors import InputError
from dropout_lab.system.files import expanded

INFO = "dataset_info.json"


def roots(data_dir: str | None) -> list[Path]:
    """Returns the folders to search: data_dir, $TFDS_DATA_DIR, TFDS's default."""
    folders = [data_dir, os.environ.get("TFDS_DATA_DIR"), "~/tensorflow_datasets"]
    return [expanded(folder) for folder in folders if folder]


def find(name: str, data_dir: str | None) -> Path | None:
    """Returns the folder of the newest version in array_record format, or None.

    Raises:
      InputError: If a dataset_info.json cannot be read.
    """
    for root in roots(data_dir):
        # Unlike Path's, glob returns nothing for a folder without permission.
        folders = map(os.path.dirname, glob.glob(f"{glob.escape(str(root / name))}/*/{INFO}"))
        versions = [
            folder for folder in map(Path, folders) if re.fullmatch(r"\d+\.\d+\.\d+", folder.name)
        ]
        for folder in sorted(versions, key=_version, reverse=True):
            if file_format(folder) == "array_record":
                return folder
    return None


def file_format(folder: Path) -> str:
    """Returns the format of a prepared version: TFDS's default is "tfrecord".

    Raises:
      InputError: If its dataset_info.json cannot be read.
    """
    return str(_info(folder).get("fileFormat") or "tfrecord")


def state(folder: Path) -> list[Any]:
    """Returns JSON values that change when the prepared data does."""
    return [_info(folder), cache.file_states(path for path in folder.iterdir() if path.is_file())]


def prepare(name: str, data_dir: str | None) -> Path:
    """Downloads and prepares a data set by TFDS with TensorFlow; returns its folder."""
    import tensorflow_datasets as tfds

    builder = tfds.builder(name, data_dir=roots(data_dir)[0], file_format="array_record")
    builder.download_and_prepare()
    return Path(builder.data_path)


def read(image_set: ImageSet, folder: Path) -> TrainTest:
    """Decodes the training and test part of a prepared data set.

    Raises:
      InputError: If a file is missing or damaged, or dataset_info.json does not fit its records.
    """
    import tensorflow_datasets as tfds

    try:
        builder = tfds.builder_from_directory(folder)
        skip = {"image": tfds.decode.SkipDecoding()}
        sources = [builder.as_data_source(part, decoders=skip) for part in ("train", "test")]
        infos = [builder.info.splits[part] for part in ("train", "test")]
    except Exception as error:  # TFDS raises anything
        raise InputError(f"{folder}: not a prepared TFDS data set ({_line(error)}).") from error
    parts = [
        _read_split(image_set, source, [Path(path) for path in info.filepaths], info.shard_lengths)
        for source, info in zip(sources, infos, strict=True)
    ]
    return TrainTest(*map(canonical, parts))


def _read_split(image_set: ImageSet, source: Any, shards: list[Path], lengths: list[int]) -> Split:
    total = sum(lengths)
    images = np.empty((total, *image_set.shape), np.uint8)
    labels = np.empty(total, np.int32)
    # Shard by shard, because errors of array_record do not name the file.
    for shard, (start, stop) in zip(
        shards, itertools.pairwise(itertools.accumulate(lengths, initial=0)), strict=True
    ):
        try:
            _check_count(shard, stop - start)
            for row, example in enumerate(source.__getitems__(range(start, stop)), start):
                images[row] = _decode(example["image"], image_set.shape)
                labels[row] = example["label"]
        except Exception as error:  # array_record, protobuf and Pillow raise anything
            raise InputError(
                f"{shard}: damaged, cut short or not of {image_set.name} ({_line(error)}); "
                "prepare or copy it again."
            ) from error
    if total and not 0 <= labels.min() <= labels.max() < image_set.classes:
        raise InputError(
            f"{shards[0].parent}: labels {labels.min()}..{labels.max()} in {image_set.name}; "
            f"must be in 0..{image_set.classes - 1}."
        )
    return Split(images, labels)


def _check_count(shard: Path, expected: int) -> None:
    from array_record.python.array_record_module import ArrayRecordReader

    # For a missing file the reader reports 0 records and no error.
    shard.stat()
    reader = ArrayRecordReader(str(shard))
    count = reader.num_records()
    reader.close()
    if count != expected:
        raise ValueError(f"{count} records, but {INFO} says {expected}")


def _decode(content: bytes, shape: tuple[int, int, int]) -> UInt8[np.ndarray, "h w c"]:
    from PIL import Image

    # Not reshape, which would also accept (14, 56) for (28, 28, 1).
    pixels = np.atleast_3d(np.asarray(Image.open(io.BytesIO(content))))
    if pixels.shape != shape:
        raise ValueError(f"an image of shape {pixels.shape}, not {shape}")
    return pixels


def _info(folder: Path) -> dict[str, Any]:
    path = folder / INFO
    try:
        info = json.loads(path.read_text())
        return dict(info)
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"{path}: not readable ({_line(error)}).") from error


def _version(folder: Path) -> tuple[int, ...]:
    return tuple(int(number) for number in folder.name.split("."))


def _line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())
