"""What a report looks like as a table and as a figure."""

import json

import numpy as np
import pytest

from scripts.benchmarks import report, report_figure

TABLE = """\
| case                                    | ours | floor         | naive           | flax       | target                 | here | met |
|:----------------------------------------|:-----|:--------------|:----------------|:-----------|:-----------------------|:-----|:----|
| dropout 0.5 forward                     | 1 ms | 500 µs (0.5)  |                 | 30 ms (30) | >= 20x as fast as flax | 30   | yes |
|                                         |      |               |                 |            | <= 1.5x a copy         | 2    | NO  |
| shakeout, a product                     | 4 ms | 1.4 ms (0.35) |                 |            |                        |      |     |
| dropout 0.5, kept for the backward pass | 12 B |               | 4.2 MB (3.5e+05) |            |                        |      |     |
"""  # noqa: E501


def cells(text):
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines()]


def test_a_table_has_a_line_per_target_and_no_empty_column(small_report):
    expected, found = cells(TABLE), cells(report.table(small_report))
    assert found[0] == expected[0]
    assert found[2:] == expected[2:]


def test_a_report_read_back_gives_the_same_table(small_report):
    again = json.loads(json.dumps(small_report))
    assert report.table(again) == report.table(small_report)


def test_the_caption_says_what_where_and_how_many(small_report):
    assert report.caption(small_report) == (
        "Medians of at most 15 repeats in turns, in brackets over ours; 1 of 2 targets met. Abacus "
        "9000, 2 cores, load 0.25 before; python 3.11.7, jax 0.10.2."
    )


def test_a_report_of_an_accelerator_names_it_and_has_no_targets(small_report):
    device = {"platform": "gpu", "kind": "Abacus X", "cpus": 2}
    found = small_report | {"device": device, "targets": []}
    assert "over ours. Abacus X beside Abacus 9000, 2 cores" in report.caption(found)
    header, _, *lines = cells(report.table(found))
    assert header == ["case", "ours", "floor", "naive", "flax"]
    assert {len(line) for line in lines} == {len(header)}


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(2.5, "s", "2.5 s"), (1e-3, "s", "1 ms"), (3e-7, "s", "3e-07 s"), (1500, "B", "1.5 kB")],
)
def test_quantities_have_units_that_fit(value, unit, text):
    assert report.quantity(value, unit) == text


def test_the_figure_has_every_other_side_over_ours(small_report):
    (axes,) = report_figure.draw(small_report).axes
    found = {
        line.get_label(): tuple(np.asarray(each).tolist() for each in line.get_data())
        for line in axes.lines
        if line.get_linestyle() == "None"
    }
    assert found == {
        "floor": ([0.5, pytest.approx(0.35)], [0, 1]),
        "naive": ([pytest.approx(3.5e5)], [2]),
        "flax": ([pytest.approx(30)], [0]),
    }


@pytest.mark.slow
def test_equal_reports_give_equal_figures(small_report, tmp_path):
    for name in ("first.svg", "second.svg"):
        report_figure.save(small_report, tmp_path / name)
    first, second = (tmp_path / name for name in ("first.svg", "second.svg"))
    assert first.read_bytes() == second.read_bytes()
