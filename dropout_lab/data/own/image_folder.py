"""Images of a folder with a folder per class, read by Pillow."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dropout_lab.data.own import file_kind
from dropout_lab.data.own.names import part_of
from dropout_lab.data.own.part import Part
from dropout_lab.errors import InputError

if TYPE_CHECKING:
    from PIL import Image

_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".pgm", ".ppm")
_GREY = ("1", "L", "LA")


def read(path: Path) -> tuple[list[Part], list[str]]:
    """Reads ``PATH/CLASS/*`` or ``PATH/train/CLASS/*``, with test and val beside train if given.

    Images are (height, width, 1) if all are grey, else (height, width, 3); all of one size.

    Raises:
      InputError: If there are no images, one cannot be read, or sizes differ.
    """
    files, notes = _files(path)
    grey = True
    images: dict[str, list[np.ndarray]] = {}
    first: tuple[Path, tuple[int, ...]] | None = None
    for part, labelled in files.items():
        images[part] = []
        for file, _ in labelled:
            pixels = _pixels(file)
            grey = grey and pixels.shape[2] == 1
            first = first or (file, pixels.shape)
            if pixels.shape[:2] != first[1][:2]:
                raise InputError(
                    f"{file} is {pixels.shape[1]} x {pixels.shape[0]} pixels, {first[0]} is "
                    f"{first[1][1]} x {first[1][0]}; resize all images to one size, e.g. with "
                    "PIL.Image.Image.resize."
                )
            images[part].append(pixels)
    channels = 1 if grey else 3
    notes.append(f"images read as {'grey' if grey else 'RGB'}")
    parts = []
    for part, labelled in files.items():
        x = np.stack([np.repeat(p, channels // p.shape[2], axis=2) for p in images[part]])
        y = np.array([label for _, label in labelled])
        parts.append(Part(part, x, y, f"images of {part}", f"folders of {part}"))
    return parts, notes


def _files(path: Path) -> tuple[dict[str, list[tuple[Path, str]]], list[str]]:
    """Returns the images of each part with their classes, and notes."""
    if not os.path.exists(path):
        raise file_kind.missing(path)
    if not path.is_dir():
        raise InputError(f"{path} is a file; 'image_folder' reads a folder with one per class.")
    folders = {"train": path}
    if split := {part: folder for folder in _subfolders(path) if (part := part_of(folder.name))}:
        if "train" not in split:
            names = ", ".join(sorted(folder.name for folder in split.values()))
            raise InputError(
                f"{path}: {names} but no train folder; add it, or use a folder per class."
            )
        folders = split
    files, notes = {}, []
    for part, folder in folders.items():
        files[part], skipped = _of_classes(folder)
        if not files[part]:
            raise InputError(f"{folder}: {_no_images(folder)}")
        if skipped:
            notes.append(f"{folder}: {skipped} files are not images and were left out")
    return files, notes


def _of_classes(folder: Path) -> tuple[list[tuple[Path, str]], int]:
    """Returns the images of a folder per class, and the number of other files."""
    images, others = [], 0
    for place in _subfolders(folder):
        for file in sorted(place.iterdir()):
            if file.suffix.lower() in _SUFFIXES and not file.name.startswith("."):
                images.append((file, place.name))
            elif file.is_file() and not file.name.startswith("."):
                others += 1
    return images, others


def _no_images(folder: Path) -> str:
    """Returns what is wrong with a folder whose folders hold no images."""
    if any(file.suffix.lower() in _SUFFIXES for file in folder.iterdir()):
        return "images lie in it, but each class needs a folder of its own."
    for inner in _subfolders(folder):
        if any(part_of(place.name) for place in _subfolders(inner)) or _of_classes(inner)[0]:
            return f"no images one level below, but in {inner}: name that folder."
    return f"no images in its folders; read are {', '.join(_SUFFIXES)}."


def _subfolders(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))


def _pixels(path: Path) -> np.ndarray:
    """Returns an image as (height, width, 1 or 3) bytes."""
    from PIL import Image

    try:
        with Image.open(path) as image:
            return _as_bytes(path, image)
    except InputError:
        raise
    except Exception as error:  # Pillow raises anything on damaged files
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise InputError(f"{path}: not a readable image ({reason}).") from error


def _as_bytes(path: Path, image: Image.Image) -> np.ndarray:
    if image.mode[0] in "IF":
        raise InputError(f"{path} has pixels of type {image.mode}; save it with 8 bits a channel.")
    mode = "L" if image.mode in _GREY else "RGB"
    return np.atleast_3d(np.asarray(image.convert(mode)))
