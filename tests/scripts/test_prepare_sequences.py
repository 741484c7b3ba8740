"""The script that makes the sequence data: what it takes from each package, and its checksums."""

import hashlib
import io
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from scripts.prepare_sequences import SHA256, glosses, vowels

SYNSET = "0000174{0} {1} n 01 word 0 000 | {2}  \n"


def test_glosses_are_definitions_of_one_class(tmp_path):
    nouns = [
        ("04", "to run a mile; he ran"),
        ("05", "an  animal that barks"),
        ("03", "what there is at all"),
        ("06", "two words"),
        ("07", "of two  classes"),
        ("08", "of two classes"),
        ("05", "an animal that barks"),
    ]
    lines = [SYNSET.format(index, *noun) for index, noun in enumerate(nouns)]
    (tmp_path / "data.noun").write_text("  1 This is the licence\n" + "".join(lines))
    files = glosses(tmp_path / "data.noun")
    assert b"".join(sorted(files.values())).split(b"\n") == [
        b"act\tto run a mile",
        b"animal\tan animal that barks",
        b"",
    ]
    for line in filter(None, files["glosses/test.tsv"].decode().splitlines()):
        assert int(hashlib.sha256(line.partition("\t")[2].encode()).hexdigest(), 16) % 7 == 0


def test_vowels_are_padded_behind_their_lengths(tmp_path):
    folder = "aeon/datasets/data/JapaneseVowels/JapaneseVowels"
    with zipfile.ZipFile(tmp_path / "aeon.whl", "w") as archive:
        for part, rows in (("TRAIN", [(2, 9)]), ("TEST", [(1, 1), (3, 2)])):
            lines = [":".join([",".join(["0.5"] * n)] * 12) + f":{label}" for n, label in rows]
            archive.writestr(f"{folder}_{part}.ts", "@x\n@data\n" + "\n".join(lines))
    arrays = np.load(io.BytesIO(vowels(tmp_path / "aeon.whl")["japanese_vowels.npz"]))
    assert arrays["x_train"].shape == (1, 3, 12)
    assert arrays["y_train"].tolist() == [8]
    assert arrays["lengths_test"].tolist() == [1, 3]
    assert arrays["x_test"][0, :, 0].tolist() == [0.5, 0, 0]


@pytest.mark.parametrize("name", SHA256)
def test_prepared_files_are_those_it_makes(name):
    if "DROPOUT_LAB_DATA" not in os.environ:
        pytest.skip(f"needs DROPOUT_LAB_DATA to hold {name}")
    content = Path(os.environ["DROPOUT_LAB_DATA"], name).read_bytes()
    assert hashlib.sha256(content).hexdigest() == SHA256[name]
