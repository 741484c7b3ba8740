import errno
import json
import os
from pathlib import Path

import numpy as np
import pytest

from dropout_lab.data import load, raw_source, tfds_source
from dropout_lab.data.catalog import IMAGE_SETS
from dropout_lab.data.dataset import Split, TrainTest, canonical
from dropout_lab.errors import InputError


@pytest.fixture
def folder(tmp_path, make_train_test, write_tfds):
    return write_tfds(tmp_path / "mnist" / "3.0.1", "mnist", make_train_test("mnist"))


def _load(folder):
    return load("mnist", data_dir=str(folder.parent.parent), val_size=10)


@pytest.mark.parametrize("name", IMAGE_SETS)
def test_prepared_records_decode_to_what_was_written(name, tmp_path, make_train_test, write_tfds):
    train_test = make_train_test(name)
    read = tfds_source.read(IMAGE_SETS[name], write_tfds(tmp_path / "3.0.2", name, train_test))
    for part in ("train", "test"):
        expected, got = canonical(getattr(train_test, part)), getattr(read, part)
        assert (got.images.dtype, got.labels.dtype) == (np.uint8, np.int32)
        np.testing.assert_array_equal(got.images, expected.images)
        np.testing.assert_array_equal(got.labels, expected.labels)


@pytest.mark.usefixtures("folder")
def test_nothing_is_found_where_one_may_not_look(tmp_path, monkeypatch):
    """As in another user's home, by root too."""
    stat = os.stat

    def refuse(path, *args, **options):
        if str(path).startswith(str(tmp_path)):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return stat(path, *args, **options)

    monkeypatch.setattr(os, "stat", refuse)
    monkeypatch.setattr(os, "scandir", refuse)
    assert tfds_source.find("mnist", str(tmp_path)) is None
    assert raw_source.find(IMAGE_SETS["mnist"], str(tmp_path)) is None


def test_a_home_that_nobody_has_is_a_name_like_any_other():
    assert tfds_source.find("mnist", "~nobody-of-that-name") is None
    assert raw_source.find(IMAGE_SETS["mnist"], "~nobody-of-that-name") is None


def _cut(n):
    return lambda content: content[:n]


def _flip(place):
    def damage(content):
        place_in = place % len(content)
        return content[:place_in] + bytes([content[place_in] ^ 85]) + content[place_in + 1 :]

    return damage


@pytest.mark.parametrize("cached", [False, True], ids=["cold", "cached"])
@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(_cut(-1), id="one byte less"),
        pytest.param(_cut(-65536), id="one block less"),
        pytest.param(_cut(70_000), id="half"),
        pytest.param(_cut(10), id="ten bytes"),
        pytest.param(_cut(0), id="empty"),
        pytest.param(_flip(100), id="flip in a header"),
        pytest.param(_flip(9_000), id="flip in a record"),
        pytest.param(_flip(-65536), id="flip in the footer"),
        pytest.param(lambda content: content + b"x" * 100, id="longer"),
    ],
)
def test_a_damaged_shard_is_an_error_that_names_it(folder, damage, cached):
    if cached:
        _load(folder)
    shard = folder / "mnist-train.array_record-00001-of-00002"
    shard.write_bytes(damage(shard.read_bytes()))
    with pytest.raises(InputError) as caught:
        _load(folder)
    assert str(caught.value).startswith(f"{shard}: damaged, cut short or not of mnist (")
    assert "\n" not in str(caught.value)


def test_a_missing_shard_is_an_error_that_names_it(folder):
    shard = folder / "mnist-test.array_record-00000-of-00002"
    shard.unlink()
    with pytest.raises(InputError, match=f"^{shard}: .*FileNotFoundError"):
        _load(folder)


@pytest.mark.parametrize("claimed", [19, 21])
def test_a_count_other_than_dataset_infos_is_an_error(folder, claimed):
    info = json.loads((folder / "dataset_info.json").read_text())
    info["splits"][0]["shardLengths"][1] = str(claimed)
    (folder / "dataset_info.json").write_text(json.dumps(info))
    with pytest.raises(InputError, match=f"00001-of-00002: .*20 records, but .* says {claimed}"):
        _load(folder)


