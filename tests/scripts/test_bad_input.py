"""Bad input is one line on stderr and status 2, and leaves what is there as it is."""

import functools
import os
import re
import shlex
import shutil
import subprocess
import sys

import numpy as np
import pytest

from configs import digits_mlp
from dropout_lab.config import flatten, resolve
from dropout_lab.data.catalog import IMAGE_SETS
from dropout_lab.system.files import write_json
from dropout_lab.system.machine import WITHOUT_BACKEND
from tests.scripts.conftest import ROOT
from tests.scripts.forked import run_forked

pytestmark = pytest.mark.slow

DIGITS = "--config=configs/digits_mlp.py:dropout,smoke"


def contents(directory):
    return {path: path.is_file() and path.read_bytes() for path in sorted(directory.rglob("*"))}


@pytest.fixture
def fails(run_script, tmp_path):
    """Returns a function that runs a script and gives its one line; nothing may change.

    Before it may come so many lines of ``progress``. In an environment of its own it runs in a
    process of its own.
    """

    def run(script, *args, workdir=tmp_path / "new", progress=0, **environment):
        before = contents(tmp_path)
        start = functools.partial(run_script, **environment) if environment else run_forked
        process = start(script, *args, f"--workdir={workdir}")
        assert process.returncode == 2, process.stderr
        assert process.stdout == ""
        lines = process.stderr.splitlines()[progress:]
        assert len(lines) == 1, process.stderr
        assert lines[0].startswith("error: ")
        assert contents(tmp_path) == before
        return lines[0].removeprefix("error: ")

    return run


@pytest.mark.parametrize(
    ("script", "args", "message"),
    [
        ("train", [DIGITS, "--config.dropout.rate=1.5"], r"config\.dropout\.rate is 1\.5; allowed"),
        (
            "train",
            [DIGITS, "--config.dropout.rate=nan"],
            r"config\.dropout\.rate is 'nan'; allowed",
        ),
        ("train", [DIGITS, "--config.dropout.rate=half"], r"half"),
        (
            "train",
            ["--config=configs/digits_mlp.py:dropuot"],
            r"unknown variant 'dropuot'; did you mean 'dropout'\? Allowed: alpha_dropout, ",
        ),
        (
            "train",
            [DIGITS, "--config.optimizer.learning_rate=0.1"],
            r"unknown configuration key 'optimizer\.learning_rate'",
        ),
        (
            "train",
            [DIGITS, "--config.data.name=minst"],
            r"unknown data\.name 'minst'; did you mean 'mnist'\?",
        ),
        (
            "train",
            [DIGITS, "-config.sed=3"],
            r"unknown configuration key 'sed'; did you mean 'seed'",
        ),
        (
            "train",
            [DIGITS, "--noconfig.model.batchnorm"],
            r"key 'model\.batchnorm'; did you mean 'model\.batch_norm'",
        ),
        ("train", ["--config=configs/absent.py"], r"absent\.py"),
        ("train", ["--config=README.md"], r"README\.md, line"),
        ("train", ["--config=dropout_lab/errors.py"], r"without get_config\(\); allowed"),
        (
            "train",
            [DIGITS, "--distributed", "--coordinator=localhost"],
            r"coordinator 'localhost' has no port; allowed: HOST:PORT",
        ),
        (
            "train",
            ["--config=configs/digits_mlp.py:dropout,smok"],
            r"argument 'dropout,smok'; allo",
        ),
        ("train", [DIGITS, "surplus"], r"unexpected argument 'surplus'; allowed: flags, as"),
        ("train", [DIGITS, "--config.train.batch_size=5000"], r"batch_size is 5000 with 1197"),
        ("train", [], r"config"),
        ("train", [DIGITS, "--process_id=1"], r"--process_id=1 without --distributed; allowed: on"),
        ("sweep", [DIGITS, "--vary=dropout.rate=0.5,1.5"], r"config\.dropout\.rate is 1\.5"),
        (
            "sweep",
            [DIGITS, "--vary=dropout.rate=0.5,nan"],
            r"config\.dropout\.rate is 'nan'; allow",
        ),
        ("sweep", [DIGITS, "--vary=variant=none,dropuot"], r"unknown variant 'dropuot'"),
        (
            "sweep",
            [DIGITS, "--vary=drop.rate=0.5"],
            r"key 'drop\.rate'; did you mean 'dropout\.rate",
        ),
        ("sweep", [DIGITS, "--vary=seed"], r"--vary=seed; allowed: --vary=KEY=VALUE"),
        ("sweep", [DIGITS, "--dry_run", "--vary=seed=-1"], r"config\.seed is -1"),
        ("sweep", [DIGITS, "--dry_run", "--lanes=0"], r"--lanes=0; allowed: a whole number above"),
        (
            "sweep",
            [DIGITS, "--dry_run", "--vary=train.batch_size=64,5000"],
            r"batch_size is 5000 with 1197",
        ),
        ("sweep", [DIGITS, "--sweep=absent.py"], r"--sweep=absent\.py: no such file"),
        ("sweep", [DIGITS, "--executor=proceses"], r"unknown executor 'proceses'; did you mean '"),
        ("sweep", [DIGITS, "--lanes=few"], r"--lanes=few; allowed: auto, or a whole number"),
        ("sweep", [], r"--config is missing; only --status works without it"),
        ("sweep", ["--status"], r"holds no sweep: no sweep\.json"),
        ("table", [], r"holds no sweep: no sweep\.json"),
    ],
)
def test_it_is_told(fails, script, args, message):
    assert re.search(message, fails(script, *args))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("config.train.epcohs = 3", r'^AttributeError: Key "epcohs" does not exist .*, line 4\)$'),
        ("config['trian'].epochs = 3", r'^KeyError: .*Did you mean "train" .*, line 4\)$'),
        ("config.train.epochs = '3'", r"^TypeError: .*, line 4\)$"),
        ("config = [1]", r"get_config\(\) returns \[1\]; allowed: a ConfigDict"),
    ],
)
def test_a_configuration_file_that_fails(fails, tmp_path, body, message):
    path = tmp_path / "mine.py"
    path.write_text(
        "from dropout_lab.config import default_config\n"
        "def get_config():\n    config = default_config()\n"
        f"    {body}\n    return config\n"
    )
    assert re.search(message, fails("train", f"--config={path}"))


