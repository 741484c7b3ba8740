"""The package in fresh environments outside the checkout: a wheel, an editable install, neither."""

import json
import os
import shutil
import subprocess
import sysconfig
import textwrap
import venv
from pathlib import Path

import pytest

from dropout_lab.version import __version__
from tests.scripts.conftest import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quick_compile")]

CONFIG = """
from dropout_lab.config import default_config


def get_config(variant="none"):
    config = default_config()
    config.variant = variant
    config.model.widths = (16,)
    config.train.epochs = 2
    return config
"""
NOT_INSTALLED = ("configs", "experiments", "scripts", "tests")


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """Returns a copy of the checkout, without results, that an installation may write to."""
    folder = tmp_path_factory.mktemp("source")
    ignored = shutil.ignore_patterns("__pycache__", "results")
    for part in ("dropout_lab", "configs", "experiments", "scripts"):
        shutil.copytree(ROOT / part, folder / part, ignore=ignored)
    for path in (*ROOT.glob("requirements.*"), *map(ROOT.joinpath, FILES)):
        shutil.copy(path, folder)
    return folder


FILES = ("LICENSE", "README.md", "pyproject.toml")


@pytest.fixture(scope="module")
def requirements(tmp_path_factory):
    """Returns a folder with all that is installed here but this package."""
    folder = tmp_path_factory.mktemp("requirements")
    for place in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}:
        for path in Path(place).iterdir():
            if "dropout_lab" not in path.name:
                (folder / path.name).symlink_to(path)
    return folder


class Environment:
    """A virtual environment that has the requirements, in a directory of the user's own.

    That is a repository of the user's, with a configuration file in it.
    """

    def __init__(self, folder, requirements):
        self.folder, self.cache = folder, requirements.with_name("cache")
        git = ("git", "-C", str(folder), "-c", "user.name=me", "-c", "user.email=me@localhost")
        for command in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "mine"]):
            subprocess.run([*git, *command], check=True)
        venv.create(folder / ".venv", symlinks=True)
        [self.packages] = (folder / ".venv").glob("lib/python*/site-packages")
        (self.packages / "requirements.pth").write_text(f"{requirements}\n")
        (folder / "mine.py").write_text(CONFIG)

    def install(self, *args):
        options = ("--no-index", "--no-deps", "--no-build-isolation", "--quiet")
        process = self.run("python", "-m", "pip", "install", *options, *args)
        assert process.returncode == 0, process.stderr

    def run(self, program, *args, cwd=None, **more):
        """Runs a program of the environment, in the user's directory unless told otherwise."""
        own = {"XDG_CACHE_HOME": str(self.cache), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        left = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        return subprocess.run(
            [self.folder / ".venv" / "bin" / program, *map(str, args)],
            cwd=cwd or self.folder,
            env=left | own | more,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    def succeed(self, *args, **options):
        process = self.run(*args, **options)
        assert process.returncode == 0, process.stdout + process.stderr
        return process.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory, requirements, source):
    """Returns an environment with the package, not editable."""
    environment = Environment(tmp_path_factory.mktemp("wheel"), requirements)
    environment.install(source)
    return environment


@pytest.fixture(scope="module")
def editable(tmp_path_factory, requirements, source):
    environment = Environment(tmp_path_factory.mktemp("editable"), requirements)
    environment.install("--editable", source)
    return environment


IMPORT = textwrap.dedent("""
    import importlib, sys
    importlib.import_module("dropout_lab.cli.dispatch")
    for name in sys.argv[1:]:
        try:
            print("has", importlib.import_module(name))
        except ModuleNotFoundError:
            pass
""")


@pytest.mark.parametrize("kind", ["wheel", "editable"])
def test_one_package_is_installed(kind, request):
    environment = request.getfixturevalue(kind)
    assert environment.succeed("python", "-c", IMPORT, *NOT_INSTALLED) == ""
    info = environment.packages / f"dropout_lab-{__version__}.dist-info"
    assert info.is_dir()
    if kind == "wheel":
        files = [line.split("/")[0] for line in (info / "RECORD").read_text().splitlines()]
        assert {*files} == {"dropout_lab", info.name, ".."}  # the last: bin/dropout-lab


def test_a_sweep_and_its_table_need_no_checkout(wheel):
    sweep = ("sweep", "--config=mine.py:dropout", "--vary=dropout.rate=0.1,0.5", "--lanes=1")
    wheel.succeed("dropout-lab", *sweep, "--workdir=sweep", "--executor=local")
    table = wheel.succeed("dropout-lab", "table", "--workdir=sweep", "--cols=dropout.rate")
    assert "| dropout " in table
    records = [json.loads(path.read_text()) for path in wheel.folder.glob("sweep/trials/*")]
    assert len(records) == 2
    for record in records:
        assert record["versions"]["dropout_lab"] == __version__
        assert record["git_revision"] is None, "this repository is the user's, not the code's"


def test_worker_processes_need_no_checkout(wheel):
    sweep = ("sweep", "--config=mine.py", "--vary=seed=0,1", "--lanes=1", "--workdir=apart")
    wheel.succeed("dropout-lab", *sweep, "--executor=processes", "--workers=2")
    assert len([*wheel.folder.glob("apart/trials/*")]) == 2


def test_the_doctor_needs_no_checkout(wheel):
    printed = wheel.succeed("python", "-m", "dropout_lab", "doctor")
    assert f"ok      dropout_lab {__version__}\n" in printed
    assert "ok      results: results can be written\n" in printed
    assert printed.endswith("nothing is broken\n")


@pytest.mark.parametrize("name", ["reproduce", "benchmark"])
def test_what_only_a_checkout_has_works_in_one(wheel, source, name):
    outside = wheel.run("dropout-lab", name)
    assert (outside.returncode, outside.stdout) == (2, "")
    assert outside.stderr.startswith(f"error: dropout-lab {name} needs files that only a checkout")
    flags, status, message = INSIDE[name]
    inside = wheel.run("dropout-lab", name, *flags, cwd=source / "configs")
    assert inside.returncode == status, inside.stderr
    assert message in inside.stdout + inside.stderr


INSIDE: dict[str, tuple[tuple[str, ...], int, str]] = {
    "reproduce": (("--experiment=wan2013_table",), 2, "unknown experiment 'wan2013_table'"),
    "benchmark": (("--suite=opps",), 2, "error: unknown suite 'opps'; did you mean 'ops'?"),
}


def test_an_editable_install_leads_to_its_checkout(editable):
    unknown = editable.run("dropout-lab", "reproduce", "--experiment=wan2013_table")
    assert unknown.stderr.startswith("error: unknown experiment 'wan2013_table'")
    flags = ("--suite=memory", "--output=report.json")
    assert "kept for the backward pass" in editable.succeed("dropout-lab", "benchmark", *flags)
    assert (editable.folder / "report.json").is_file()


def test_requirements_and_the_path_are_enough(requirements, source, tmp_path):
    """As after pip install -r requirements.txt alone."""
    bare = Environment(tmp_path, requirements)
    assert bare.run("python", "-c", "import importlib.metadata as m; m.version('dropout_lab')")
    small = ("--config=configs/digits_mlp.py:none,smoke", "--config.model.widths=(16,)")
    options = (*small, f"--workdir={tmp_path / 'run'}")
    path = {"cwd": source, "PYTHONPATH": str(source)}
    bare.succeed("python", "scripts/train.py", *options, **path)
    record = json.loads((tmp_path / "run" / "record.json").read_text())
    assert record["versions"]["dropout_lab"] == __version__
    bare.succeed("python", "-m", "dropout_lab", "table", "--help", **path)
