"""README, documentation and pages of results say what is so: tables, examples, commands, links."""

import ast
import json
import os
import re
import shlex
from pathlib import Path

import jax
import pytest

import experiments
from dropout_lab.sweeps.store import Store
from scripts.docs.results import TABLE, filled

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
DOCS = sorted((ROOT / "docs").rglob("*.md"))
WITH_EXAMPLES = [page for page in (README, *DOCS) if "```python" in page.read_text()]
OWN_CODE = ROOT / "docs" / "own_code.md"
WITH_EXAMPLES.remove(OWN_CODE)  # tests/test_own_code.py runs it, as a file
NOTEBOOK = ROOT / "scripts" / "colab_tpu.ipynb"
RESULTS = ROOT / "experiments" / "results"
SWEEPS = sorted(path.parent for path in RESULTS.glob("*/sweep.json"))
REPRODUCED = [RESULTS / name / protocol for name, protocol in experiments.published()]
PAGES = [README, *(page for each in SWEEPS if (page := each / "README.md").exists())]
HOW = (
    "The page's table is not what its records say. If the records changed on purpose, run\n"
    "UPDATE_README=1 python -m pytest tests/test_readme.py\nand look at the difference."
)

SCRIPTS = "tests/scripts/test_command_line.py"
PLOTS = "tests/scripts/test_plot.py"
SEQUENCES = "tests/docs/test_sequences.py"
DASK = "tests/sweeps/test_dask.py"
LAUNCH = "tests/scripts/test_launch.py"
ON_DASK = "test_the_trial_of_a_terminated_worker_moves_to_another"
WHOLE_NOTEBOOK = "tests/scripts/test_notebook.py::test_it_runs_to_its_end_after_a_disconnect"
# The commands that README, documentation and notebook show, each with what executes it: a test that
# adds flags for smaller settings, one that gives its script such flags on something smaller, or a
# script that every change must pass.
EXECUTED = {
    "scripts/quickstart.sh": "scripts/test_matrix.sh",
    "scripts/test.sh": ".ci/run",
    "python scripts/sweep.py --config=configs/digits_mlp.py --workdir=results/quickstart "
    "--vary=variant=none,dropout,gaussian_dropout --vary=dropout.rate=0.1,0.3,0.5 "
    "--seeds=10": "scripts/quickstart.sh",
    "python scripts/table.py --workdir=results/quickstart --rows=variant --cols=dropout.rate "
    "--value=test_error --format=markdown": "scripts/quickstart.sh",
    "python scripts/plot.py --workdir=results/quickstart --cols=dropout.rate "
    "--output=results/quickstart/figure.png": "scripts/quickstart.sh",
    "python scripts/prepare_sequences.py DIR": "tests/scripts/test_prepare_sequences.py",
    "python scripts/data.py --config=configs/vowels_rnn.py": f"{SEQUENCES}::test_commands_run",
    "python scripts/sweep.py --config=configs/glosses.py --vary=variant=none,dropout "
    "--vary=seed=0,1,2 --workdir=results/glosses": f"{SEQUENCES}::test_commands_run",
    ". .venv/bin/activate": (
        "tests/test_packaging.py::test_an_environment_is_entered_as_the_readme_says"
    ),
    "python scripts/train.py --config=configs/mnist_mlp.py:dropout --config.seed=1 "
    "--workdir=results/one": f"{SCRIPTS}::test_training_writes_a_record",
    "python scripts/sweep.py --config=configs/mnist_mlp.py --vary=variant=none,dropout "
    "--vary=seed=0,1,2 --workdir=results/mnist_mlp": (
        f"{SCRIPTS}::test_a_sweep_writes_a_record_per_trial"
    ),
    "python scripts/table.py --workdir=results/mnist_mlp": (
        f"{SCRIPTS}::test_tables_come_in_three_formats"
    ),
    "python scripts/plot.py --kind=masks --output=docs/images/masks.png": (
        f"{PLOTS}::test_a_figure_of_each_kind"
    ),
    "python scripts/evaluate.py --workdir=DIR --inference=mc --passes=20 --shift=rotation:3 "
    "--against=noise": "tests/scripts/test_evaluate.py",
    "python scripts/train.py --config=configs/digits_mlp.py:dropout --workdir=results/one "
    "--log=tensorboard": "tests/tracking/test_following.py",
    "python scripts/export.py --to=tensorboard --workdir=DIR": "tests/tracking/test_following.py",
    "tensorboard --logdir=DIR/tensorboard": "tests/tracking/test_sinks.py",
    "python scripts/report.py --workdir=DIR": f"{PLOTS}::test_a_report_is_written",
    "python scripts/plot.py --kind=curves --workdir=DIR --value=val_error --output=curves.svg": (
        f"{PLOTS}::test_a_figure_of_each_kind"
    ),
    "python scripts/plot.py --kind=pairs --workdir=DIR --against=variant=none "
    "--output=pairs.pdf": f"{PLOTS}::test_a_figure_of_each_kind",
    "python scripts/sweep.py --config=configs/cifar10_cnn.py "
    "--vary=variant=dropout,none,spatial_dropout --workdir=results/cifar10_cnn": (
        f"{SCRIPTS}::test_a_sweep_over_networks_of_images"
    ),
    "python scripts/sweep.py --config=configs/mnist_mlp.py --vary=dropout.rate=0.25,0.5 "
    "--vary=seed=0,1,2 --vary=variant=dropout,gaussian_dropout --executor=processes "
    "--workdir=DIR": "tests/sweeps/campaign.py",
    "python scripts/sweep.py --status --workdir=DIR": (
        f"{SCRIPTS}::test_a_file_gives_a_sweep_and_its_status"
    ),
    "python scripts/data.py --config=configs/digits_mlp.py --config.data.name=table "
    "--config.data.path=FILE.csv --config.data.label=COLUMN --config.data.scaling=feature "
    "--plot=samples.png": ("tests/scripts/test_data.py::test_a_table_is_described_and_drawn"),
    "python scripts/tune.py --config=configs/digits_mlp.py:dropout --search=halving --trials=27 "
    "'--vary=dropout.rate=uniform(0,0.8)' '--vary=optimizer.lr=log_uniform(1e-3,0.3)' "
    "--vary=seed=0,1 --workdir=results/halved": (
        "tests/scripts/test_tune.py::test_halving_of_drawn_settings_tells_each_ones_epochs"
    ),
    "python scripts/tune.py --config=configs/mnist_mlp.py:dropout --vary=dropout.rate=0.25,0.5 "
    "--vary=seed=0,1,2 --workdir=results/tuned": (
        "tests/scripts/test_tune.py::test_tuning_prints_all_errors_and_is_done_once"
    ),
    "python scripts/reproduce.py --experiment=srivastava2014_table9 --protocol=short "
    "--workdir=DIR": "tests/scripts/test_reproduce.py::test_an_experiment_runs",
    "python scripts/reproduce.py --experiment=molchanov2017_lenet --protocol=full "
    "'--cells=LeNet-300-100*'": "tests/scripts/test_reproduce.py::test_a_part_goes_to_its_folder",
    "python scripts/reproduce.py --check": (
        "tests/scripts/test_reproduce.py::test_published_results_are_checked"
    ),
    "python scripts/benchmark.py --suite=all --peers=flax,torch "
    "--output=experiments/results/benchmark/benchmark.json": "tests/scripts/test_benchmark.py",
    "pip install -r requirements.txt 'jax[cuda13]' -e .": (
        "tests/test_packaging.py::test_a_gpu_host_is_installed_as_the_documentation_says"
    ),
    "python scripts/doctor.py": "tests/scripts/test_doctor.py::test_a_machine_that_is_well",
    "dask scheduler": f"{DASK}::{ON_DASK}",
    "XLA_FLAGS=--xla_cpu_multi_thread_eigen=false dask worker tcp://HOST:8786 --nthreads 1 "
    "--nworkers 8": f"{DASK}::{ON_DASK}",
    "sbatch scripts/slurm_sweep.sh --config=FILE.py --vary=... --workdir=DIR": (
        f"{LAUNCH}::test_slurm_tasks_share_a_sweep"
    ),
    "scripts/gpu_check.sh results/gpu": (
        "tests/benchmarks/test_accelerator.py::test_a_gpu_is_asked_for_the_suite"
        "_and_its_table_is_kept"
    ),
    "scripts/tpu_vm.sh create mine": f"{LAUNCH}::test_from_creation_to_end",
    "scripts/tpu_vm.sh run mine python scripts/sweep.py --config=configs/mnist_mlp.py "
    "--vary=variant=none,dropout --vary=seed=0,1,2 --workdir=results/mine": (
        f"{LAUNCH}::test_from_creation_to_end"
    ),
    "scripts/tpu_vm.sh fetch mine results/mine": f"{LAUNCH}::test_from_creation_to_end",
    "scripts/tpu_vm.sh delete mine": f"{LAUNCH}::test_from_creation_to_end",
    "!test -e {CHECKOUT} || git clone --quiet {REPOSITORY} {CHECKOUT}": WHOLE_NOTEBOOK,
    "%cd {CHECKOUT}": WHOLE_NOTEBOOK,
    "%pip install --editable . {kept}": WHOLE_NOTEBOOK,
    "%matplotlib inline": WHOLE_NOTEBOOK,
}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_tables_are_computed_from_the_committed_records(page):
    text = page.read_text()
    assert len(TABLE.findall(text)) == text.count("<!-- table") > 0
    fresh = filled(text, "experiments/results")
    if os.environ.get("UPDATE_README"):
        page.write_text(fresh)
    assert page.read_text() == fresh, HOW


