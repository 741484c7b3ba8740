"""Texts that TFDS has prepared: what they become, and what is said where they are missing."""

import json

import pytest

from dropout_lab.data import load
from dropout_lab.errors import InputError

TEXTS = {
    "train": [("World", "war ends", 0), ("Cup", "they won", 1), ("Won", "the cup", 1)] * 3,
    "test": [("They", "won war", 1)],
}


@pytest.fixture
def folder(tmp_path):
    """Returns a folder with a prepared data set of titles and descriptions."""
    from array_record.python.array_record_module import ArrayRecordWriter
    from tensorflow_datasets.proto import tf_example_pb2

    root = tmp_path / "ag_news_subset" / "1.0.0"
    root.mkdir(parents=True)
    splits = []
    for part, rows in TEXTS.items():
        name = f"ag_news_subset-{part}.array_record-00000-of-00001"
        writer = ArrayRecordWriter(str(root / name), "group_size:1")
        for title, description, label in rows:
            feature = (example := tf_example_pb2.Example()).features.feature
            feature["title"].bytes_list.value.append(title.encode())
            feature["description"].bytes_list.value.append(description.encode())
            feature["label"].int64_list.value.append(label)
            writer.write(example.SerializeToString())
        writer.close()
        template = "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}"
        splits.append(
            {
                "name": part,
                "filepathTemplate": template,
                "numBytes": "1",
                "shardLengths": [str(len(rows))],
            }
        )
    info = {"name": "ag_news_subset", "fileFormat": "array_record", "version": "1.0.0"}
    (root / "dataset_info.json").write_text(json.dumps(info | {"splits": splits}))
    module = "tensorflow_datasets.core.features."
    text = {"pythonClassName": module + "text_feature.Text", "text": {}}
    classes = {
        "pythonClassName": module + "class_label_feature.ClassLabel",
        "classLabel": {"numClasses": "4"},
    }
    features = {"title": text, "description": text, "label": classes}
    content = {
        "pythonClassName": module + "features_dict.FeaturesDict",
        "featuresDict": {"features": features},
    }
    (root / "features.json").write_text(json.dumps(content))
    return tmp_path


@pytest.mark.slow
def test_prepared_texts_become_tokens_and_classes(folder):
    data = load("ag_news_subset", data_dir=str(folder), val_size=3, window=3)
    assert (len(data.train), len(data.val), len(data.test)) == (6, 3, 1)
    shown = [data.words[token] for token in data.test.images[0]]
    assert shown == ["they", "won", "war"]
    assert data.test.labels.tolist() == [1]
    assert data.vocabulary == len(data.words) == 8


def test_missing_texts_are_named_with_the_command_that_prepares_them(tmp_path):
    command = r"tfds.data_source\('imdb_reviews', data_dir='.*'\)\"$"
    with pytest.raises(InputError, match=r"no data for 'imdb_reviews' .*: python -c .*" + command):
        load("imdb_reviews", data_dir=str(tmp_path))
