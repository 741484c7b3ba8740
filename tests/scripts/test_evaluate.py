"""The command ``dropout-lab evaluate`` on the networks of a small sweep."""

import pytest

from configs.digits_mlp import get_config
from dropout_lab.analysis.evaluation import Question, evaluate
from dropout_lab.errors import InputError
from dropout_lab.sweeps.execution.options import Execution
from dropout_lab.sweeps.execution.runner import run_sweep
from dropout_lab.sweeps.frame import load_networks
from dropout_lab.sweeps.grid import parse, product
from dropout_lab.sweeps.store import Store
from tests.scripts.forked import start_forked

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quick_compile")]


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    directory = tmp_path_factory.mktemp("sweep")
    config = get_config()
    config.model.widths, config.train.epochs, config.run.save_model = (16,), 3, True
    overrides = product(parse(["variant=none,dropout", "seed=0,1"]))
    run_sweep(config, overrides, Store(directory), Execution())
    return directory


@pytest.fixture(scope="module")
def networks(workdir):
    return list(load_networks(workdir).values())


def test_scores_are_those_of_the_records(networks):
    [answer] = evaluate(networks[:2], Question())
    for number, network in enumerate(networks[:2]):
        for name in ("error", "nll", "brier", "ece"):
            expected = network.record["metrics"][f"test_{name}"]
            assert answer.values[name][number] == pytest.approx(expected, rel=1e-3, abs=1e-5)


def test_an_ensemble_is_one_and_better_than_the_mean_of_its_members(networks):
    [alone] = evaluate(networks[:2], Question(inference="mean"))
    [together] = evaluate(networks[:2], Question(inference="ensemble"))
    assert len(together.values["nll"]) == 1
    assert together.values["nll"][0] <= sum(alone.values["nll"]) / 2  # by Jensen's inequality


def test_unknown_outliers_are_named(networks):
    with pytest.raises(InputError, match="unknown outliers 'mnits'; did you mean 'mnist'"):
        list(evaluate(networks, Question(against=("mnits",))))


def test_the_command_prints_a_line_for_each_row_and_test_set(workdir, tmp_path):
    done = start_forked(
        tmp_path,
        "evaluate",
        f"--workdir={workdir}",
        "--where=variant=dropout",
        "--inference=mc",
        "--passes=4",
        "--shift=rotation:5",
        "--against=noise",
        "--temperature",
        f"--plot={tmp_path / 'calibration.png'}",
    ).ended()
    assert (done.returncode, done.stderr) == (0, "")
    rows = [line.split("|")[1:3] for line in done.stdout.splitlines() if line.startswith("| drop")]
    assert [[cell.strip() for cell in row] for row in rows] == [
        ["dropout", name] for name in ("test", "rotation:5", "test, noise")
    ]
    assert (tmp_path / "calibration.png").read_bytes().startswith(b"\x89PNG")
