"""Directories that nearly hold a data set; and that looking leaves nothing behind."""

import dataclasses

import pytest

from dropout_lab.data import catalog, download, load
from dropout_lab.data.catalog import IMAGE_SETS
from dropout_lab.data.near_miss import near_miss
from dropout_lab.errors import InputError

MNIST = IMAGE_SETS["mnist"]


@pytest.fixture(autouse=True)
def _no_network(monkeypatch):
    monkeypatch.setattr(download, "_BACKOFF_S", 0.001)
    for name, image_set in IMAGE_SETS.items():
        files = tuple(
            dataclasses.replace(file, url=f"http://127.0.0.1:9/{file.name}")
            for file in image_set.files
        )
        unreachable = dataclasses.replace(image_set, files=files)
        monkeypatch.setitem(catalog.IMAGE_SETS, name, unreachable)


def _files(root):
    return sorted(str(path.relative_to(root)) for path in root.rglob("*"))


def _write(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"anything")


PREPARED = "mnist/3.0.1/dataset_info.json"
IMAGES = "train-images-idx3-ubyte"
MISSES = [
    (
        "mnist",
        "mnist",
        [PREPARED],
        r"mnist is the folder of mnist itself: name its parent, {root}\.",
    ),
    ("mnist", "mnist/3.0.1", [PREPARED], r"3\.0\.1 is a version of mnist: name .* above, {root}\."),
    ("mnist", "", [f"tfds/{PREPARED}"], r"is one level too high: name {root}/tfds\."),
    (
        "mnist",
        "",
        [f"{IMAGES}.gz"],
        r"holds {root}/train-images-idx3-ubyte\.gz; must be in {root}/mnist",
    ),
    ("mnist", "", [f"MNIST/raw/{IMAGES}.gz"], r"holds {root}/MNIST/raw/train-im.*; must be in"),
    ("mnist", "", [f"mnist/{IMAGES}"], r"holds {root}/mnist/train-im.*, unpacked; only the \.gz"),
    ("fashion_mnist", "", [f"FashionMNIST/raw/{IMAGES}"], r"FashionMNIST.*, unpacked; only"),
    ("cifar10", "", ["cifar-10-binary.tar.gz"], r"cifar-10-binary\.tar\.gz; must be in {root}/cif"),
    ("cifar10", "", ["cifar10/cifar-10-python.tar.gz"], "the Python version; only the binary"),
    ("cifar10", "", ["cifar-10-batches-bin/test_batch.bin"], r"unpacked; .* put cifar-10-binary\."),
    ("cifar100", "", ["cifar100/cifar-100-binary/test.bin"], r"unpacked; .* put cifar-100-bin"),
]


@pytest.mark.parametrize(
    ("name", "inside", "files", "message"), MISSES, ids=lambda value: str(value)[:40]
)
def test_a_near_miss_is_named_and_nothing_is_left_behind(tmp_path, name, inside, files, message):
    root = tmp_path / "root"
    _write(root, *files)
    for file in root.rglob("dataset_info.json"):
        file.write_text('{"fileFormat": "array_record"}')
    before = _files(tmp_path)
    with pytest.raises(
        InputError, match=f"no data for '{name}': " + r".*" + message.format(root=root)
    ):
        load(name, data_dir=str(root / inside))
    assert _files(tmp_path) == before


@pytest.mark.parametrize("form", ['"tfrecord"', '"riegeli"', "null"])
def test_another_format_is_a_near_miss(tmp_path, form):
    _write(tmp_path, PREPARED)
    (tmp_path / PREPARED).write_text(f'{{"fileFormat": {form}}}')
    with pytest.raises(
        InputError, match=r"mnist/3\.0\.1 in \w+ format, .* `tfds build mnist --file_"
    ):
        load("mnist", data_dir=str(tmp_path))


@pytest.mark.parametrize(
    "files",
    [(), ("cifar10/3.0.2/dataset_info.json",), ("FashionMNIST/raw/train-images-idx3-ubyte.gz",)],
    ids=["empty", "another set", "files of the same names"],
)
def test_a_directory_of_other_data_is_no_near_miss(tmp_path, files):
    _write(tmp_path, *files)
    assert near_miss(MNIST, str(tmp_path)) is None


def test_a_near_miss_elsewhere_is_named_among_the_ways(tmp_path, monkeypatch):
    _write(tmp_path, f"tfds/{PREPARED}")
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    with pytest.raises(InputError, match=rf"Three ways .*; {tmp_path} is one level too high: name"):
        load("mnist")


def test_a_near_miss_does_not_hide_what_is_there(tmp_path, make_train_test, write_tfds):
    write_tfds(tmp_path / "mnist" / "3.0.1", "mnist", make_train_test("mnist"))
    _write(tmp_path, f"{IMAGES}.gz")
    assert len(load("mnist", data_dir=str(tmp_path), val_size=4).train) == 36


@pytest.mark.parametrize("data_dir", ["new/folder", "there", None])
def test_a_failed_search_leaves_nothing_behind(tmp_path, data_dir):
    (tmp_path / "there").mkdir()
    before = _files(tmp_path)
    with pytest.raises(InputError, match="no data for 'mnist'"):
        load("mnist", data_dir=data_dir and str(tmp_path / data_dir))
    assert _files(tmp_path) == before


def test_a_data_directory_may_name_the_home_and_variables(
    tmp_path, monkeypatch, make_train_test, write_tfds
):
    write_tfds(tmp_path / "data" / "mnist" / "3.0.1", "mnist", make_train_test("mnist"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("MINE", "data")
    assert len(load("mnist", data_dir="~/$MINE", val_size=4).train) == 36
    monkeypatch.setenv("TFDS_DATA_DIR", "$HOME/data")
    assert len(load("mnist", val_size=4).train) == 36


@pytest.mark.usefixtures("own_cache")
def test_original_files_in_the_home_are_read(tmp_path, monkeypatch, make_train_test, write_raw):
    monkeypatch.setenv("HOME", str(tmp_path))
    image_set = write_raw(tmp_path / "data" / "mnist", "mnist", make_train_test("mnist"))
    monkeypatch.setitem(catalog.IMAGE_SETS, "mnist", image_set)
    assert len(load("mnist", data_dir="~/data", val_size=4).train) == 36
