"""The steps for adding a configuration key, with a toy: a factor on the gradient."""

import json

import pytest

from tests.source_copy import SourceCopy

ROW = """    Key("optimizer.gradient_factor", None, number(0, above=True) | NONE, DYNAMIC, when=SGD,
        before=None, meaning="Factor on the gradient. None: 1."),
"""
READER = """    if "optimizer.gradient_factor" in hparams:
        chain += [optax.scale(hparams["optimizer.gradient_factor"])]
"""
LIST_TRIALS = """
from configs import digits_mlp
from dropout_lab.config import default_config
from dropout_lab.sweeps.trials import groups, make_trials

config = digits_mlp.get_config()
trials = make_trials(config, [{"optimizer.gradient_factor": value} for value in (None, 0.5, 2.0)])
print(trials[0].id, len(trials), [len(group.trials) for group in groups(trials)])
config.optimizer.name = "adam"
print(len(make_trials(config, [{"optimizer.gradient_factor": value} for value in (0.5, 2.0)])))
"""


@pytest.mark.slow
def test_a_row_and_its_reader_add_it(tmp_path):
    """In a copy: it has a flag and a place on the reference page, is checked, cleared and read."""
    copy = SourceCopy(tmp_path)
    before = copy.run("-c", LIST_TRIALS.replace("optimizer.gradient_factor", "train.init_std"))
    copy.insert("dropout_lab/config/keys/optimizer.py", ROW, after="KEYS = (\n")
    reader = "dropout_lab/training/optimizer.py"
    copy.insert(reader, READER, after="    chain = []\n")
    assert copy.edited == {"dropout_lab/config/keys/optimizer.py", reader}

    same_id, three, grouped = copy.run("-c", LIST_TRIALS).split("\n")[0].split(" ", 2)
    assert same_id == before.split()[0]  # old records stay valid
    assert (three, grouped) == ("3", "[1, 2]")  # a number: two values share a program
    assert copy.run("-c", LIST_TRIALS).split("\n")[1] == "1"  # adam does not read it
    assert "`optimizer.gradient_factor`" in copy.run("-m", "dropout_lab.config.reference")

    small = ("--config.train.epochs=1", "--config.model.widths=(16,)")
    losses = []
    for factor in (1e-6, 1.0):
        workdir = tmp_path / f"factor{factor}"
        flags = (f"--config.optimizer.gradient_factor={factor}", f"--workdir={workdir}", *small)
        copy.run("scripts/train.py", "--config=configs/digits_mlp.py:none", *flags)
        record = json.loads((workdir / "record.json").read_text())
        assert record["config"]["optimizer"]["gradient_factor"] == factor
        losses.append(record["history"][-1]["train_loss"])
    assert losses[0] > 2.2 > losses[1]
