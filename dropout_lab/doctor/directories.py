"""Checks of the directories to be written, and of data sets."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from dropout_lab.data import raw_source, tfds_source
from dropout_lab.data.catalog import IMAGE_SETS
from dropout_lab.data.near_miss import near_miss
from dropout_lab.doctor.finding import Finding, State
from dropout_lab.errors import InputError
from dropout_lab.system.files import expanded, user_cache
from dropout_lab.system.workdir import nearest_existing


def check_directories(workdir: Path) -> Iterator[Finding]:
    """Yields whether results and caches can be written; leaves no file behind."""
    yield _writable("results", workdir, "use another --workdir")
    elsewhere = "point XDG_CACHE_HOME elsewhere"
    try:
        yield _writable("the cache", user_cache(), elsewhere)
    except InputError as error:
        yield Finding(State.BROKEN, str(error), elsewhere)


def _writable(subject: str, directory: Path, elsewhere: str) -> Finding:
    existing = nearest_existing(directory)
    try:
        with tempfile.TemporaryFile(dir=existing) as file:
            file.write(b"\0")
    except OSError as error:
        return Finding(
            State.BROKEN,
            f"{subject}: cannot write in {existing}: {error.strerror}",
            f"{elsewhere}, or get permission to write there",
        )
    return Finding(State.OK, f"{subject}: {directory} can be written")


def check_data(data_dir: str | None) -> Iterator[Finding]:
    """Yields where each published data set is, and whether a given data folder holds any.

    Args:
      data_dir: As ``config.data.dir``.
    """
    yield Finding(State.OK, "digits: part of scikit-learn")
    missing = []
    for name, image_set in IMAGE_SETS.items():
        place = tfds_source.find(name, data_dir) or raw_source.find(image_set, data_dir)
        if place:
            yield Finding(State.OK, f"{name}: {place}")
        else:
            missing.append(name)
    if missing:
        yield Finding(
            State.ADVICE,
            f"not found: {', '.join(missing)}; downloaded at first use",
            "without a network, point TFDS_DATA_DIR at a folder where TFDS has prepared NAME in "
            "array_record format, or --config.data.dir at one with the original files in NAME/",
        )
    given = {"--data_dir": data_dir, "TFDS_DATA_DIR": os.environ.get("TFDS_DATA_DIR")}
    for source, folder in given.items():
        if folder:
            yield from _check_given(source, folder)


def _check_given(source: str, folder: str) -> Iterator[Finding]:
    place = expanded(folder)
    if os.path.isdir(place) and not os.access(place, os.R_OK | os.X_OK):
        cure = "get permission to read there, or name another folder"
        yield Finding(State.BROKEN, f"{source} is {folder}, which cannot be read", cure)
    elif not any(os.path.isdir(place / name) for name in IMAGE_SETS):
        misses = [miss for made in IMAGE_SETS.values() if (miss := near_miss(made, folder))]
        yield Finding(
            State.BROKEN,
            f"{source} is {folder}, which has none of {', '.join(IMAGE_SETS)}"
            + "".join(f"; it {miss}" for miss in misses[:1]),
            "name the parent of the data sets' folders, or no folder",
        )