def test_a_configuration_file_that_ends_python(fails, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("import sys\nsys.exit(0)\n")
    assert re.search(r"^SystemExit: 0 \(.*, line 2\)$", fails("train", f"--config={path}"))


def test_a_backend_that_is_not_there(fails):
    message = fails("train", DIGITS, JAX_PLATFORMS="nothing")
    assert "'nothing'" in message
    assert message.endswith(WITHOUT_BACKEND)


def test_a_workdir_whose_name_is_too_long(fails, tmp_path):
    assert "File name too long" in fails("train", DIGITS, workdir=tmp_path / ("x" * 300))


@pytest.mark.parametrize("name", [os.fsdecode(b"caf\xe9"), "new\nline"])
def test_a_workdir_with_any_name_is_told_in_one_line(fails, tmp_path, name):
    assert "holds no sweep" in fails("table", workdir=tmp_path / name)


def test_a_closed_stdout_is_no_error():
    command = [sys.executable, "scripts/train.py", "--help"]
    closed = subprocess.run(
        ["sh", "-c", f"{shlex.join(command)} >&-"], cwd=ROOT, capture_output=True, text=True
    )
    assert (closed.returncode, closed.stderr) == (0, "")


def test_a_workdir_without_a_name(fails):
    assert fails("train", DIGITS, workdir="") == "--workdir= is empty; allowed: a directory"


@pytest.mark.parametrize("script", ["train", "sweep"])
@pytest.mark.parametrize("place", ["file", "file/run"])
def test_a_workdir_that_cannot_be(fails, tmp_path, script, place):
    """Permissions do not stop root; a file in the way does."""
    (tmp_path / "file").write_text("kept")
    message = fails(script, DIGITS, workdir=tmp_path / place)
    assert re.search(r"workdir '.*' cannot be used: .*/file is a file; allowed: ", message)


def test_a_workdir_of_another_configuration(fails, tmp_path):
    workdir = tmp_path / "run"
    theirs = resolve(digits_mlp.get_config("none,smoke"))
    write_json(workdir / "config.json", theirs.to_dict())
    message = fails("train", DIGITS, workdir=workdir)
    assert re.search(r"belongs to another run: .*variant is 'none' there", message)
    assert "holds a run" in fails("sweep", DIGITS, workdir=workdir)


def test_a_workdir_of_another_sweep(fails, tmp_path):
    workdir = tmp_path / "sweep"
    theirs = flatten(digits_mlp.get_config("none,smoke").to_dict())
    plan = {"schema": 1, "base": theirs, "varied": ["seed"], "trials": {}}
    write_json(workdir / "sweep.json", plan)
    message = fails("sweep", DIGITS, "--vary=seed=0,1", workdir=workdir)
    assert "belongs to another sweep: variant is 'none' there, 'dropout' here" in message
    assert "belongs to another" in fails("sweep", DIGITS, "--dry_run", workdir=workdir)
    assert "holds a sweep" in fails("train", DIGITS, workdir=workdir)


@pytest.fixture(scope="module")
def record(run_script, tmp_path_factory):
    """Returns the directory of a sweep of one short trial."""
    workdir = tmp_path_factory.mktemp("sweep")
    options = (DIGITS, "--config.model.widths=()", "--config.train.epochs=1")
    assert run_script("sweep", *options, f"--workdir={workdir}").returncode == 0
    return workdir


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--format=html"], r"unknown .*format 'html'.* Allowed: csv, latex, latex_plain, ma"),
        (["--rows=varaint"], r"unknown row key 'varaint'; did you mean 'variant'"),
        (["--value=test_eror"], r"unknown value 'test_eror'; did you mean 'test_error'"),
    ],
)
def test_a_table_that_cannot_be(fails, record, tmp_path, args, message):
    workdir = tmp_path / "sweep"
    shutil.copytree(record, workdir)
    assert re.search(message, fails("table", *args, f"--output={tmp_path / 'x'}", workdir=workdir))


