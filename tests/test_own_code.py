"""A network and a variant from one's own file: names, identities, errors, and a whole life."""

import importlib.util
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from dropout_lab.config import default_config, resolve, trial_id
from dropout_lab.errors import InputError
from dropout_lab.models import MODELS
from dropout_lab.sweeps import load, load_networks
from dropout_lab.sweeps.store import Store
from dropout_lab.sweeps.trials import groups, make_trials
from dropout_lab.training.preparation import prepare
from dropout_lab.training.run import train
from dropout_lab.training.trained import load_run
from tests.own_file import TEXT

ROOT = Path(__file__).parents[1]


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(TEXT)
    return path


def configured(file, network="Net", variant="sign_flip", **changes):
    """Returns a configuration of a small network; a name of None leaves the project's own."""
    config = default_config()
    config.update_from_flattened_dict(
        {
            "model.units": 8,
            "model.widths": (8,),
            "train.epochs": 1,
            "train.batch_size": 64,
            "data.train_size": 128,
            "data.val_size": 64,
            **{key.replace("__", "."): value for key, value in changes.items()},
        }
    )
    if network is not None:
        config.model.name = f"{file}:{network}"
    if variant is not None:
        config.variant = f"{file}:{variant}"
    return config


def identity(config):
    return trial_id(resolve(config))


def test_a_trial_is_known_by_the_content_of_its_file(file, tmp_path):
    first = identity(configured(file))
    copy = tmp_path / "elsewhere" / "other_name.py"
    copy.parent.mkdir()
    copy.write_text(TEXT)
    assert identity(configured(copy)) == first
    copy.write_text(TEXT + "\n# edited\n")
    assert identity(configured(copy)) != first


def test_trials_of_one_content_share_a_program(file, tmp_path):
    copy = tmp_path / "copy.py"
    copy.write_text(TEXT)
    names = [f"{file}:sign_flip", f"{copy}:sign_flip"]
    sweep = [{"variant": name, "seed": seed} for seed, name in enumerate(names)]
    assert len(groups(make_trials(configured(file), sweep))) == 1


def test_a_resolved_configuration_is_resolved_to_itself(file):
    resolved = resolve(configured(file))
    assert resolve(resolved) == resolved
    assert resolved.dropout.rate == 0.1
    assert resolved.model.units == 8
    assert resolved.model.widths is None


def test_a_file_is_executed_once_for_each_content(file, tmp_path):
    runs = str(tmp_path / "runs")
    file.write_text(TEXT + f"\nwith open({runs!r}, 'a') as runs:\n    runs.write('x')\n")
    for _ in range(3):
        resolve(configured(file))
    assert (tmp_path / "runs").read_text() == "x"
    file.write_text(file.read_text() + "# again\n")
    resolve(configured(file))
    assert (tmp_path / "runs").read_text() == "xx"


def test_names_of_the_project_cannot_be_shadowed(file):
    file.write_text(TEXT + "\ndropout = sign_flip\nmlp = Net\n")
    own = resolve(configured(file, "mlp", "dropout"))
    ours = configured(file, None, None)
    ours.variant = "dropout"
    ours = resolve(ours)
    assert ours.model.name == "mlp"
    assert own.model.name.startswith(f"{file}:mlp@")
    assert trial_id(own) != trial_id(ours)
    assert MODELS.keys() == {"mlp", "cnn", "resnet", "rnn", "transformer"}


def test_an_installed_module_is_named_with_dots(file, monkeypatch):
    monkeypatch.syspath_prepend(file.parent)
    config = configured(file)
    by_path = identity(config)
    config.model.name, config.variant = "mine:Net", "mine:sign_flip"
    assert identity(config) == by_path


