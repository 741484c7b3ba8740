"""What is said and drawn of a data set."""

import dataclasses
import io
import re
import subprocess
import sys

import numpy as np
import pytest

from dropout_lab.data import check_scaling, describe, draw_samples, load
from dropout_lab.data.dataset import Split
from dropout_lab.errors import InputError


@pytest.fixture
def own(tmp_path):
    x = np.random.default_rng(0).normal(size=(24, 3))
    np.savez(tmp_path / "own.npz", x=x, y=np.array(["cat", "dog"])[np.arange(24) % 2])
    return load("npz", path=str(tmp_path / "own.npz"))


def test_own_data_is_described_with_what_was_converted(own):
    lines = describe(own).splitlines()
    assert lines[0] == "npz: examples of shape (3,) (features), 2 classes"
    assert re.fullmatch(
        r"  train 17 examples, float32 in -[\d.]+\.\.[\d.]+, mean [\d.-]+", lines[1]
    )
    counts = [list(map(int, line.split()[-3:])) for line in lines if re.match("  [01] ", line)]
    expected = [
        [np.sum(split.labels == label) for split in (own.train, own.val, own.test)]
        for label in (0, 1)
    ]
    assert counts == expected
    assert [line.split()[:2] for line in lines[5:7]] == [["0", "cat"], ["1", "dog"]]
    assert [f"  {note}" for note in own.notes] == lines[7:-1]
    assert lines[-1] == f"  fingerprint {own.fingerprint[:16]}"


def test_digits_are_described():
    text = describe(load("digits", val_size=0))
    assert "examples of shape (8, 8, 1) (height, width, channels), 10 classes" in text
    assert "  val   no examples" in text


def test_only_the_first_of_many_classes_are_listed(own):
    many = dataclasses.replace(own, classes=1000, class_names=())
    assert "  and 980 more" in describe(many)
    assert len(describe(many).splitlines()) < 32


@pytest.mark.parametrize("name", ["digits", "own"])
def test_samples_are_drawn(name, own):
    dataset = load("digits") if name == "digits" else own
    figure = draw_samples(dataset)
    assert len(figure.axes) == 8 * min(dataset.classes, 10)
    drawn = [axes for axes in figure.axes if axes.images or axes.lines]
    assert len(drawn) == len(figure.axes)
    label = dataset.classes - 1
    first = dataset.train.images[dataset.train.labels == label][0]
    axes = figure.axes[8 * label]
    shown = np.asarray(axes.images[0].get_array() if axes.images else axes.lines[0].get_ydata())
    if name == "digits":
        np.testing.assert_allclose(shown, first[..., 0] / 255)
    else:
        np.testing.assert_array_equal(shown, first)
    figure.savefig(io.BytesIO(), format="png")


def _with_images(dataset, images):
    return dataclasses.replace(dataset, train=Split(images, dataset.train.labels[: len(images)]))


@pytest.mark.parametrize("bad", [-200.0, 300.0])
def test_numbers_that_unit_scaling_leaves_large_are_refused(own, bad):
    images = own.train.images.copy()
    images[0, 0] = bad
    large = _with_images(own, images)
    with pytest.raises(InputError, match=r"scaling is 'unit', .* allowed: 'feature' or 'channel'"):
        check_scaling(large, "unit")
    check_scaling(large, "feature")


def test_bytes_and_small_numbers_suit_unit_scaling(own):
    check_scaling(own, "unit")
    check_scaling(_with_images(own, np.full((3, 3), 255, np.uint8)), "unit")


def test_describing_imports_no_matplotlib():
    command = "import sys, dropout_lab.data; print('matplotlib' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", command], capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"
