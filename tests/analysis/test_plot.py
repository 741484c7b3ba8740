import subprocess
import sys

import numpy as np
import pytest

from dropout_lab.analysis import plot
from dropout_lab.analysis.drawing import MARKERS, save
from dropout_lab.analysis.summary import summarise
from dropout_lab.errors import InputError


@pytest.fixture
def summary(small_sweep):
    return summarise(small_sweep.records, small_sweep.planned, cols="dropout.rate")


def curves(axes):
    return [
        (np.asarray(line.get_xdata()).tolist(), np.asarray(line.get_ydata()).tolist())
        for line in axes.lines
        if line.get_marker() in MARKERS
    ]


def legend(drawn):
    (only,) = drawn.legends
    return [text.get_text() for text in only.get_texts()]


def test_each_row_is_a_line_through_its_means(summary):
    drawn = plot.draw(summary)
    (axes,) = drawn.axes
    assert legend(drawn) == [
        "none (n = 3)",
        "dropout (n = 1 to 3)",
        "spatial_dropout (n = 1)",
        "drop_connect (n = 0)",
    ]
    assert curves(axes)[0] == ([0.25, 0.5, 0.75], pytest.approx([1.45, 1.25, 2.0]))
    assert axes.get_xlabel() == "dropout.rate"
    assert axes.get_ylabel() == "test error (%)"


def test_the_band_is_one_standard_deviation(new_sweep):
    sweep = new_sweep().add(rate=0.1, test=[1.0, 3.0]).add(rate=0.5, test=[2.0, 6.0])
    (axes,) = plot.draw(summarise(sweep.records, sweep.planned, cols="dropout.rate")).axes
    band = np.asarray(axes.collections[0].get_paths()[0].vertices)
    for x, mean, std in ((0.1, 2, 2**0.5), (0.5, 4, 8**0.5)):
        at = band[band[:, 0] == x, 1]
        assert (at.min(), at.max()) == pytest.approx((mean - std, mean + std))


def test_a_row_at_zero_only_is_a_dashed_reference_beside_lines(summary):
    (axes,) = plot.draw(summary).axes
    (reference,) = [line for line in axes.lines if line.get_linestyle() == "--"]
    assert reference.get_label() == "none (n = 3)"
    assert reference.get_ydata() == pytest.approx([1.65, 1.65])
    (band,) = axes.patches
    assert band.get_extents().transformed(axes.transData.inverted()).intervaly == pytest.approx(
        [1.6, 1.7]
    )


def test_rows_at_one_rate_only_are_points(new_sweep):
    sweep = new_sweep().add("none", 0.0, [1.0, 2.0]).add("dropout", 0.0, [3.0])
    (axes,) = plot.draw(summarise(sweep.records, sweep.planned, cols="dropout.rate")).axes
    assert curves(axes) == [([0.0], [1.5]), ([0.0], [3.0])]


def test_diverged_trials_are_marked(summary):
    (axes,) = plot.draw(summary).axes
    crosses = [
        np.asarray(line.get_xdata()).tolist() for line in axes.lines if line.get_marker() == "x"
    ]
    assert crosses == [[0.75], [0.25, 0.5, 0.75]]
    assert "diverged" in axes.get_title(loc="left")


def test_wide_positive_columns_get_a_logarithmic_axis(new_sweep):
    sweep = new_sweep()
    for rate in (0.001, 0.01, 0.1):
        sweep.add(rate=rate, test=[1.0])
    (axes,) = plot.draw(summarise(sweep.records, sweep.planned, cols="dropout.rate")).axes
    assert axes.get_xscale() == "log"


def test_filters_are_named(small_sweep):
    summary = summarise(
        small_sweep.records, small_sweep.planned, cols="dropout.rate", where=["variant=dropout"]
    )
    (axes,) = plot.draw(summary).axes
    assert "only variant=dropout" in axes.get_title(loc="left")


