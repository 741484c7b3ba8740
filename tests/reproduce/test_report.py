"""What is written: golden files, LaTeX that compiles, figures of the data beside them."""

import csv
import dataclasses
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from dropout_lab.analysis.statistics import Sample
from dropout_lab.config import default_config
from dropout_lab.reproduce import Cell, CellMetric, Table, report, table
from dropout_lab.reproduce.figure import figure_data, svg
from dropout_lab.reproduce.overview import describe, overview
from tests.reproduce.conftest import ERRORS, made_up, small_experiment

GOLDEN = Path(__file__).parent / "golden"
FILES = (
    "table.md",
    "table.tex",
    "table.csv",
    "claims.md",
    "claims.json",
    "figure.json",
    "README.md",
)


@pytest.mark.parametrize("name", FILES)
def test_files_equal_the_golden_ones(results, name):
    texts = report.texts(results)
    assert tuple(sorted(texts)) == tuple(sorted(FILES))
    if "UPDATE_GOLDEN" in os.environ:
        (GOLDEN / name).write_text(texts[name])
    assert texts[name] == (GOLDEN / name).read_text(), (
        f"{name} changed. If that was the intention, run UPDATE_GOLDEN=1 pytest "
        "tests/reproduce/test_report.py and scripts/reproduce.py --rewrite, read the diff and "
        "commit it. If not, the numbers that people read have changed."
    )


def test_one_column_stands_beside_the_papers(experiment):
    experiment = small_experiment(table=None)
    lines = table.markdown(made_up(experiment, ERRORS)).splitlines()
    assert lines[2].split() == ["|", "|", "ours", "|", "paper", "|", "difference", "|"]
    assert lines[4].startswith("| plain, few  | 4.06 ± 0.05 (3)")


def test_only_a_shortened_protocol_says_that_it_is(experiment):
    short = table.caption(made_up(experiment, ERRORS))
    assert "Not the paper's protocol but a shortened one (short): 1 epoch, not 2;" in short
    assert "shortened" not in table.caption(made_up(experiment, ERRORS, protocol="paper"))


def test_what_is_otherwise_than_in_the_paper_is_said(experiment):
    protocols = {
        name: dataclasses.replace(protocol, departures=("no whitening", "larger pools"))
        for name, protocol in experiment.protocols.items()
    }
    results = made_up(small_experiment(protocols=protocols), ERRORS, protocol="paper")
    assert "Otherwise than in the paper: no whitening; larger pools." in table.caption(results)
    assert "\n\n- no whitening\n- larger pools\n\n" in report.texts(results)["README.md"]


def test_a_cell_that_was_left_out_stands_beside_the_papers(experiment):
    errors = {cell: each for cell, each in ERRORS.items() if cell != "noisy, many"}
    results = made_up(experiment, errors)
    assert table.texts(results, CellMetric("noisy, many")) == ("–", "2.5", "–")
    lines = list(csv.DictReader(table.csv_table(results).splitlines()))
    assert [line["n"] for line in lines] == ["3", "3", "0"]
    assert figure_data(results)["lines"]["noisy"][1]["mean"] is None


def test_of_a_paper_without_numbers_only_ours_are_shown(experiment):
    cells = {label: Cell(cell.fixed) for label, cell in experiment.cells.items()}
    results = made_up(small_experiment(cells=cells), ERRORS)
    lines = table.markdown(results).splitlines()
    assert "Difference" not in lines[0]
    assert [line.split("|")[2].strip() for line in lines[4:]] == ["ours", "ours"]
    one = made_up(small_experiment(cells=cells, table=None), ERRORS)
    assert table.markdown(one).splitlines()[2].split() == ["|", "|", "ours", "|"]
    assert b"paper" not in svg(figure_data(results))
    text = describe("small", results.experiment, default_config(), {})
    assert "headline: noisy, few, no number in the paper" in text


def test_a_question_of_ones_own_speaks_of_no_paper():
    small = small_experiment()
    full, short = small.protocols.values()
    cells = {label: dataclasses.replace(cell, paper={}) for label, cell in small.cells.items()}
    own = dataclasses.replace(
        small, citation="", source="Ours", cells=cells, protocols={"full": full, "short": short}
    )
    page = report.texts(made_up(own, ERRORS))["README.md"]
    assert "No paper. Ours." in page
    assert "Protocol `short`. Less than in protocol `full`:\n\n- 1 epoch, not 2" in page
    assert "Otherwise than in protocol `full`, by configuration:" in page
    assert "Not the full protocol but a shortened one (short): 1 epoch, not 2" in page
    assert (
        "Chosen without a search:"
        in report.texts(made_up(own, ERRORS, protocol="full"))["README.md"]
    )
    assert "paper" not in page.replace("No paper.", "")