def test_every_committed_sweep_is_shown():
    pages = [*PAGES, *DOCS]
    shown = {m["spec"].split()[0] for page in pages for m in TABLE.finditer(page.read_text())}
    of_papers = {name for name in shown if "/" in name}
    assert shown - of_papers == {"reproduced", *(directory.name for directory in SWEEPS)}


def test_every_committed_sweep_is_whole_and_clean():
    parts = [path.parent for each in REPRODUCED for path in each.glob("*/sweep.json")]
    for directory in (*SWEEPS, *parts):
        store = Store(directory)
        records = store.records()
        assert {record["id"] for record in records} == set(store.trials()), directory
        for record in records:
            # Of settings tried, one may be too much.
            assert record["status"] == "ok" or directory.name == "search"
            assert not record["git_revision"].endswith("+"), "made by code that was not committed"


@pytest.mark.parametrize("link", re.findall(r"\]\((?!https:)([^)]+)\)", README.read_text()))
def test_links_lead_somewhere(link):
    assert (ROOT / link).exists()


@pytest.mark.slow
@pytest.mark.usefixtures("quick_compile")
@pytest.mark.parametrize("page", WITH_EXAMPLES, ids=lambda page: page.name)
def test_examples_run(page):
    for block in re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL):
        with jax.numpy_rank_promotion("allow"):  # other libraries' layers add their biases so
            exec(block, {})