def test_equal_summaries_give_equal_files(summary, tmp_path):
    for name in ("a.svg", "b.svg", "a.pdf", "b.pdf"):
        save(plot.draw(summary), tmp_path / name)
    for form in ("svg", "pdf"):
        assert (tmp_path / f"a.{form}").read_bytes() == (tmp_path / f"b.{form}").read_bytes()
    assert b"<dc:date>" not in (tmp_path / "a.svg").read_bytes()


def test_another_suffix_is_an_error_before_anything_is_written(summary, tmp_path):
    with pytest.raises(InputError, match=r"figure format '\.bmp'.* Allowed: \.pdf, \.png, \.svg"):
        save(plot.draw(summary), tmp_path / "a.bmp")
    assert not list(tmp_path.iterdir())


def test_columns_of_text_are_side_by_side(small_sweep):
    summary = summarise(
        small_sweep.records,
        small_sweep.planned,
        rows=None,
        cols="variant",
        where=["dropout.rate=0"],
    )
    (axes,) = plot.draw(summary).axes
    assert [text.get_text() for text in axes.get_xticklabels()] == ["none"]
    assert not [line for line in axes.lines if line.get_linestyle() == "--"]


def test_without_columns_there_is_no_figure(small_sweep):
    where = ["variant=none"]
    summary = summarise(small_sweep.records, small_sweep.planned, where=where)
    with pytest.raises(InputError, match="needs a column key, --cols=KEY"):
        plot.draw(summary)


def test_no_band_goes_below_zero(new_sweep):
    sweep = new_sweep().add(rate=0.1, test=[0.0, 3.0]).add(rate=0.5, test=[0.5, 6.0])
    (axes,) = plot.draw(summarise(sweep.records, sweep.planned, cols="dropout.rate")).axes
    band = np.asarray(axes.collections[0].get_paths()[0].vertices)
    assert band[:, 1].min() == 0
    assert band[:, 1].max() == pytest.approx(3.25 + 5.5 / 2**0.5)


def test_the_band_of_a_gap_may_go_below_zero(new_sweep):
    sweep = new_sweep().add(rate=0.1, test=[1.0, 3.0]).add(rate=0.5, test=[2.0, 6.0])
    for record in sweep.records:
        record["metrics"]["train_error"] = 1.0
    summary = summarise(sweep.records, sweep.planned, value="gap_error", cols="dropout.rate")
    (axes,) = plot.draw(summary).axes
    band = np.asarray(axes.collections[0].get_paths()[0].vertices)
    assert band[:, 1].min() == pytest.approx(1 - 2**0.5)
    assert axes.get_ylabel() == "test − training error (%)"


@pytest.mark.parametrize(
    ("rates", "scale"),
    [
        ([0.1, 0.2, 0.3, 0.4, 0.5], "linear"),
        ([0.02, 0.25, 0.5, 0.75, 0.9], "linear"),
        ([0.02, 0.03, 0.06, 0.2, 0.5], "log"),
        ([0.001, 0.5], "log"),
    ],
)
def test_small_numbers_that_prevail_have_a_logarithmic_axis(new_sweep, rates, scale):
    sweep = new_sweep()
    for rate in rates:
        sweep = sweep.add(rate=rate, test=[1.0])
    (axes,) = plot.draw(summarise(sweep.records, sweep.planned, cols="dropout.rate")).axes
    assert axes.get_xscale() == scale


@pytest.mark.slow
def test_matplotlib_is_imported_by_figures_only():
    script = (
        "import sys; from dropout_lab.analysis import plot, summary, table; "
        "assert 'matplotlib' not in sys.modules; "
        "s = summary.summarise([{'id': 'a', 'status': 'ok', 'metrics': {'test_error': 1.0}, "
        "'wall_seconds': 1.0, "
        "'config': {'rate': 0.5}}], {}, rows=None, cols='rate'); "
        "plot.draw(s); assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