@pytest.mark.parametrize("content", ["", "{", "[1]"])
def test_a_bad_dataset_info_is_an_error_that_names_it(folder, content):
    (folder / "dataset_info.json").write_text(content)
    with pytest.raises(InputError, match=r"dataset_info\.json: not readable \("):
        _load(folder)


def test_missing_features_are_an_error_that_names_the_folder(folder):
    (folder / "features.json").unlink()
    with pytest.raises(InputError, match=f"^{folder}: not a prepared TFDS data set"):
        _load(folder)


def test_images_of_another_shape_are_an_error(tmp_path, make_train_test, write_tfds):
    train_test = make_train_test("cifar10")
    folder = write_tfds(tmp_path / "mnist" / "3.0.1", "mnist", train_test)
    with pytest.raises(InputError, match=r"an image of shape \(32, 32, 3\), not \(28, 28, 1\)"):
        _load(folder)


def test_labels_beyond_the_classes_are_an_error(tmp_path, make_train_test, write_tfds):
    train_test = make_train_test("mnist")
    train = Split(train_test.train.images, train_test.train.labels + 5)
    folder = tmp_path / "mnist" / "3.0.1"
    write_tfds(folder, "mnist", TrainTest(train, train_test.test))
    with pytest.raises(InputError, match=r"labels 5\.\.14 in mnist; must be in 0\.\.9"):
        _load(folder)


def test_the_newest_version_in_array_record_format_is_taken(
    tmp_path, make_train_test, write_tfds, monkeypatch
):
    for version in ("3.0.1", "10.0.0", "3.9.0", "11.0.0"):
        write_tfds(tmp_path / "mnist" / version, "mnist", make_train_test("mnist", 4, 4), shards=1)
    write_tfds(tmp_path / "mnist" / "12.0.0.incomplete", "mnist", make_train_test("mnist", 4, 4))
    info = tmp_path / "mnist" / "11.0.0" / "dataset_info.json"
    info.write_text(info.read_text().replace("array_record", "tfrecord"))
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    assert tfds_source.find("mnist", None) == tmp_path / "mnist" / "10.0.0"
    assert tfds_source.find("mnist", str(tmp_path / "absent")) is not None
    assert tfds_source.find("cifar10", None) is None


@pytest.mark.slow
@pytest.mark.parametrize(("name", "val_size"), [("mnist", 10_000), ("cifar10", 5_000)])
def test_real_data_loads_whole_and_is_read_once(real_tfds, name, val_size, monkeypatch):
    root = real_tfds(name)
    reads, read = [], tfds_source.read

    def counted(*args):
        reads.append(args)
        return read(*args)

    monkeypatch.setattr(tfds_source, "read", counted)
    data, again = (load(name, data_dir=root) for _ in range(2))
    whole = 60_000 if name == "mnist" else 50_000
    assert (len(data.train), len(data.val), len(data.test)) == (whole - val_size, val_size, 10_000)
    assert data.train.images.shape[1:] == IMAGE_SETS[name].shape
    assert np.bincount(data.train.labels, minlength=10).min() > 0.08 * len(data.train)
    assert np.bincount(data.val.labels, minlength=10).min() > 0.08 * len(data.val)
    assert data.fingerprint == again.fingerprint
    assert len(reads) == 1  # then it is cached


@pytest.mark.slow
@pytest.mark.parametrize("size", [0, 1_000_000, -1])
def test_real_data_cut_short_is_an_error(real_tfds, tmp_path, size):
    source = next(Path(real_tfds("mnist"), "mnist").glob("*/dataset_info.json")).parent
    folder = tmp_path / "mnist" / source.name
    folder.mkdir(parents=True)
    for file in source.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    shard = folder / "mnist-train.array_record-00000-of-00001"
    os.truncate(shard, size % shard.stat().st_size)
    with pytest.raises(InputError, match=f"^{shard}: damaged, cut short"):
        load("mnist", data_dir=str(tmp_path))