def commands():
    """Yields the commands of all pages and the notebook, each in one line, without comments."""
    # Run by tests of their own, and printed by the command that it names.
    others = {OWN_CODE, ROOT / "docs" / "faq.md", ROOT / "docs" / "configuration.md"}
    pages = [page for page in (README, *DOCS) if page not in others]
    text = "\n".join(page.read_text() for page in pages)
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    for line in "".join(blocks).replace("\\\n", "").splitlines():
        if line and not line.startswith("export "):
            yield shlex.join(shlex.split(line, comments=True))
    program = r"(?:XLA_FLAGS=\S+ )?(?:python|sbatch|dask|scripts/[^`\s]+)"
    inline = re.findall(rf"`({program} [^`]*)`", text)
    yield from (" ".join(each.split()) for each in inline)
    for cell in json.loads(NOTEBOOK.read_text())["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "code":
            yield from re.findall(r"^[!%].*$", source, re.MULTILINE)


@pytest.mark.parametrize("command", [*commands()])
def test_every_command_is_executed_by_a_test(command):
    """The test is there; where it lies, so is the command, or its script with all of its flags."""
    assert command in EXECUTED, f"name in EXECUTED the test that executes {command!r}"
    path, _, name = EXECUTED[command].partition("::")
    source = (ROOT / path).read_text()
    assert not name or f"\ndef {name}(" in source
    if command.startswith(("!", "%")):  # the notebook is executed as it is
        return
    if path in (SCRIPTS, SEQUENCES, DASK):
        texts = {getattr(node, "value", None) for node in ast.walk(ast.parse(source))}
        assert command in texts
        return
    words = re.findall(r"scripts/(\w+)\.(?:py|sh)|(--[a-z_]+)", command)
    missing = [script or flag for script, flag in words if (script or flag) not in source]
    assert missing == []


def test_no_command_is_listed_that_is_gone():
    assert EXECUTED.keys() == set(commands())
