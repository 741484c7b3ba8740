"""The steps for adding a configuration key, with a toy: a factor on the gradient."""

import json

import pytest

from configs import digits_mlp
from dropout_lab.config import resolve, trial_id
from tests.source_copy import SourceCopy

ROW = """    Key("optimizer.gradient_factor", None, number(0, above=True) | NONE, DYNAMIC, when=SGD,
        before=None, meaning="Factor on the gradient. None: 1."),
"""
READER = """    if "optimizer.gradient_factor" in hparams:
        chain += [optax.scale(hparams["optimizer.gradient_factor"])]
"""
LIST_TRIALS = """
from configs import digits_mlp
from dropout_lab.config.reference import page
from dropout_lab.sweeps.trials import groups, make_trials

config = digits_mlp.get_config()
trials = make_trials(config, [{"optimizer.gradient_factor": value} for value in (None, 0.5, 2.0)])
print(trials[0].id, len(trials), [len(group.trials) for group in groups(trials)], sep=", ")
config.optimizer.name = "adam"
print(len(make_trials(config, [{"optimizer.gradient_factor": value} for value in (0.5, 2.0)])))
print(page())
"""


@pytest.mark.slow
@pytest.mark.usefixtures("quick_compile")
def test_a_row_and_its_reader_add_it(tmp_path):
    """In a copy: it has a flag and a place on the reference page, is checked, cleared and read."""
    copy = SourceCopy(tmp_path)
    copy.insert("dropout_lab/config/keys/optimizer.py", ROW, after="KEYS = (\n")
    reader = "dropout_lab/training/optimizer.py"
    copy.insert(reader, READER, after="    chain = []\n")
    assert copy.edited == {"dropout_lab/config/keys/optimizer.py", reader}

    trials, adam, page = copy.run("-c", LIST_TRIALS).split("\n", 2)
    old = trial_id(resolve(digits_mlp.get_config()))  # old records stay valid
    assert trials == f"{old}, 3, [1, 2]"  # a number: two values share a program
    assert adam == "1"  # which does not read it
    assert "`optimizer.gradient_factor`" in page

    small = ("--config.train.epochs=1", "--config.model.widths=(16,)")
    grid = ("--vary=optimizer.gradient_factor=1e-6,1.0", f"--workdir={tmp_path / 'sweep'}")
    copy.run("scripts/sweep.py", "--config=configs/digits_mlp.py:none", *small, *grid)
    losses = {}
    for path in (tmp_path / "sweep" / "trials").iterdir():
        record = json.loads(path.read_text())
        factor = record["config"]["optimizer"]["gradient_factor"]
        losses[factor] = record["history"][-1]["train_loss"]
    assert losses[1e-6] > 2.2 > losses[1.0]