EDITS = {
    "no such file": (None, "cannot read .*mine.py: No such file"),
    "no such name": (("class Net(", "class Nett("), "'Net'; did you mean 'Nett'"),
    "a syntax error": (("class Net(", "clas Net("), r"mine.py, line 11"),
    "raises": (("max_rate = 0.5", "max_rate = 1 / 0"), r"ZeroDivisionError.*mine.py, line 29"),
    "an import": (("import jax\n", "import jaxx\n"), r"No module named 'jaxx' \(.*mine.py, line 3"),
    "no network": (
        ("class Net(Network)", "class Net(nnx.Module)"),
        "subclass of dropout_lab",
    ),
    "no places": (("    places =", "    spots ="), "Net@.* has no places"),
    "a place": (('("hidden", "output")', '("hiden",)'), "'hiden'; did you mean 'hidden'"),
    "no factory": (("units, factory, rngs", "units, rngs"), "does not take factory"),
    "no layer": (("LayerChoice(SignFlip)", "LayerChoice(int)"), "allowed: a LayerChoice"),
    "a default": (('"rate": 0.1', '"rat": 0.1'), "'rat'; did you mean 'rate'"),
    "a key": (("*, units,", "*, unitz,"), r"config.model.name: .*'unitz'"),
    "in building": (("units, kernel_init", "units / 0, kernel_init"), r"ZeroDivision.*line 16"),
    "in a layer": (
        ("return (1 - 2 *", "return (1 + None *"),
        r"TypeError.*mine.py, line 35",
    ),
    "in a pass": (("x.reshape(len(x), -1)", "x.reshap(len(x))"), r"AttributeError.*line 22"),
    "no logits": (("rngs=rngs)\n\n\nclass", "rngs=rngs)[0]\n\n\nclass"), r"shape \(64, 10\)"),
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_error_in_the_file_is_told_in_one_line_with_its_place(file, edit):
    replaced, message = EDITS[edit]
    if replaced is None:
        file.unlink()
    else:
        assert replaced[0] in TEXT
        file.write_text(TEXT.replace(*replaced))
    with pytest.raises(InputError, match=message) as caught:
        prepare(resolve(configured(file)))
    assert "\n" not in str(caught.value)
    assert "config.model.name" in str(caught.value) or "config.variant" in str(caught.value)


def test_a_name_without_a_file_is_refused(file):
    config = configured(file)
    config.variant = "mine.py:"
    with pytest.raises(InputError, match=r"config.variant is 'mine.py:'; allowed: .*FILE"):
        resolve(config)


@pytest.fixture
def run(file, tmp_path):
    train(configured(file), tmp_path / "run")
    return tmp_path / "run"


@pytest.mark.slow
@pytest.mark.usefixtures("quick_compile")
def test_a_run_is_loaded_from_the_file_as_it_was(run, file, tmp_path):
    record = json.loads((run / "record.json").read_text())
    assert record["code"]["variant"]["text"] == TEXT
    trained = load_run(run)
    images = trained.test_split().images[:3]
    expected = trained.predict(images, inference="mc").tolist()

    moved = file.rename(tmp_path / "moved.py")
    script = f"""
import dropout_lab, pathlib

def refused():
    try:
        dropout_lab.load_run({str(run)!r})
    except ValueError as error:
        print(error)

refused()
pathlib.Path({str(file)!r}).write_text("raise SystemExit('executed')")
refused()
trained = dropout_lab.load_run({str(run)!r}, code={str(moved)!r})
print(trained.predict(trained.test_split().images[:3], inference="mc").tolist())
"""
    absent, changed, probs = python(script).splitlines()
    assert "mine.py: No such file" in absent
    np.testing.assert_allclose(json.loads(probs), expected, rtol=1e-5)
    assert "has changed" in changed
    assert "code=FILE.py" in changed


def python(script):
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.usefixtures("quick_compile")
def test_a_finished_run_goes_on_from_another_place(run, file, tmp_path):
    moved = file.rename(tmp_path / "moved.py")
    assert train(configured(moved), run)["id"] == identity(configured(moved))
    moved.write_text(TEXT + "# edited\n")
    with pytest.raises(InputError, match=r"belongs to another run: model.name is 'Net@"):
        train(configured(moved), run)


def sweep(file, workdir, executor, *flags, epochs=100):
    command = [
        *(sys.executable, "scripts/sweep.py", "--config=configs/digits_mlp.py"),
        *(f"--config.model.name={file}:Net", "--config.model.units=8"),
        *("--config.run.save_model=True", "--config.run.checkpoint_seconds=0.2"),
        *(f"--config.train.epochs={epochs}", "--config.eval.passes=2"),
        *(f"--vary=variant=dropout,{file}:sign_flip", "--vary=seed=0,1,2", "--lanes=1"),
        *(f"--executor={executor}", "--workers=2", f"--workdir={workdir}", *flags),
    ]
    return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)


@pytest.mark.slow
@pytest.mark.usefixtures("quick_compile")
def test_own_network_and_variant_are_swept_killed_resumed_tabled_and_loaded(file, tmp_path):
    """Workers of both kinds execute the file, where Dask is installed."""
    other = "dask" if importlib.util.find_spec("distributed") else "processes"
    workdir = tmp_path / "sweep"
    process = sweep(file, workdir, "processes")
    while not list(workdir.glob("trials/*.json")):
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.1)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert len(Store(workdir).records()) < 6
    process = sweep(file, workdir, other)
    _, messages = process.communicate()
    assert process.returncode == 0, messages
    records = Store(workdir).records()
    assert len(records) == 6
    assert all(record["code"]["model.name"]["text"] == TEXT for record in records)
    assert [record["code"].keys() for record in records].count({"model.name", "variant"}) == 3

    command = [sys.executable, "scripts/table.py", f"--workdir={workdir}"]
    table = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "| sign_flip@" in table
    assert "(3)" in table
    assert "/" not in table.splitlines()[-1]

    networks = load_networks(workdir)
    for record in records:
        trained = networks[record["id"]]
        split = trained.test_split()
        error = 100 * (trained.predict(split.images).argmax(1) != split.labels).mean()
        assert error == pytest.approx(record["metrics"]["test_error"], abs=0.3)
    assert load(workdir)["variant"].nunique() == 2