def test_settings_are_listed_where_there_was_a_choice(experiment):
    page = report.texts(made_up(experiment, ERRORS, protocol="paper"))["README.md"]
    assert "Settings were chosen by validation error (seeds 1000)." in page
    listed = page.partition("Settings tried")[2]
    assert listed.count("dropout.rate=0.1") == listed.count("dropout.rate=0.3") == 2
    assert "plain, few" not in listed
    fixed = report.texts(made_up(experiment, ERRORS))["README.md"]
    assert "There were no settings to choose from." in fixed
    assert "Settings tried" not in fixed


def test_a_claim_tells_of_networks_that_diverged(experiment):
    lost = made_up(experiment, ERRORS, diverged={("plain, few", 0), ("noisy, many", 2)})
    paired, alike, ordered = report.texts(lost)["claims.md"].splitlines()[4:]
    assert "; without 1 that diverged " in paired
    assert "; without 1 that diverged " in alike
    assert "; without 2 that diverged " in ordered
    assert "diverged" not in report.texts(made_up(experiment, ERRORS))["claims.md"]


@pytest.mark.parametrize("name", ["table.csv", "figure.json", "claims.json"])
def test_data_do_not_tell_versions_of_libraries_apart(experiment, name):
    errors = {cell: [error * (1 + 1e-12) for error in each] for cell, each in ERRORS.items()}
    nearly = made_up(experiment, errors)
    assert report.texts(nearly)[name] == report.texts(made_up(experiment, ERRORS))[name]


def test_numbers_of_the_table_are_those_of_the_csv(results):
    lines = list(csv.DictReader(table.csv_table(results).splitlines()))
    assert [line["cell"] for line in lines] == ["plain, few", "noisy, few", "noisy, many"]
    sample = results.sample(CellMetric("noisy, few"))
    assert float(lines[1]["mean"]) == pytest.approx(sample.mean, rel=1e-5)
    assert float(lines[1]["std"]) == pytest.approx(sample.std, rel=1e-5)
    low, high = results.from_paper(CellMetric("noisy, few")).interval
    assert float(lines[1]["low"]) == pytest.approx(low, rel=1e-5)
    assert float(lines[1]["high"]) == pytest.approx(high, rel=1e-5)
    assert lines[2]["paper_std"] == ""


@pytest.mark.parametrize(
    ("sample", "text"),
    [
        (Sample({0: 1.5}), "1.5 (1)"),
        (Sample({}, diverged=2), "2 diverged"),
        (Sample({}), "–"),
        (Sample({0: 1.0, 1: 2.0}, diverged=1), "1.5 ± 0.7 (2; 1 diverged)"),
    ],
)
def test_what_is_missing_is_said(sample, text):
    assert table.ours_text(sample, 1) == text


def test_a_single_network_has_a_difference_but_no_interval(experiment):
    results = made_up(experiment, {**ERRORS, "noisy, few": [3.2]})
    assert table.texts(results, CellMetric("noisy, few")) == ("3.2 (1)", "3 ± 0.2 (5)", "+0.2")


def test_the_figure_shows_ours_and_the_papers(results):
    data = figure_data(results)
    [(title, points)] = data["lines"].items()
    assert title == "noisy"
    assert [point["x"] for point in points] == [8, 16]
    assert points[1]["paper"] == 2.5
    drawn = svg(data)
    assert drawn.startswith(b"<?xml")
    assert drawn == svg(data)


def test_without_curves_the_table_is_drawn():
    results = made_up(small_experiment(curves=None), ERRORS)
    data = figure_data(results)
    assert {title: [p["x"] for p in line] for title, line in data["lines"].items()} == {
        "few": ["plain", "noisy"],
        "many": ["noisy"],
    }
    assert svg(data).startswith(b"<?xml")


def test_a_point_that_is_missing_is_not_drawn(experiment):
    data = figure_data(made_up(experiment, {**ERRORS, "noisy, few": []}))
    assert json.loads(json.dumps(data))["lines"]["noisy"][0]["mean"] is None
    assert svg(data).startswith(b"<?xml")


def test_all_results_at_a_glance(results):
    lines = overview([results, results], "folder").splitlines()
    assert [cell.strip() for cell in lines[-1].split("|")[6:10]] == ["4", "0", "2", "0"]
    cells = [cell.strip() for cell in lines[-2].split("|")[1:-1]]
    assert cells == [
        "[small](folder/small/short/README.md)",
        "short",
        "noisy, few",
        "3.05 ± 0.04 (3)",
        "3 ± 0.2 (5)",
        *("2", "0", "1", "0"),
        "61 s",
    ]
    assert overview([], "folder") == "No experiment has been run yet.\n"


