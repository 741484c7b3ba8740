"""One known run, so that no change of its results goes unnoticed."""

import json
import math
from pathlib import Path

from dropout_lab.config import resolve
from dropout_lab.training.preparation import prepare
from dropout_lab.training.trainer import Trainer

GOLDEN = Path(__file__).parent / "golden" / "digits_history.json"
KNOWN = {
    "dropout.rate": 0.5,
    "dropout.input_rate": 0.2,
    "model.widths": (16,),
    "data.name": "digits",
    "train.batch_size": 64,
    "train.epochs": 2,
    "optimizer.lr": 0.05,
    "optimizer.momentum": 0.9,
}


def test_a_known_run_is_as_it_was(new_config):
    resolved = resolve(new_config("dropout", KNOWN))
    program, dataset = prepare(resolved)
    [result] = Trainer(program, [resolved], dataset).run()
    history = result.progress.history
    golden = json.loads(GOLDEN.read_text())
    message = (
        "the same configuration now trains differently. If that is meant (another initialisation, "
        "mask stream, batch order or data order; users' records can then not be repeated), put "
        f"this into {GOLDEN.name}: {json.dumps(history)}"
    )
    assert len(history) == len(golden), message
    for row, expected in zip(history, golden, strict=True):
        assert row.keys() == expected.keys(), message
        assert row["epoch"] == expected["epoch"], message
        for name in ("train_loss", "val_nll", "val_brier", "val_ece", "val_error", "train_error"):
            # Rounding differs between versions and machines: one of 300 examples may flip.
            slack = {"train_error": 0.4, "val_error": 0.4, "val_ece": 0.004}.get(name, 0)
            close = math.isclose(row[name], expected[name], rel_tol=1e-3, abs_tol=slack)
            assert close, f"{name} of epoch {row['epoch']}: {message}"
