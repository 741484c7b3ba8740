import pytest
from matplotlib.patches import Rectangle

from dropout_lab.analysis import heat_map
from dropout_lab.analysis.summary import summarise
from dropout_lab.errors import InputError


def test_cells_hold_their_means_and_mark_divergence(small_sweep):
    summary = summarise(small_sweep.records, small_sweep.planned, cols="dropout.rate")
    figure = heat_map.draw(summary)
    axes = figure.axes[0]
    texts = {(round(text.get_position()[0]), round(text.get_position()[1])): text.get_text()
             for text in axes.texts}  # fmt: skip
    assert texts[1, 1] == "1.45"
    assert texts[3, 1] == "2.00×"
    assert texts[3, 2] == "×"
    assert [text.get_text() for text in axes.get_xticklabels()] == ["0", "0.25", "0.5", "0.75"]
    [frame] = axes.patches
    assert isinstance(frame, Rectangle)
    assert frame.get_xy() == pytest.approx((1 - 0.47, 1 - 0.45))


def test_it_needs_two_keys_and_a_finished_trial(small_sweep, new_sweep):
    with pytest.raises(InputError, match="needs two keys"):
        heat_map.draw(summarise(small_sweep.records, small_sweep.planned, where=["variant=none"]))
    sweep = new_sweep().add("none", 0.0, [float("nan")])
    with pytest.raises(InputError, match="no finished trial"):
        heat_map.draw(summarise(sweep.records, sweep.planned, cols="dropout.rate"))
