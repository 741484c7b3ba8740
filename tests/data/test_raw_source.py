import importlib.resources

import numpy as np
import pytest

from dropout_lab.data import download, raw_source
from dropout_lab.data.catalog import IMAGE_SETS
from dropout_lab.data.dataset import canonical
from dropout_lab.errors import InputError


@pytest.mark.parametrize("name", IMAGE_SETS)
def test_registered_files_are_those_of_tfds(name):
    table = importlib.resources.files("tensorflow_datasets") / "url_checksums" / f"{name}.txt"
    theirs = {tuple(line.split("\t")[:3]) for line in table.read_text().splitlines()}
    ours = {(file.url, str(file.size), file.sha256) for file in IMAGE_SETS[name].files}
    assert ours == theirs


@pytest.mark.parametrize("name", IMAGE_SETS)
def test_original_files_decode_to_what_was_written(name, tmp_path, make_train_test, write_raw):
    train_test = make_train_test(name)
    image_set = write_raw(tmp_path / name, name, train_test)
    read = raw_source.read(image_set, raw_source.locate(image_set, str(tmp_path)))
    for part in ("train", "test"):
        expected, got = canonical(getattr(train_test, part)), getattr(read, part)
        assert (got.images.dtype, got.labels.dtype) == (np.uint8, np.int32)
        np.testing.assert_array_equal(got.images, expected.images)
        np.testing.assert_array_equal(got.labels, expected.labels)


def test_a_wrong_checksum_names_the_file_and_both_checksums(tmp_path, make_train_test, write_raw):
    image_set = write_raw(tmp_path / "mnist", "mnist", make_train_test("mnist"))
    bad = tmp_path / "mnist" / "t10k-images-idx3-ubyte.gz"
    right = image_set.files[2].sha256
    bad.write_bytes(bad.read_bytes() + b"x")
    with pytest.raises(InputError) as caught:
        raw_source.read(image_set, raw_source.locate(image_set, str(tmp_path)))
    assert str(caught.value).startswith(f"{bad}: sha256 is ")
    assert right in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_in_the_cache_are_found_too(own_cache, tmp_path, make_train_test, write_raw):
    folder = own_cache / "downloads" / "mnist"
    image_set = write_raw(folder, "mnist", make_train_test("mnist"))
    moved = tmp_path / "data" / "mnist"
    moved.mkdir(parents=True)
    (folder / image_set.files[0].name).rename(moved / image_set.files[0].name)
    for data_dir, parents in [(str(tmp_path / "data"), [moved, folder, folder, folder])]:
        paths = raw_source.locate(image_set, data_dir)
        assert [path.parent for path in paths] == parents


@pytest.mark.parametrize("given", [True, False])
def test_missing_files_are_downloaded_to_data_dir_or_the_cache(
    own_cache, tmp_path, monkeypatch, given
):
    monkeypatch.setattr(download, "fetch", lambda original, folder: folder / original.name)
    (path,) = raw_source.locate(IMAGE_SETS["cifar10"], str(tmp_path) if given else None)
    assert path.parent == (tmp_path if given else own_cache / "downloads") / "cifar10"
