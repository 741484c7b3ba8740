"""Small fake data sets in the published formats; a cache and home of its own for each test."""

import dataclasses
import gzip
import hashlib
import io
import json
import tarfile

import numpy as np
import pytest

from dropout_lab.data.catalog import IMAGE_SETS, OriginalFile
from dropout_lab.data.dataset import Split, TrainTest


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """Keeps tests from the user's data, cache and proxies."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.delenv("TFDS_DATA_DIR", raising=False)
    return tmp_path / "xdg" / "dropout_lab"


@pytest.fixture
def make_train_test():
    """Returns a function that makes random examples like those of a named data set."""

    def make(name, train=40, test=12):
        rng = np.random.default_rng(7)
        image_set = IMAGE_SETS[name]

        def split(n):
            images = rng.integers(0, 256, (n, *image_set.shape), np.uint8)
            return Split(images, rng.integers(0, image_set.classes, n).astype(np.int32))

        return TrainTest(split(train), split(test))

    return make


@pytest.fixture
def write_tfds():
    """Returns a function that writes a prepared TFDS folder, by default as two shards each."""

    def write(folder, name, train_test, shards=2):
        folder.mkdir(parents=True, exist_ok=True)
        splits = []
        for part in ("train", "test"):
            split = getattr(train_test, part)
            rows = np.array_split(np.arange(len(split)), shards)
            for number, chunk in enumerate(rows):
                file = f"{name}-{part}.array_record-{number:05}-of-{shards:05}"
                _write_shard(folder / file, split[chunk])
            splits.append(
                {
                    "name": part,
                    "filepathTemplate": "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}",
                    "numBytes": "1",
                    "shardLengths": [str(len(chunk)) for chunk in rows],
                }
            )
        info = {"name": name, "fileFormat": "array_record", "splits": splits}
        info["version"] = folder.name
        (folder / "dataset_info.json").write_text(json.dumps(info))
        (folder / "features.json").write_text(json.dumps(_features(IMAGE_SETS[name])))
        return folder

    return write


def _write_shard(path, split):
    from array_record.python.array_record_module import ArrayRecordWriter
    from PIL import Image
    from tensorflow_datasets.proto import tf_example_pb2

    writer = ArrayRecordWriter(str(path), "group_size:1")
    for image, label in zip(split.images, split.labels.tolist(), strict=True):
        png = io.BytesIO()
        Image.fromarray(image.squeeze()).save(png, "PNG")
        feature = (example := tf_example_pb2.Example()).features.feature
        feature["image"].bytes_list.value.append(png.getvalue())
        feature["label"].int64_list.value.append(label)
        writer.write(example.SerializeToString())
    writer.close()


def _features(image_set):
    module = "tensorflow_datasets.core.features."
    dimensions = [str(length) for length in image_set.shape]
    return {
        "pythonClassName": module + "features_dict.FeaturesDict",
        "featuresDict": {
            "features": {
                "image": {
                    "pythonClassName": module + "image_feature.Image",
                    "image": {"dtype": "uint8", "shape": {"dimensions": dimensions}},
                },
                "label": {
                    "pythonClassName": module + "class_label_feature.ClassLabel",
                    "classLabel": {"numClasses": str(image_set.classes)},
                },
            }
        },
    }


@pytest.fixture
def write_raw():
    """Returns a function that writes original files and gives the ImageSet that registers them."""

    def write(folder, name, train_test, address="http://127.0.0.1:9/"):
        folder.mkdir(parents=True, exist_ok=True)
        contents = _cifar(name, train_test) if name.startswith("cifar") else _idx(train_test)
        files = []
        for original, content in zip(IMAGE_SETS[name].files, contents, strict=True):
            (folder / original.name).write_bytes(content)
            digest = hashlib.sha256(content).hexdigest()
            files.append(OriginalFile(address + original.name, len(content), digest))
        return dataclasses.replace(IMAGE_SETS[name], files=tuple(files))

    return write


def _idx(train_test):
    for split in (train_test.train, train_test.test):
        for array in (split.images.squeeze(-1), split.labels.astype(np.uint8)):
            header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">i4").tobytes()
            yield gzip.compress(header + array.tobytes())


def _cifar(name, train_test):
    folder, train_files = {
        "cifar10": ("cifar-10-batches-bin", [f"data_batch_{n}.bin" for n in range(1, 6)]),
        "cifar100": ("cifar-100-binary", ["train.bin"]),
    }[name]
    test_file = "test_batch.bin" if name == "cifar10" else "test.bin"
    tarball = io.BytesIO()
    with tarfile.open(fileobj=tarball, mode="w:gz") as archive:
        rows = np.array_split(np.arange(len(train_test.train)), len(train_files))
        parts = {
            file: train_test.train[chunk] for file, chunk in zip(train_files, rows, strict=True)
        }
        for file, split in {**parts, test_file: train_test.test}.items():
            planes = split.images.transpose(0, 3, 1, 2).reshape(len(split), -1)
            labels = split.labels.astype(np.uint8)[:, None]
            # The coarse label of CIFAR-100 comes first; here a value no reader should return.
            coarse = np.full_like(labels, 255)[:, : name == "cifar100"]
            content = np.hstack([coarse, labels, planes]).tobytes()
            member = tarfile.TarInfo(f"{folder}/{file}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    yield tarball.getvalue()
