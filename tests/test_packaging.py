"""What is declared is what is used: requirements, extras, lock, shell scripts."""

import ast
import importlib.metadata
import os
import re
import shlex
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from dropout_lab.version import __version__

ROOT = Path(__file__).parents[1]
PACKAGES = ["dropout_lab", "configs", "experiments"]
# Required though no code of ours imports it, and why.
INDIRECT = {"importlib-resources": "tensorflow-datasets imports it without declaring it"}
# What a notebook finds where it runs.
NOTEBOOK = {"google", "IPython"}
FOREIGN = {"tensorflow", "tensorflow-cpu", "tf-nightly", "torch", "keras", "clu"}
BLOCKS = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
SHELL_SCRIPTS = [ROOT / ".ci/run", *sorted((ROOT / "scripts").glob("*.sh"))]


def requirements(lines):
    """Returns the requirements in the lines, as lists by canonical name."""
    found: dict[str, list[Requirement]] = {}
    for line in (line.split("#")[0].strip() for line in lines):
        if line:
            requirement = Requirement(line)
            found.setdefault(canonicalize_name(requirement.name), []).append(requirement)
    return found


DIRECT = requirements((ROOT / "requirements.txt").read_text().splitlines())
LOCK = requirements((ROOT / "requirements.lock").read_text().splitlines())
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
EXTRAS = {
    name: requirements(lines)
    for name, lines in PYPROJECT["project"]["optional-dependencies"].items()
}


def third_party(*folders):
    """Returns what the folders import from others: name of the package -> who distributes it."""
    known = importlib.metadata.packages_distributions()
    ours = {*PACKAGES, *NOTEBOOK, "scripts", "tests", *sys.stdlib_module_names}
    packages = set()
    for path in (path for folder in folders for path in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                packages |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                packages.add(node.module.split(".")[0])
    return {
        package: {canonicalize_name(name) for name in known.get(package, [package])}
        for package in packages - ours
    }


@pytest.mark.parametrize(
    ("folders", "extras"),
    [
        ((*PACKAGES, "scripts"), ("dask", "docs", "pandas", "peers", "tensorboard", "wandb")),
        (("tests",), EXTRAS),
    ],
    ids=["code", "tests"],
)
def test_every_import_is_declared(folders, extras):
    declared = {*DIRECT, *(name for extra in extras for name in EXTRAS[extra])}
    imports = third_party(*folders)
    assert {package for package in imports if not imports[package] & declared} == set()


def test_every_direct_dependency_is_imported():
    imported = set().union(*third_party(*PACKAGES, "scripts").values())
    assert DIRECT.keys() - imported == INDIRECT.keys()


def test_requirements_have_floors_and_no_upper_pins():
    for name, [requirement] in DIRECT.items():
        assert re.fullmatch(r">=[0-9.]+", str(requirement.specifier)), name


@pytest.mark.parametrize("python", ["3.11.0", "3.12.0", "3.13.0"])
def test_lock_has_one_version_of_every_dependency(python):
    environment = {"python_version": python[:4], "python_full_version": python}
    for name, [wanted] in (DIRECT | EXTRAS["test"] | EXTRAS["docs"]).items():
        locked = [r for r in LOCK[name] if not r.marker or r.marker.evaluate(environment)]
        assert len(locked) == 1, name
        [pin] = locked[0].specifier
        assert pin.operator == "==", name
        assert pin.version in wanted.specifier, name


def test_no_other_framework_comes_along():
    """Neither in the lock nor through what the installed dependencies need."""
    assert LOCK.keys() & FOREIGN == set()
    needed = set()
    to_visit = set(DIRECT)
    while to_visit:
        needed.add(name := to_visit.pop())
        needs = map(Requirement, importlib.metadata.requires(name) or [])
        here = (need for need in needs if not need.marker or need.marker.evaluate({"extra": ""}))
        to_visit |= {canonicalize_name(need.name) for need in here} - needed
    assert needed & FOREIGN == set()


def test_changes_and_citation_tell_the_version():
    first, *_ = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    cited = re.findall(r"^version: (.+)$", (ROOT / "CITATION.cff").read_text(), re.MULTILINE)
    assert [first] == cited == [__version__]


def test_workflows_run_what_every_change_must_pass():
    """The scripts of ``.ci/run``, no more and no fewer."""
    text = "".join(path.read_text() for path in ROOT.glob(".github/workflows/*.yml"))
    called = re.findall(r"^ *- run: (.+)$", text, re.MULTILINE)
    must = re.findall(r"^scripts/.*$", (ROOT / ".ci" / "run").read_text(), re.MULTILINE)
    assert sorted(called) == sorted(must)


@pytest.mark.parametrize("script", SHELL_SCRIPTS, ids=lambda path: path.name)
def test_shell_script_parses_and_is_executable(script):
    assert os.access(script, os.X_OK)
    assert subprocess.run(["bash", "-n", script], check=False).returncode == 0


def test_an_environment_is_entered_as_the_readme_says(tmp_path):
    """Before the first command that needs what is installed there."""
    first, *_ = re.findall(r"^(?!scripts/)\S.*$", "".join(BLOCKS), re.M)
    checkout = tmp_path / "with a space"
    venv.create(checkout / ".venv", symlinks=True)
    process = subprocess.run(
        ["bash", "-c", f"{first}\npython -c 'import sys; print(sys.prefix)'"],
        cwd=checkout,
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.stdout == f"{checkout / '.venv'}\n", process.stderr


@pytest.mark.slow
@pytest.mark.usefixtures("dry_pip")
def test_a_gpu_host_is_installed_as_the_documentation_says():
    """What would be fetched, jax has to offer."""
    page = ROOT / "docs" / "howto" / "accelerators.md"
    [line] = re.findall(r"^pip (install .*jax.*?) *#.*$", page.read_text(), re.M)
    process = subprocess.run(
        [sys.executable, "-m", "pip", *shlex.split(line)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    [extra] = re.findall(r"jax\[(\w+)\]", line)
    assert extra in importlib.metadata.metadata("jax").get_all("Provides-Extra", [])
