"""Cache of decoded arrays in a per-user folder, so that only the first start decodes."""

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from dropout_lab.data.dataset import Split, TrainTest
from dropout_lab.system.files import make_private, replacing, user_cache

# Increase it when the same source files would give other arrays than before.
_LAYOUT = 1
_MANIFEST = "manifest.json"
_FILES = ("train_images.npy", "train_labels.npy", "test_images.npy", "test_labels.npy")


def file_states(paths: Iterable[Path]) -> list[list[str | int]]:
    """Returns the name, size and modification time (ns) of each file, to notice changes."""
    stats = [(path.name, path.stat()) for path in sorted(paths)]
    return [[name, stat.st_size, stat.st_mtime_ns] for name, stat in stats]


def load_or_build(
    name: str, place: str, source: object, build: Callable[[], TrainTest]
) -> TrainTest:
    """Returns the cached arrays of a source, or builds and caches them.

    An entry that is absent, stale or damaged is rebuilt and replaced. If the cache folder cannot be
    written, nothing is cached.

    Args:
      name: The data set's name.
      place: Location of the source; there is one entry per name and place.
      source: State of the source, as JSON values; a change makes the entry stale.
      build: Reads the source.
    """
    folder = user_cache("arrays", f"{name}-{hashlib.sha256(place.encode()).hexdigest()[:12]}")
    state = [_LAYOUT, source]
    train_test = _load(folder, state)
    if train_test is None:
        train_test = build()
        with contextlib.suppress(OSError):
            _save(folder, state, train_test)
    return train_test


def _load(folder: Path, state: object) -> TrainTest | None:
    try:
        manifest = json.loads((folder / _MANIFEST).read_text())
        if manifest["state"] != state:
            return None
        arrays = [_load_array(folder / file, manifest["sha256"][file]) for file in _FILES]
    except (OSError, ValueError, LookupError, TypeError):
        return None
    return TrainTest(Split(*arrays[:2]), Split(*arrays[2:]))


def _load_array(path: Path, sha256: str) -> np.ndarray:
    with path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
            raise ValueError(f"{path} is damaged")
        file.seek(0)
        return np.load(file, allow_pickle=False)


def _save(folder: Path, state: object, train_test: TrainTest) -> None:
    """Writes each file atomically, the manifest last.

    Processes that start together write the same bytes under the same names, so the order of their
    renames does not matter; anything else fails its checksum and is rebuilt.
    """
    train, test = train_test.train, train_test.test
    sha256 = {}
    make_private(folder)
    arrays = (train.images, train.labels, test.images, test.labels)
    for name, array in zip(_FILES, arrays, strict=True):
        with replacing(folder / name) as file:
            np.save(file, array, allow_pickle=False)
            file.seek(0)
            sha256[name] = hashlib.file_digest(file, "sha256").hexdigest()
    with replacing(folder / _MANIFEST) as file:
        file.write(json.dumps({"state": state, "sha256": sha256}).encode())
