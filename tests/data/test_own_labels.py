"""Labels of any kind."""

import re

import numpy as np
import pytest

from dropout_lab.data.own import labels
from dropout_lab.errors import InputError


def _convert(*arrays):
    return labels.convert("own.npz", {f"y_{number}": array for number, array in enumerate(arrays)})


@pytest.mark.parametrize(
    ("array", "ids", "names"),
    [
        (np.array([0, 2, 1, 2]), [0, 2, 1, 2], ()),
        (np.array([0, 2, 1], np.uint8), [0, 2, 1], ()),
        (np.array([0.0, 2.0, 1.0]), [0, 2, 1], ()),
        (np.array([[0], [1]]), [0, 1], ()),
        (np.array([1, 3, 2, 3]), [0, 2, 1, 2], ("1", "2", "3")),
        (np.array([-1, 1, -1]), [0, 1, 0], ("-1", "1")),
        (np.array([0, 7, 9]), [0, 1, 2], ("0", "7", "9")),
        (np.array([True, False]), [1, 0], ("False", "True")),
        (np.array(["ewe", "cat", "ewe"]), [1, 0, 1], ("cat", "ewe")),
        (np.array([b"ewe", b"cat"]), [1, 0], ("cat", "ewe")),
        (np.array(["10", "9", "2"]), [2, 1, 0], ("2", "9", "10")),
        (np.eye(4)[[2, 0]], [2, 0], ()),
        (np.eye(3, dtype=bool)[[2, 1, 0]], [2, 1, 0], ()),
    ],
    ids=lambda value: f"{value.dtype} {value.shape}" if isinstance(value, np.ndarray) else "",
)
def test_labels_become_classes(array, ids, names):
    classes = _convert(array)
    assert classes.ids["y_0"].tolist() == ids
    assert classes.ids["y_0"].dtype == np.int32
    assert classes.names == names


def test_one_hot_rows_keep_classes_that_nothing_has():
    assert _convert(np.eye(4)[[2, 0]]).count == 4


def test_parts_are_mapped_together():
    classes = _convert(np.array(["b", "c"]), np.array(["a", "c"]))
    assert (classes.ids["y_0"].tolist(), classes.ids["y_1"].tolist()) == ([1, 2], [0, 2])
    assert classes.notes == ["labels 'a', 'b', 'c' became 0..2"]


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (
            np.array([0.5, 1.5, 2.5]),
            "3 different values .* not for regression",
        ),
        (np.arange(300), "300 different labels for 300 examples; .* not for regression"),
        (np.array([f"name {number}" for number in range(300)]), "300 different labels"),
        (np.array([0.0, np.nan]), "lacks 1 of 2 labels, the first in example 1; drop"),
        (np.array(["a", "", "nan"]), "lacks 2 of 3 labels, the first in example 1; drop"),
        (np.array([0.0, np.inf]), "not whole numbers"),
        (np.array([0, 2**63], np.uint64), "must be class numbers"),
        (np.array([1e300, 0]), "must be class numbers"),
        (np.array([[1, 1, 0], [0, 1, 0]]), "marks 1 to 2 classes per example; .* exactly one"),
        (np.array([[0, 0], [0, 1]]), "marks 0 to 1 classes per example"),
        (np.array([[0.5, 0.5], [0.1, 0.9]]), r"probabilities of 2 classes; .* y\.argmax\(1\)"),
        (np.array([[0.5, 3.5], [0.1, 0.9]]), r"shape \(2, 2\); .* classification only"),
        (np.array([["a", "b"]]), r"shape \(1, 2\); must be \(1,\)"),
        (np.zeros((2, 2, 2)), r"shape \(2, 2, 2\); must be \(n,\)"),
        (np.array([1j, 2]), "is complex128; labels must be"),
        (np.array(["2020-01-01"], "datetime64[D]"), "is datetime64"),
    ],
    ids=lambda value: str(value.shape) if isinstance(value, np.ndarray) else value[:12],
)
def test_what_is_no_class_is_refused(array, message):
    with pytest.raises(InputError, match=f"^own.npz: y_0 .*{message}") as caught:
        _convert(array)
    assert "\n" not in str(caught.value)


def test_parts_of_different_kinds_are_refused():
    message = re.escape("different types (y_0 int64, y_1 <U1); must be alike")
    with pytest.raises(InputError, match=message):
        _convert(np.array([0, 1]), np.array(["a", "b"]))


def test_many_examples_may_have_many_classes():
    assert _convert(np.repeat(np.arange(300), 2)).count == 300