def test_contradicted_claims_are_seen_at_a_glance(experiment):
    swapped = {**ERRORS, "plain, few": ERRORS["noisy, few"], "noisy, few": ERRORS["plain, few"]}
    [*_, line, _] = overview([made_up(experiment, swapped)], "folder").splitlines()
    assert [cell.strip() for cell in line.split("|")[6:10]] == ["0", "3", "0", "0"]


def test_an_exploratory_run_reproduces_nothing(experiment):
    protocols = {
        name: dataclasses.replace(protocol, exploratory="The rate was changed by test errors.")
        for name, protocol in experiment.protocols.items()
    }
    results = made_up(small_experiment(protocols=protocols), ERRORS)
    [*_, line, _] = overview([results], "folder").splitlines()
    assert [cell.strip() for cell in line.split("|")[6:10]] == ["0", "0", "1", "2"]
    page = report.texts(results)["README.md"]
    assert "**Exploratory: The rate was changed by test errors.** No claim counts as" in page
    assert page.count("| exploratory  |") == 2


def test_claims_about_cells_that_have_not_been_run_are_open(experiment):
    part = made_up(experiment, {cell: ERRORS[cell] for cell in ("plain, few", "noisy, few")})
    [*_, line, _] = overview([part], "folder").splitlines()
    assert [cell.strip() for cell in line.split("|")[6:10]] == ["1", "0", "2", "0"]
    assert "\n\nNot run yet: noisy, many. Claims about these" in report.texts(part)["README.md"]


def test_a_run_from_before_commitments_says_so(experiment):
    results = made_up(experiment, ERRORS)
    run = {key: value for key, value in results.run.items() if key not in ("began", "commitment")}
    page = report.texts(dataclasses.replace(results, run=run))["README.md"]
    assert "This run is from before claims, cells and choices were fixed" in page


def test_of_another_task_no_differences_are_shown(experiment):
    protocols = {
        name: dataclasses.replace(protocol, incomparable="rows are read, not pixels")
        for name, protocol in experiment.protocols.items()
    }
    results = made_up(small_experiment(protocols=protocols), ERRORS)
    lines = table.markdown(results).splitlines()
    assert "No differences from the paper: rows are read, not pixels." in lines[0]
    assert [line.split("|")[2].strip() for line in lines[4:]] == ["ours", "paper"] * 2
    assert results.from_paper(CellMetric("noisy, few")) is None
    [row, *_] = csv.DictReader(table.csv_table(results).splitlines())
    assert (row["paper"], row["difference"]) == ("4", "")
    assert figure_data(results)["lines"]["noisy"][0]["paper"] is None
    [*_, line, _] = overview([results], "folder").splitlines()
    assert line.split("|")[5].strip() == "–"


def test_a_part_of_the_images_that_all_share_is_told(results):
    assert "no interval here covers" not in table.caption(results)
    for record in results.records.values():
        record["config"]["data"]["train_size"] = 8000
    assert "no interval here covers the choice of that part" in table.caption(results)


def test_an_experiment_is_described_with_what_it_takes(experiment, results):
    text = describe("small", experiment, default_config(), {"short": results})
    assert text.splitlines() == [
        "small: Noise & width (Table 1; made up for tests)",
        "  headline: noisy, few, 3 ± 0.2 (5) in the paper",
        "  paper: 4 networks to choose by, 15 final; an hour",
        "  short: 0 networks to choose by, 9 final; a minute",
        "    was run: 3.05 ± 0.04 (3); claims: 2 reproduced, 0 contradicted, 1 open, 0 "
        "exploratory; in 61 s",
    ]


ENGINES = ("tectonic", "pdflatex", "xelatex", "lualatex")


def test_latex_compiles(tmp_path):
    engine = next(filter(shutil.which, ENGINES), None)
    if engine is None:
        pytest.skip(f"needs a TeX engine: {', '.join(ENGINES)}")
    cells = dict(small_experiment().cells)
    titles = (r"50 % of $x_1$ & {#} ~^ \ <a|b> × −", "[2pt]", "*")
    nasty = {title: (CellMetric("plain, few"), None) for title in titles}
    experiment = small_experiment(cells=cells, table=Table(("a & b", "[c]"), nasty))
    document = "\n".join(
        [
            r"\documentclass{article}\usepackage{booktabs}\begin{document}",
            table.latex(made_up(experiment, ERRORS)),
            r"\end{document}",
        ]
    )
    (tmp_path / "main.tex").write_text(document)
    flags = [] if engine == "tectonic" else ["-interaction=nonstopmode", "-halt-on-error"]
    done = subprocess.run(
        [engine, *flags, "main.tex"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:]
    assert (tmp_path / "main.pdf").exists()