@pytest.fixture
def isolated(tmp_path_factory):
    """Returns an environment without the user's data and caches, and without a network."""
    home = tmp_path_factory.mktemp("home")
    proxy = "http://127.0.0.1:9"
    return {
        "HOME": str(home),
        "XDG_CACHE_HOME": str(home / "cache"),
        "TFDS_DATA_DIR": "",
        **{f"{scheme}_proxy": proxy for scheme in ("http", "https", "HTTP", "HTTPS")},
        "no_proxy": "",
    }


MNIST = "--config=configs/mnist_mlp.py:dropout,smoke"


FEATURE = "tensorflow_datasets.core.features."
DIMENSIONS = {"dimensions": ["28", "28", "1"]}
FEATURES = {
    "image": {
        "pythonClassName": f"{FEATURE}image_feature.Image",
        "image": {"dtype": "uint8", "shape": DIMENSIONS},
    },
    "label": {
        "pythonClassName": f"{FEATURE}class_label_feature.ClassLabel",
        "classLabel": {"numClasses": "10"},
    },
}


def prepare_mnist(folder):
    """Writes what TFDS's prepared MNIST looks like from afar; its records hold noise."""
    from array_record.python.array_record_module import ArrayRecordWriter

    folder.mkdir(parents=True)
    names = {"pythonClassName": f"{FEATURE}features_dict.FeaturesDict"}
    write_json(folder / "features.json", {**names, "featuresDict": {"features": FEATURES}})
    splits = []
    for part in ("train", "test"):
        writer = ArrayRecordWriter(
            str(folder / f"mnist-{part}.array_record-00000-of-00001"), "group_size:1"
        )
        for _ in range(20):
            writer.write(np.random.default_rng(0).bytes(200))
        writer.close()
        template = "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}"
        split = {"name": part, "numBytes": "1", "filepathTemplate": template}
        splits.append({**split, "shardLengths": ["20"]})
    info = {"name": "mnist", "version": "3.0.1", "fileFormat": "array_record", "splits": splits}
    write_json(folder / "dataset_info.json", info)


def test_a_truncated_record_file(fails, isolated, tmp_path):
    folder = tmp_path / "tfds" / "mnist" / "3.0.1"
    prepare_mnist(folder)
    [shard] = folder.glob("*train*")
    shard.write_bytes(shard.read_bytes()[:-700])
    message = fails("train", MNIST, f"--config.data.dir={tmp_path / 'tfds'}", **isolated)
    assert message.startswith(f"{shard}: damaged, cut short or not of mnist")


def test_a_corrupted_original_file(fails, isolated, tmp_path):
    folder = tmp_path / "raw" / "mnist"
    folder.mkdir(parents=True)
    for original in IMAGE_SETS["mnist"].files:
        (folder / original.name).write_bytes(bytes(original.size))
    message = fails("train", MNIST, f"--config.data.dir={tmp_path / 'raw'}", **isolated)
    assert IMAGE_SETS["mnist"].files[0].sha256 in message
    assert str(folder / IMAGE_SETS["mnist"].files[0].name) in message


def test_no_data_and_no_network(fails, isolated):
    message = fails("train", MNIST, **isolated)
    assert all(way in message for way in ("Three ways to get it: (1)", "(2) install", "(3) put"))
