import runpy

import pytest

from dropout_lab.errors import InputError
from dropout_lab.report import again
from dropout_lab.report.content import content
from dropout_lab.report.page import page
from dropout_lab.sweeps.store import Store
from dropout_lab.sweeps.trials import make_trials
from tests.scripts.forked import ROOT

RESULTS = ROOT / "experiments" / "results"


@pytest.fixture(scope="module")
def found(sweep):
    return content([sweep.directory])


def test_every_trial_has_a_state_and_those_that_failed_a_reason(found):
    states = [trial["state"] for trial in found["trials"]]
    assert states[:5] == ["ok", "diverged", "failed", "waiting", "ok"]
    reasons = [trial["reason"] for trial in found["trials"]]
    assert reasons[0] == reasons[3] == ""
    assert "not finite after 3 epochs; try a lower optimizer.lr" in reasons[1]
    assert reasons[2] == "ValueError: <b>bad</b>"


def test_progress_is_counted(found):
    [sweep] = found["sweeps"]
    assert sweep["progress"] == "28 trials: 26 done, 1 diverged, 1 failed, 1 waiting"
    assert found["live"]
    assert sweep["fraction"] == pytest.approx(27 / 28)


def test_columns_are_what_the_sweep_varies(found):
    assert found["keys"] == ["variant", "dropout.rate", "seed"]
    assert found["numeric"] == ["dropout.rate", "seed"]
    assert found["trials"][4]["settings"]["variant"] == "dropout"
    assert found["metrics"][0] == ["test_error", "test error (%)", 2]


def test_curves_end_with_the_last_epoch(found):
    curves = found["trials"][0]["curves"]
    assert curves["epoch"][-1] == 60
    assert len(curves["epoch"]) == len(curves["train_loss"]) <= 100


def test_several_sweeps_are_told_apart(sweep):
    found = content([sweep.directory, RESULTS / "digits_mlp"])
    assert found["keys"][0] == "sweep"
    assert len(found["trials"]) == 28 + 70
    assert len({trial["settings"]["sweep"] for trial in found["trials"]}) == 2


@pytest.mark.parametrize(
    "name", ["digits_mlp", "digits_rnn_variants", "mnist_lr_adam", "li2018_table3/short/final"]
)
def test_the_file_that_runs_it_again_gives_the_same_trials(name, tmp_path):
    store = Store(RESULTS / name)
    path = tmp_path / "again.py"
    path.write_text(again.source(store))
    made = runpy.run_path(str(path))
    trials = make_trials(made["get_config"](), made["get_sweep"]())
    assert [trial.id for trial in trials] == list(store.trials())


def test_text_of_a_record_is_no_markup(found):
    text = page(found)
    assert "<b>bad" not in text
    assert "&lt;b&gt;bad" in text
    assert "\\u003cb>bad" in text


@pytest.mark.slow
def test_200_trials_fit_in_six_megabytes(new_store, tmp_path):
    store = new_store(tmp_path / "large", 29)
    found = content([store.directory])
    assert len(found["trials"]) == 203
    assert len(page(found).encode()) < 6e6


def test_without_a_sweep_there_is_no_report(tmp_path):
    with pytest.raises(InputError, match="holds no sweep"):
        content([tmp_path])


def test_a_sweep_that_has_just_begun_has_a_page(new_store, tmp_path):
    store = new_store(tmp_path / "begun", 1, records=False)
    assert "No trial has finished." in page(content([store.directory]))
