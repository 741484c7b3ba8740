import gzip
import pickle
import re
from typing import Any

import numpy as np
import pytest

from dropout_lab.data import load
from dropout_lab.errors import InputError


def _arrays(**changed):
    rng = np.random.default_rng(0)
    arrays = {
        "x_train": rng.normal(size=(31, 4)),
        "y_train": np.arange(31) % 3,
        "x_test": rng.normal(size=(6, 4)),
        "y_test": np.arange(6) % 5,
    }
    return {key: value for key, value in {**arrays, **changed}.items() if value is not None}


@pytest.fixture
def save(tmp_path):
    def write(**changed):
        np.savez(tmp_path / "own.npz", **_arrays(**changed))
        return str(tmp_path / "own.npz")

    return write


def test_floats_become_float32_and_a_sixth_is_validation(save):
    data = load("npz", path=save())
    assert (len(data.train), len(data.val), len(data.test)) == (26, 5, 6)
    assert data.train.images.dtype == np.float32
    assert data.train.labels.dtype == np.int32
    assert (data.classes, data.class_names) == (5, ())
    assert data.notes == ("classes without a training example: 3, 4",)
    seen = np.concatenate([data.train.images, data.val.images])
    order = np.lexsort(seen.T)
    expected = _arrays()["x_train"].astype(np.float32)
    np.testing.assert_array_equal(seen[order], expected[np.lexsort(expected.T)])


def test_bytes_of_any_rank_stay_as_they_are(save):
    x = np.arange(31 * 8, dtype=np.uint8).reshape(31, 2, 2, 2)
    data = load("npz", path=save(x_train=x, x_test=x[:6]), val_size=0)
    assert data.train.images.dtype == np.uint8
    assert data.train.images.shape == (31, 2, 2, 2)


def test_examples_keep_their_labels(save):
    x = np.arange(31, dtype=np.float32)[:, None]
    data = load("npz", path=save(x_train=x, x_test=x[:6]), val_size=7)
    for split in (data.train, data.val):
        np.testing.assert_array_equal(split.images[:, 0] % 3, split.labels)


def test_a_file_of_older_records_has_the_fingerprint_it_had(save):
    """Floats, labels 0, 1, ... and a test part: nothing is converted."""
    data = load("npz", path=save(y_test=np.arange(6) % 3))
    assert data.notes == ()
    assert data.fingerprint.startswith("776b823d5931")


@pytest.mark.parametrize(
    "names",
    [
        ("x_train", "y_train", "x_test", "y_test"),
        ("X_train", "Y_train", "X_test", "Y_test"),
        ("train_images", "train_labels", "test_images", "test_labels"),
        ("trainX", "trainY", "testX", "testY"),
        ("train_set_x", "train_set_y", "test_set_x", "test_set_y"),
        ("features", "targets", "test_features", "test_targets"),
    ],
    ids=lambda names: names[0],
)
def test_usual_names_are_found(tmp_path, save, names):
    expected = load("npz", path=save())
    path = str(tmp_path / "renamed.npz")
    renamed: dict[str, Any] = dict(zip(names, _arrays().values(), strict=True))
    np.savez(path, **renamed, feature_names=np.array(["a", "b", "c", "d"]))
    data = load("npz", path=path)
    assert data.fingerprint == expected.fingerprint
    noted = f"arrays read: {', '.join(names)}" in data.notes
    assert noted == (names[0] != "x_train")


def test_names_given_are_read(tmp_path, save):
    expected = load("npz", path=save())
    path = str(tmp_path / "renamed.npz")
    np.savez(path, *_arrays().values())
    data = load("npz", path=path, arrays="arr_0, arr_1,arr_2,arr_3")
    assert data.fingerprint == expected.fingerprint


def test_two_names_are_training_data_of_which_a_sixth_is_the_test_part(save):
    data = load("npz", path=save(), arrays="x_train,y_train")
    assert (len(data.train), len(data.val), len(data.test)) == (22, 4, 5)
    assert data.notes == (
        "no test part: 5 of the 31 examples, chosen by their hashes, are held out as one",
    )


def test_a_validation_part_is_what_is_held_out(save):
    rng = np.random.default_rng(1)
    x_val = rng.normal(size=(9, 4)).astype(np.float32)
    data = load("npz", path=save(x_val=x_val, y_val=np.arange(9) % 3))
    assert (len(data.train), len(data.val)) == (31, 9)
    assert {row.tobytes() for row in data.val.images} == {row.tobytes() for row in x_val}


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ("x_train", "config.data.arrays is 'x_train'; allowed: two, four or six names"),
        ("x_train,", "config.data.arrays is 'x_train,'; allowed: two, four or six names"),
        ("x_train,z", "no array z; it holds x_train (31, 4) float64, y_train (31,) int64, x_test"),
    ],
)
def test_bad_names_are_refused(save, arrays, message):
    with pytest.raises(InputError, match=re.escape(message)):
        load("npz", path=save(), arrays=arrays)


@pytest.mark.parametrize("name", ["table", "image_folder", "digits"])
def test_names_are_for_npz_alone(save, name):
    path = None if name == "digits" else save()
    with pytest.raises(InputError, match=r"arrays is 'x,y' with '\w+'; allowed: only with 'npz'"):
        load(name, path=path, arrays="x,y")


