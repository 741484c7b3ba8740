"""The site's own code: pages from tables, links, executions that are kept."""

import inspect
import re
from pathlib import Path

import pytest

from dropout_lab import nn
from dropout_lab.cli.dispatch import SUBCOMMANDS
from dropout_lab.ops import OPS
from dropout_lab.variants import VARIANTS
from dropout_lab.variants.prose import DESCRIPTIONS
from scripts.docs import links, reference, results, sources, tutorials, variants

DOCS = Path(__file__).parents[2] / "docs"


def test_every_variant_and_every_op_is_described():
    assert DESCRIPTIONS.keys() == VARIANTS.keys()
    assert {about.op for about in DESCRIPTIONS.values() if about.op} == OPS.keys()


@pytest.mark.parametrize("name", DESCRIPTIONS)
def test_a_description_is_whole(name):
    about = DESCRIPTIONS[name]
    assert about.use.endswith(".")
    assert not about.noisy.endswith(".")
    assert about.formula.count("{") == about.formula.count("}")
    for paper in about.papers:
        assert re.fullmatch(r".+ (19|20)\d\d(, arXiv:\d{4}\.\d{4,5})?", paper)


def test_the_gallery_has_a_page_and_a_row_for_every_variant(tmp_path, monkeypatch):
    # tests/analysis/test_masks.py draws what this only saves.
    monkeypatch.setattr("dropout_lab.analysis.masks.noisy", lambda name, image, rate: (image, None))
    variants.write(tmp_path / "variants")
    table = (tmp_path / "variants" / "index.md").read_text()
    for name, variant in VARIANTS.items():
        page = (tmp_path / "variants" / f"{name}.md").read_text()
        assert DESCRIPTIONS[name].formula in page
        [row] = [line for line in table.splitlines() if line.startswith(f"| [{name}]")]
        assert f"| {', '.join(variant.inference)} |" in row
        assert (" KL " in row) == (variant.penalty_weight is not None)
    assert "2.33 ± 0.33 (3)" in (tmp_path / "variants" / "classic_dropout.md").read_text()
    cost = "copies of its input ([how it is measured]"
    assert cost in (tmp_path / "variants" / "dropout.md").read_text()


@pytest.mark.slow
def test_the_reference_has_every_name_and_command(tmp_path):
    reference.write(tmp_path / "reference")
    pages = {path.stem for path in tmp_path.rglob("*.md")}
    layers = {name for name in nn.__all__ if inspect.isclass(getattr(nn, name))}
    assert pages >= OPS.keys() | layers | {*reference.PACKAGES}
    commands = (tmp_path / "reference" / "commands.md").read_text()
    assert [*re.findall(r"^## (\w+)$", commands, re.MULTILINE)] == list(SUBCOMMANDS)
    assert "--config: FILE.py" in commands


def test_places_for_tables_are_filled_and_unknown_ones_refused(tmp_path):
    text = "before\n\n<!-- table mnist_mlp -->\n<!-- end -->\n\n<!-- places -->\n"
    page = sources.filled(text)
    assert "| none      | 1.50 ± 0.05 (3)     |" in page
    assert "| hidden | `dropout.rate` |" in page
    assert results.filled(page, ".") == page
    with pytest.raises(KeyError, match="plaices"):
        sources.filled("<!-- plaices -->")


def test_pages_are_committed_without_what_is_generated():
    for page in DOCS.rglob("*.md"):
        for match in results.TABLE.finditer(page.read_text()):
            assert match["text"] == ""


def test_a_source_that_stays_the_same_keeps_its_time(tmp_path):
    fresh, folder = tmp_path / "fresh", tmp_path / "folder"
    for place in (fresh, folder):
        place.mkdir()
        (place / "same").write_text("x")
    (folder / "gone").write_text("x")
    (fresh / "new").write_text("x")
    before = (folder / "same").stat().st_mtime_ns
    sources.update(folder, fresh)
    assert (folder / "same").stat().st_mtime_ns == before
    assert {path.name for path in folder.iterdir()} == {"same", "new"}


BROKEN = {
    "other.html": "no such file: other.html",
    "index.html#nowhere": "no such place in the page: index.html#nowhere",
    "#nowhere": "no such place in the page: #nowhere",
}


@pytest.mark.parametrize("address", BROKEN)
def test_a_link_that_leads_nowhere_is_reported(tmp_path, address):
    page = f'<p id="here"><a href="#here"></a><a href="https://x.org"></a><a href="{address}"></a>'
    (tmp_path / "index.html").write_text(page)
    assert links.problems(tmp_path) == [f"index.html: {BROKEN[address]}"]


@pytest.mark.parametrize(
    "element",
    ['<script src="{}"></script>', '<img src="{}">', '<link rel="stylesheet" href="{}">'],
)
def test_what_is_loaded_from_another_host_is_reported(tmp_path, element):
    address = "https://cdn.example/x"
    (tmp_path / "index.html").write_text(element.format(address))
    assert links.problems(tmp_path) == [f"index.html: loads {address} from another host"]
    (tmp_path / "next.html").write_text('<link rel="next" href="index.html">')
    assert len(links.problems(tmp_path)) == 1


def test_a_table_that_stayed_text_is_reported(tmp_path):
    (tmp_path / "index.html").write_text("<p>| a | b |\n|---|---|</p>")
    found = "index.html: a table that stayed text: a | b | |---|---|"
    assert links.problems(tmp_path) == [found]


def test_a_style_sheet_that_loads_from_another_host_is_reported(tmp_path):
    (tmp_path / "site.css").write_text(
        "@import url(https://fonts.example/x.css); a {b: url(c.svg)}"
    )
    assert links.problems(tmp_path) == [
        "site.css: loads https://fonts.example/x.css from another host"
    ]


@pytest.mark.slow
@pytest.mark.parametrize("name", tutorials.NAMES)
def test_a_tutorial_runs(name):
    """Once for each state of the code: the site takes the same execution."""
    assert '"outputs"' in tutorials.executed(name).read_text()


def test_an_execution_is_kept_as_long_as_the_code_is_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(tutorials, "FOLDER", tmp_path)
    monkeypatch.setattr(tutorials, "KEPT", tmp_path / "kept")
    runs = []

    def execute(source):
        runs.append(source)
        return "{}"

    monkeypatch.setattr(tutorials, "_execute", execute)
    (tmp_path / "x.py").write_text("1")
    first = tutorials.executed("x")
    assert tutorials.executed("x") == first
    assert len(runs) == 1
    (tmp_path / "x.py").write_text("2")
    assert tutorials.executed("x") != first
    assert not first.exists()
