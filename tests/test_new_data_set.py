"""The step for adding a published data set, with a toy: small images prepared by TFDS."""

import json

import numpy as np
import pytest

from dropout_lab.data.catalog import IMAGE_SETS, ImageSet
from dropout_lab.data.dataset import Split, TrainTest
from tests.data.conftest import write_tfds
from tests.source_copy import SourceCopy

ROW = """    ImageSet(name="squares", shape=(8, 8, 1), classes=3, val_size=16, files=()),
"""

__all__ = ["write_tfds"]


@pytest.mark.slow
@pytest.mark.usefixtures("quick_compile")
def test_a_row_adds_it(tmp_path, write_tfds, monkeypatch):
    """In a copy: a network trains on it, with its own validation part."""
    copy = SourceCopy(tmp_path)
    copy.insert("dropout_lab/data/catalog.py", ROW, after="_IMAGE_SETS = (\n")
    rng = np.random.default_rng(0)
    train, test = (
        Split(rng.integers(0, 256, (n, 8, 8, 1), np.uint8), np.arange(n, dtype=np.int32) % 3)
        for n in (80, 24)
    )
    row = ImageSet(name="squares", shape=(8, 8, 1), classes=3, val_size=16, files=())
    monkeypatch.setitem(IMAGE_SETS, "squares", row)  # for the writer of this test
    write_tfds(tmp_path / "data" / "squares" / "1.0.0", "squares", TrainTest(train, test))
    flags = (f"--config.data.dir={tmp_path / 'data'}", f"--workdir={tmp_path / 'run'}")
    small = ("--config.model.widths=(8,)", "--config.train.batch_size=16")
    config = "--config=configs/digits_mlp.py:dropout,smoke"
    copy.run("scripts/train.py", config, "--config.data.name=squares", *flags, *small)
    record = json.loads((tmp_path / "run" / "record.json").read_text())
    sizes = {name: record["data"][name] for name in ("train", "val", "test")}
    assert sizes == {"train": 64, "val": 16, "test": 24}
    assert copy.edited == {"dropout_lab/data/catalog.py"}