def test_other_names_are_listed(tmp_path):
    np.savez(tmp_path / "own.npz", kspace=np.ones((2, 3)), mask=np.ones(2, bool))
    with pytest.raises(InputError) as caught:
        load("npz", path=str(tmp_path / "own.npz"))
    assert str(caught.value).endswith(
        "own.npz: no array x_train, y_train; it holds kspace (2, 3) float64, mask (2,) bool; "
        "config.data.arrays names those to read, in the order x_train, y_train, x_test, y_test."
    )


def test_two_arrays_of_one_role_are_a_question(save):
    path = save(x_train=None, train_images=np.ones((31, 4)), train_data=np.ones((31, 4)))
    with pytest.raises(InputError, match="which of train_images, train_data to read"):
        load("npz", path=path)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"y_test": None}, "no array y_test; it holds x_train"),
        ({"y_train": np.arange(30)}, "y_train has shape (30,); must be (31,), one label for each"),
        ({"x_train": np.ones(31)}, "x_train has shape (31,); must be (n, ...), rank >= 2"),
        ({"x_train": np.ones(())}, "x_train has shape (); must be (n, ...), rank >= 2"),
        ({"x_test": np.ones((0, 4)), "y_test": np.ones(0)}, "x_test has shape (0, 4); must be"),
        ({"x_test": np.ones((6, 5))}, "x_train has examples of shape (4,), x_test of (5,)"),
        (
            {"x_train": np.ones((4, 5, 31))},
            "x_train has shape (4, 5, 31), y_train (31,); the last axis of x_train counts "
            "examples: save np.moveaxis(x_train, -1, 0).",
        ),
    ],
)
def test_bad_arrays_are_refused(save, changed, message):
    path = save(**changed)
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        load("npz", path=path)
    assert str(caught.value).startswith(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changed", "cure"),
    [
        (
            {"y_train": np.array(["cat", "dog", "cat"] * 10 + ["dog"], object)},
            "y_train.astype(str)",
        ),
        ({"x_test": np.array([np.ones(2)] * 5 + [np.ones(3)], object)}, "np.stack(x_test) for"),
    ],
    ids=["labels of pandas", "ragged rows"],
)
def test_objects_are_refused_with_the_cure(save, changed, cure):
    with pytest.raises(
        InputError, match=r"holds Python objects; .* not loaded\. Save it"
    ) as caught:
        load("npz", path=save(**changed))
    assert cure in str(caught.value)


CONTENTS = {
    "empty": (b"", "is empty"),
    "CSV": (
        b"label,a\n1,2\n",
        "is a table, not an .npz of arrays: set config.data.name to 'table'",
    ),
    "pickle": (pickle.dumps({"x": 1}), "is a pickle, .* can run code"),
    "gzip": (gzip.compress(b"label,a\n1,2\n"), "is compressed by gzip, .* gunzip"),
    "HDF5": (b"\x89HDF\r\n\x1a\n", "is an HDF5 file, .* h5py"),
    "parquet": (b"PAR1....PAR1", "is a table, .* 'table'"),
    "PNG": (b"\x89PNG\r\n\x1a\n", "is a single image, .* 'image_folder'"),
    "noise": (bytes(range(128, 256)), "of a kind that is not recognised"),
    "zip": (b"PK\x05\x06" + bytes(18), "no array x_train, y_train; it holds no array"),
}


@pytest.mark.parametrize(("content", "message"), CONTENTS.values(), ids=CONTENTS)
def test_other_files_are_called_what_they_are(tmp_path, content, message):
    (tmp_path / "own.npz").write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        load("npz", path=str(tmp_path / "own.npz"))
    assert "\n" not in str(caught.value)


def test_a_bare_array_is_refused(tmp_path):
    np.save(tmp_path / "x.npy", np.ones(3))
    with pytest.raises(InputError, match=r"x\.npy is a bare array .* one \.npz by np\.savez"):
        load("npz", path=str(tmp_path / "x.npy"))


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"is a folder, not an \.npz of arrays: 'image_folder'"):
        load("npz", path=str(tmp_path))


def test_a_missing_file_is_refused_with_what_is_there(tmp_path, save):
    save()
    with pytest.raises(InputError, match=r"own\.npy does not exist; in .* there are own\.npz\.$"):
        load("npz", path=str(tmp_path / "own.npy"))


def test_damaged_files_are_refused(tmp_path, save):
    whole = (tmp_path / save()).read_bytes()
    flipped = bytearray(whole)
    flipped[200] ^= 1  # in the values of x_train, which the zip's own checksum guards
    for name, content in {"cut": whole[: len(whole) // 2], "flipped": flipped}.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=r"not a readable \.npz") as caught:
            load("npz", path=str(tmp_path / name))
        assert str(caught.value).startswith(str(tmp_path / name))


def test_paths_may_name_the_home_and_variables(tmp_path, monkeypatch, save):
    expected = load("npz", path=save())
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("OWN", "own")
    assert load("npz", path="~/$OWN.npz").fingerprint == expected.fingerprint


def test_a_variable_that_is_not_set_is_named(monkeypatch):
    monkeypatch.delenv("OWN", raising=False)
    with pytest.raises(InputError, match=r"^\$OWN/x.npz: the environment variable OWN is not set;"):
        load("npz", path="$OWN/x.npz")
