"""The step for adding a metric, with a toy: the mean confidence of predictions."""

import json

import pytest

from tests.source_copy import SourceCopy

ENTRY = '        "confidence": jnp.mean(jnp.max(probs, axis=-1)),\n'


@pytest.mark.slow
@pytest.mark.usefixtures("quick_compile")
def test_an_entry_adds_it(tmp_path):
    """In a copy: it is in records, and a table shows it."""
    copy = SourceCopy(tmp_path)
    anchor = '        "error": 100 * jnp.mean(~correct, dtype=probs.dtype),\n'
    copy.insert("dropout_lab/training/metrics.py", ENTRY, after=anchor)
    sweep = ("--config=configs/digits_mlp.py:none,smoke", f"--workdir={tmp_path / 'sweep'}")
    copy.run("scripts/sweep.py", *sweep, "--vary=seed=0,1")
    records = [
        json.loads(path.read_text()) for path in (tmp_path / "sweep" / "trials").glob("*.json")
    ]
    assert len(records) == 2
    for record in records:
        assert 0.1 < record["metrics"]["test_confidence"] <= 1
        assert 0.1 < record["history"][-1]["val_confidence"] <= 1
    table = copy.run("scripts/table.py", sweep[1], "--value=test_confidence", "--format=csv")
    mean = sum(record["metrics"]["test_confidence"] for record in records) / 2
    assert f"{mean:.2f}" in table or f"{mean:.3f}" in table, table
