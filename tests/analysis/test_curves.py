import itertools

import numpy as np
import pytest

from dropout_lab.analysis import curves
from dropout_lab.analysis.drawing import spread
from dropout_lab.errors import InputError


@pytest.fixture
def sweep(new_sweep):
    made = new_sweep().add("none", 0.0, [1.0, 2.0]).add("dropout", 0.5, [3.0])
    for number, record in enumerate(made.records):
        record["history"] = [
            {
                "phase": "select",
                "epoch": epoch,
                "val_error": number + 4.0 / epoch,
                "train_error": 1.0,
            }
            for epoch in (1, 2)
        ]
    made.records[1]["history"] = made.records[1]["history"][:1]
    made.records[2]["history"].append({"phase": "refit", "epoch": 1, "train_loss": 0.5})
    return made


def test_a_curve_is_the_mean_over_seeds_that_reached_the_epoch(sweep):
    found = curves.learning_curves(sweep.records, sweep.planned)
    assert found["none"].epochs == [1, 2]
    assert found["none"].mean == [4.5, 2.0]
    assert found["none"].std == pytest.approx([0.5**0.5, 0.0])
    assert [found[row].n for row in ("none", "dropout")] == [2, 1]


def test_the_gap_of_a_history_is_to_the_validation_examples(sweep):
    found = curves.learning_curves(sweep.records, sweep.planned, value="gap_error")
    assert found["dropout"].mean == [5.0, 3.0]
    assert curves.title("gap_error") == "validation − training error (%)"


def test_only_the_first_phase_is_drawn(sweep):
    assert len(curves.history(sweep.records[2])) == 2


def test_names_beside_lines_do_not_overlap(sweep):
    found = curves.learning_curves(sweep.records, sweep.planned)
    figure = curves.draw(dict.fromkeys(["a", "b", "c", "d"], found["none"]), "val_error")
    figure.draw_without_rendering()
    [axes] = figure.axes
    boxes = sorted((text.get_window_extent() for text in axes.texts), key=lambda box: float(box.y0))
    assert len(boxes) == 4
    assert all(low.y1 <= high.y0 + 1 for low, high in itertools.pairwise(boxes))
    assert boxes[-1].x1 <= figure.bbox.x1


def test_heights_are_moved_no_more_than_needed():
    assert spread([0.0, 0.1, 2.0], 0.5) == pytest.approx([-0.2, 0.3, 2.0])
    moved = spread(sorted(np.random.default_rng(0).random(9)), 0.1)
    assert min(np.diff(moved)) >= 0.1 - 1e-9


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"value": "val_eror"}, "unknown value of a history 'val_eror'; did you mean 'val_error'"),
        ({"rows": "varaint"}, "unknown row key 'varaint'"),
        ({"where": ["variant=shake"]}, "unknown value of variant 'shake'"),
    ],
)
def test_what_is_not_there_is_named(sweep, options, message):
    with pytest.raises(InputError, match=message):
        curves.learning_curves(sweep.records, sweep.planned, **options)


def test_without_histories_there_is_no_curve(small_sweep):
    with pytest.raises(InputError, match="no history to draw: 17 of 23"):
        curves.learning_curves(small_sweep.records, small_sweep.planned, cols="dropout.rate")
