"""The README and the pages of results say what is so: tables from records, lists from the code."""

import os
import re
import shlex
from pathlib import Path

import pytest

import experiments
from configs import base
from dropout_lab.analysis import table
from dropout_lab.analysis.summary import summarise
from dropout_lab.models import MODELS
from dropout_lab.ops import OPS
from dropout_lab.reproduce.overview import overview
from dropout_lab.reproduce.run import read
from dropout_lab.sweeps.store import Store
from dropout_lab.variants import VARIANTS

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
RESULTS = ROOT / "experiments" / "results"
SWEEPS = sorted(path.parent for path in RESULTS.glob("*/sweep.json"))
REPRODUCED = [RESULTS / name / protocol for name, protocol in experiments.published()]
PAGES = [README, *sorted(RESULTS.glob("*/README.md"))]
TABLE = re.compile(r"<!-- table (?P<spec>.+?) -->\n(?P<text>.*?)<!-- end -->", re.DOTALL)
HOW = (
    "The page's table is not what its records say. If the records changed on purpose, run\n"
    "UPDATE_README=1 python -m pytest tests/test_readme.py\nand look at the difference."
)


def render(spec):
    """Returns the table of ``NAME [--rows=KEY] [--cols=KEY] [--value=NAME]``, or of experiments."""
    name, *flags = shlex.split(spec)
    if name == "reproduced":
        return overview(map(reproduced, REPRODUCED), "experiments/results")
    options = dict(flag.removeprefix("--").split("=") for flag in flags)
    store = Store(RESULTS / name)
    return table.render(summarise(store.records(), store.plan(), **options), "markdown")


def reproduced(directory):
    """Returns the results of an experiment, from its records."""
    name = directory.parent.name
    return read(name, experiments.load(name), base.get_config(), directory)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_tables_are_computed_from_the_committed_records(page):
    text = page.read_text()
    assert len(TABLE.findall(text)) == text.count("<!-- table") > 0
    fresh = TABLE.sub(
        lambda m: f"<!-- table {m['spec']} -->\n{render(m['spec'])}<!-- end -->", text
    )
    if os.environ.get("UPDATE_README"):
        page.write_text(fresh)
    assert page.read_text() == fresh, HOW


def test_every_committed_sweep_is_shown():
    shown = {m["spec"].split()[0] for page in PAGES for m in TABLE.finditer(page.read_text())}
    assert shown == {"reproduced", *(directory.name for directory in SWEEPS)}


def test_every_committed_sweep_is_whole_and_clean():
    parts = [path.parent for each in REPRODUCED for path in each.glob("*/sweep.json")]
    for directory in (*SWEEPS, *parts):
        store = Store(directory)
        records = store.records()
        assert {record["id"] for record in records} == set(store.plan()), directory
        for record in records:
            # Of settings tried, one may be too much.
            assert record["status"] == "ok" or directory.name == "search"
            assert not record["git_revision"].endswith("+"), "made by code that was not committed"


def test_variants_and_ops_are_listed():
    lines = re.findall(r"^\| `\w+` \|.*\|$", README.read_text(), re.MULTILINE)
    rows = [[cell.strip(" `") for cell in line.split("|")[1:-1]] for line in lines]
    assert [name for name, *_ in rows] == list(VARIANTS)
    assert {op for _, op, *_ in rows if op} == set(OPS)
    for name, _, _, inference, loss, nets, _ in rows:
        made = VARIANTS[name]
        assert inference == ", ".join(made.inference), name
        assert loss == ("" if made.penalty_weight is None else "KL"), name
        fitting = [model for model in MODELS if made.fits(MODELS[model].places)]
        assert nets == ("all" if fitting == list(MODELS) else ", ".join(fitting)), name


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)]+)\)", README.read_text()))
def test_links_lead_somewhere(link):
    assert (ROOT / link).exists()


def test_examples_run():
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    assert blocks
    for block in blocks:
        exec(block, {})
