import dataclasses
import importlib.util
import inspect
import subprocess
import sys
import types

import pytest

from dropout_lab.data import DATASETS, OWN, catalog, download, load, raw_source
from dropout_lab.errors import InputError


@pytest.fixture
def register(monkeypatch):
    """Returns a function that puts a fake set in the place of the published one."""
    monkeypatch.setattr(download, "_BACKOFF_S", 0.001)
    return lambda image_set: monkeypatch.setitem(catalog.IMAGE_SETS, image_set.name, image_set)


def test_names():
    images = ("mnist", "fashion_mnist", "cifar10", "cifar100")
    published = ("digits", *images, "imdb_reviews", "ag_news_subset")
    assert (*published, *OWN) == DATASETS
    assert OWN == ("npz", "table", "image_folder", "text_lines", "text")


def test_an_unknown_name_gets_the_nearest(tmp_path):
    with pytest.raises(InputError, match="unknown dataset 'minst'; did you mean 'mnist'"):
        load("minst")


@pytest.mark.parametrize(("name", "path"), [("npz", None), ("table", ""), ("digits", "own.npz")])
def test_a_path_is_for_own_data_alone(name, path):
    with pytest.raises(InputError, match=f"dataset '{name}' with path .*: 'npz' or 'table' or "):
        load(name, path=path)


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "cifar10", "cifar100"])
def test_sources_in_different_orders_give_the_same_data(
    name, tmp_path, make_train_test, write_tfds, write_raw, register
):
    train_test = make_train_test(name)
    register(write_raw(tmp_path / "raw" / name, name, train_test))
    turned = type(train_test)(train_test.train[::-1], train_test.test[::-1])
    write_tfds(tmp_path / "tfds" / name / "3.0.1", name, turned)
    prints = [
        load(name, data_dir=str(tmp_path / folder), val_size=7).fingerprint
        for folder in ("raw", "tfds", "raw", "tfds")  # the second time from the cache
    ]
    assert len(set(prints)) == 1


def test_an_original_file_that_changed_is_not_served_from_the_cache(
    tmp_path, make_train_test, write_raw, register
):
    image_set = write_raw(tmp_path / "mnist", "mnist", make_train_test("mnist"))
    register(image_set)
    load("mnist", data_dir=str(tmp_path), val_size=4)
    path = tmp_path / "mnist" / image_set.files[1].name
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(InputError, match=f"^{path}: sha256 is "):
        load("mnist", data_dir=str(tmp_path), val_size=4)


def test_default_validation_sizes():
    sizes = {name: image_set.val_size for name, image_set in catalog.IMAGE_SETS.items()}
    expected = {"mnist": 10_000, "fashion_mnist": 10_000, "cifar10": 5_000, "cifar100": 5_000}
    assert sizes == expected


def test_default_validation_size_is_used(tmp_path, make_train_test, write_tfds):
    write_tfds(tmp_path / "mnist" / "3.0.1", "mnist", make_train_test("mnist"))
    with pytest.raises(InputError, match=r"val_size 10000 of mnist: must be in 0\.\.39"):
        load("mnist", data_dir=str(tmp_path))


def test_an_explicit_folder_without_the_data_falls_through(
    tmp_path, monkeypatch, make_train_test, write_tfds
):
    write_tfds(tmp_path / "tfds" / "mnist" / "3.0.1", "mnist", make_train_test("mnist"))
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "tfds"))
    assert len(load("mnist", data_dir=str(tmp_path / "absent"), val_size=4).train) == 36


def test_no_data_and_no_network_says_the_three_ways(tmp_path, make_train_test, write_raw, register):
    register(write_raw(tmp_path / "elsewhere", "mnist", make_train_test("mnist")))
    data_dir = str(tmp_path / "data")
    with pytest.raises(InputError) as caught:
        load("mnist", data_dir=data_dir)
    message = str(caught.value)
    assert "\n" not in message
    for part in (
        "no data for 'mnist'. Three ways to get it: (1)",
        f"$TFDS_DATA_DIR at a folder where TFDS has prepared it as mnist/<version>/ in "
        f"array_record format (none in {data_dir}, {tmp_path / 'home'}/tensorflow_datasets)",
        "(2) install TensorFlow, so that TFDS can prepare it here (TensorFlow is not installed)",
        f"(3) put the original files (train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz, "
        f"t10k-images-idx3-ubyte.gz, t10k-labels-idx1-ubyte.gz) into {data_dir}/mnist",
        "(http://127.0.0.1:9/train-images-idx3-ubyte.gz: <urlopen error [Errno 111] Connection",
    ):
        assert part in message


def test_a_data_set_without_original_files_has_two_ways(tmp_path, register):
    image_set = dataclasses.replace(catalog.IMAGE_SETS["mnist"], files=())
    register(image_set)
    assert raw_source.find(image_set, str(tmp_path)) is None
    with pytest.raises(
        InputError, match=r"no data for 'mnist'\. Two ways to get it: \(1\)"
    ) as caught:
        load("mnist", data_dir=str(tmp_path))
    assert "(3)" not in str(caught.value)


@pytest.fixture
def tensorflow(monkeypatch):
    """Makes TensorFlow look installed; returns a function that sets what TFDS does to prepare."""
    import tensorflow_datasets as tfds

    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: name == "tensorflow" or real(name)
    )

    def set_prepare(prepare):
        def builder(name, *, data_dir, file_format):
            folder = data_dir / name / "3.0.1"
            assert file_format == "array_record"
            return types.SimpleNamespace(
                data_path=str(folder), download_and_prepare=lambda: prepare(folder)
            )

        monkeypatch.setattr(tfds, "builder", builder)

    return set_prepare


def test_tfds_prepares_where_tensorflow_is(tmp_path, tensorflow, make_train_test, write_tfds):
    calls = []

    def prepare(folder):
        calls.append(folder)
        write_tfds(folder, "mnist", make_train_test("mnist"))

    tensorflow(prepare)
    for _ in range(2):
        assert len(load("mnist", data_dir=str(tmp_path), val_size=4).train) == 36
    assert calls == [tmp_path / "mnist" / "3.0.1"]


def test_original_files_serve_when_tfds_cannot_prepare(
    tmp_path, tensorflow, make_train_test, write_raw, register
):
    def prepare(folder):
        raise RuntimeError("no\nway")

    tensorflow(prepare)
    image_set = write_raw(tmp_path / "mnist", "mnist", make_train_test("mnist"))
    register(image_set)
    assert len(load("mnist", data_dir=str(tmp_path), val_size=4).train) == 36
    (tmp_path / "mnist" / image_set.files[0].name).unlink()
    with pytest.raises(InputError, match=r"can prepare it here \(TFDS failed with no way\)"):
        load("mnist", data_dir=str(tmp_path))


def test_importing_is_light():
    command = (
        "import sys, dropout_lab.data\n"
        "heavy = {'jax', 'tensorflow_datasets', 'sklearn', 'array_record', 'PIL', 'tensorflow'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", command], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_every_option_of_load_is_keyword_only():
    kinds = [parameter.kind.name for parameter in inspect.signature(load).parameters.values()]
    assert kinds == ["POSITIONAL_OR_KEYWORD"] + ["KEYWORD_ONLY"] * 9
