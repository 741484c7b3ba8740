"""Folders of images."""

import re

import numpy as np
import pytest
from PIL import Image

from dropout_lab.data import load
from dropout_lab.errors import InputError


def _save(path, *, shape=(6, 5), mode="L", seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    channels = {"L": (), "RGB": (3,), "RGBA": (4,)}[mode]
    pixels = np.random.default_rng(seed).integers(0, 256, (*shape, *channels), np.uint8)
    Image.fromarray(pixels).save(path)
    return pixels


@pytest.fixture
def folder(tmp_path):
    """Twelve grey images of two classes."""
    for number in range(12):
        _save(tmp_path / "own" / ("cat", "dog")[number % 2] / f"{number}.png", seed=number)
    return tmp_path / "own"


def test_a_folder_per_class_is_split_and_names_the_classes(folder):
    data = load("image_folder", path=str(folder))
    assert (len(data.train), len(data.val), len(data.test)) == (8, 2, 2)
    assert data.class_names == ("cat", "dog")
    expected = {}
    for number in range(12):
        pixels = np.random.default_rng(number).integers(0, 256, (6, 5), np.uint8)
        expected[pixels.tobytes()] = number % 2
    for split in (data.train, data.val, data.test):
        assert split.images.dtype == np.uint8
        assert split.images.shape[1:] == (6, 5, 1)
        assert [expected[image.tobytes()] for image in split.images] == split.labels.tolist()


def test_folders_of_parts_are_the_parts(folder):
    for part, numbers in {"train": range(8), "test": range(8, 12)}.items():
        for number in numbers:
            name = f"{('cat', 'dog')[number % 2]}/{number}.png"
            (folder / part / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).rename(folder / part / name)
    for name in ("cat", "dog"):
        (folder / name).rmdir()
    data = load("image_folder", path=str(folder))
    assert (len(data.train), len(data.val), len(data.test)) == (7, 1, 4)


def test_colour_makes_all_images_rgb(folder):
    pixels = _save(folder / "dog" / "colour.png", mode="RGB", seed=99)
    _save(folder / "dog" / "transparent.png", mode="RGBA", seed=98)
    data = load("image_folder", path=str(folder), val_size=0)
    assert data.train.images.shape[1:] == (6, 5, 3)
    images = np.concatenate([data.train.images, data.test.images])
    assert any((image == pixels).all() for image in images)
    assert "images read as RGB" in data.notes


def test_classes_that_are_numbers_are_in_their_order(folder):
    (folder / "cat").rename(folder / "10")
    (folder / "dog").rename(folder / "9")
    assert load("image_folder", path=str(folder)).class_names == ("9", "10")


def test_other_files_are_left_out_and_counted(folder):
    (folder / "cat" / "notes.txt").write_text("a cat")
    (folder / "cat" / ".DS_Store").write_text("")
    data = load("image_folder", path=str(folder))
    assert f"{folder}: 1 files are not images and were left out" in data.notes


def _one_level_off(folder):
    (folder / "cat").rename(folder.parent / "cat")
    (folder / "dog").rename(folder / "inner")
    (folder / "inner").mkdir(exist_ok=True)
    (folder.parent / "cat").rename(folder / "inner" / "cat")
    for file in (folder / "inner").glob("*.png"):
        file.unlink()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            lambda f: _save(f / "cat" / "odd.png", shape=(7, 5)),
            r"odd\.png is 5 x 7 pixels, .*0\.png is 5 x 6; resize all",
        ),
        (lambda f: (f / "cat" / "0.png").write_bytes(b"\x89PNG"), r"0\.png: not a readable image"),
        (
            lambda f: Image.fromarray(np.zeros((6, 5), np.uint16)).save(f / "cat" / "deep.png"),
            r"deep\.png has pixels of type I;16; save it with 8 bits",
        ),
        (lambda f: (f / "test").mkdir(), "own: test but no train folder; add it, or"),
        (lambda f: _flatten(f), "own: images lie in it, but each class needs a folder of its own"),
        (_one_level_off, "own: no images one level below, but in .*inner: name that folder"),
    ],
    ids=["sizes", "damaged", "16 bit", "no train", "no classes", "one level off"],
)
def test_bad_folders_are_refused(folder, damage, message):
    damage(folder)
    with pytest.raises(InputError, match=message) as caught:
        load("image_folder", path=str(folder))
    assert "\n" not in str(caught.value)


def _flatten(folder):
    for file in list(folder.glob("*/*.png")):
        file.rename(folder / file.name)


@pytest.mark.parametrize(
    ("name", "message"),
    [("absent", "absent does not exist; in "), ("file", "file is a file; 'image_folder' reads")],
)
def test_no_folder_is_refused(tmp_path, name, message):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=re.escape(message)):
        load("image_folder", path=str(tmp_path / name))
