"""Data sets prepared by TFDS in array_record format, read without TensorFlow."""

import glob
import io
import itertools
import json
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import UInt8

from dropout_lab.data import cache
from dropout_lab.data.catalog import ImageSet, TextSet
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
    return TrainTest(
        *(canonical(_read_split(image_set, part)) for part in _open(folder, skip="image"))
    )


def read_text(text_set: TextSet, folder: Path) -> list[list[tuple[int, str]]]:
    """Returns the labels and texts of the training and test part of a prepared data set.

    Raises:
      InputError: As for :func:`read`.
    """
    return [_read_texts(text_set, part) for part in _open(folder)]


class _Prepared(NamedTuple):
    """A part of a prepared data set: its examples, and its files with their numbers of records."""

    source: Any
    shards: list[Path]
    lengths: list[int]


def _open(folder: Path, skip: str | None = None) -> list[_Prepared]:
    """Returns the training and test part of a folder, with one feature left encoded."""
    import tensorflow_datasets as tfds

    try:
        builder = tfds.builder_from_directory(folder)
        decoders = {skip: tfds.decode.SkipDecoding()} if skip else None
        parts = []
        for part in ("train", "test"):
            info = builder.info.splits[part]
            source = builder.as_data_source(part, decoders=decoders)
            parts.append(_Prepared(source, [Path(p) for p in info.filepaths], info.shard_lengths))
    except Exception as error:  # TFDS raises anything
        raise InputError(f"{folder}: not a prepared TFDS data set ({_line(error)}).") from error
    return parts


def _read_texts(text_set: TextSet, part: _Prepared) -> list[tuple[int, str]]:
    pairs: list[tuple[int, str]] = []

    def store(row: int, example: Mapping[str, Any]) -> None:
        del row
        text = " ".join(example[name].decode() for name in text_set.texts)
        pairs.append((int(example["label"]), text))

    _read_shards(text_set.name, part, store)
    _check_labels(text_set, part, np.array([label for label, _ in pairs]))
    return pairs


def _read_split(image_set: ImageSet, part: _Prepared) -> Split:
    total = sum(part.lengths)
    images = np.empty((total, *image_set.shape), np.uint8)
    labels = np.empty(total, np.int32)

    def store(row: int, example: Mapping[str, Any]) -> None:
        images[row] = _decode(example["image"], image_set.shape)
        labels[row] = example["label"]

    _read_shards(image_set.name, part, store)
    _check_labels(image_set, part, labels)
    return Split(images, labels)


def _read_shards(
    name: str, part: _Prepared, store: Callable[[int, Mapping[str, Any]], None]
) -> None:
    """Calls ``store`` with the index of each example and the example.

    Shard by shard, because errors of array_record do not name the file.
    """
    for shard, (start, stop) in zip(
        part.shards, itertools.pairwise(itertools.accumulate(part.lengths, initial=0)), strict=True
    ):
        try:
            _check_count(shard, stop - start)
            for row, example in enumerate(part.source.__getitems__(range(start, stop)), start):
                store(row, example)
        except Exception as error:  # array_record, protobuf and Pillow raise anything
            raise InputError(
                f"{shard}: damaged, cut short or not of {name} ({_line(error)}); "
                "prepare or copy it again."
            ) from error


def _check_labels(known: ImageSet | TextSet, part: _Prepared, labels: np.ndarray) -> None:
    if len(labels) and not 0 <= labels.min() <= labels.max() < known.classes:
        raise InputError(
            f"{part.shards[0].parent}: labels {labels.min()}..{labels.max()} in {known.name}; "
            f"must be in 0..{known.classes - 1}."
        )


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
