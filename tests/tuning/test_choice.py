"""The choice among settings from the results of their runs."""

import itertools
import math

import pytest

from dropout_lab.errors import InputError
from dropout_lab.tuning.choice import Choice, Run, Setting


def setting(name, errors, nll=1.0):
    """Returns a setting with a run per error: None stands for diverged, NaN for failed."""

    def run(seed, error):
        if error is None or math.isnan(error):
            return Run(f"{name}{seed}", seed, None, "diverged" if error is None else "failed", {})
        metrics: dict[str, float | None] = {"val_error": error, "val_nll": nll}
        return Run(f"{name}{seed}", seed, None, "ok", metrics)

    return Setting({"variant": name}, tuple(itertools.starmap(run, enumerate(errors))))


def chosen(*settings):
    return Choice.among("all", settings).final.overrides["variant"]


def test_the_lowest_mean_over_seeds_is_chosen():
    assert chosen(setting("a", [1.0, 3.0]), setting("b", [1.9, 1.9]), setting("c", [2, 2])) == "b"


def test_ties_go_to_the_lower_nll_and_then_to_the_first():
    """61/3 and 41/3 in single precision, which do not average to 17."""
    one, other = [20.333333969116211, 13.666666984558105], [17.0, 17.0]
    assert chosen(setting("a", one, nll=2.0), setting("b", other, nll=1.0)) == "b"
    assert chosen(setting("a", other, nll=1.0), setting("b", one, nll=2.0)) == "a"
    assert chosen(setting("a", one), setting("b", other)) == "a"
    assert chosen(setting("b", other), setting("a", one)) == "b"


@pytest.mark.parametrize("lost", [None, math.nan])
def test_a_setting_that_lost_a_run_is_chosen_only_if_all_did(lost):
    assert chosen(setting("a", [1.0, lost]), setting("b", [9.0, 9.0])) == "b"
    assert chosen(setting("a", [1.0, lost, lost]), setting("b", [9.0, 9.0, lost])) == "b"


def test_there_is_nothing_to_choose_if_every_run_was_lost():
    with pytest.raises(InputError, match="no run of 'all' succeeded: 2 diverged, 1 failed"):
        chosen(setting("a", [None]), setting("b", [None, math.nan]))


def test_a_single_setting_needs_no_run():
    assert chosen(Setting({"variant": "a"})) == "a"


def test_statistics_are_over_the_runs_that_have_the_metric():
    stats = setting("a", [1.0, 2.0, None, 6.0]).stats("val_error")
    assert (stats.mean, stats.n) == (3.0, 3)
    assert stats.std == pytest.approx(math.sqrt(7))
    assert str(stats) == "3.00 ± 2.65 (3)"
    assert str(setting("a", [1.0]).stats("val_error")) == "1.00 (1)"
    assert str(setting("a", [None]).stats("val_error")) == "–"


def test_a_choice_survives_json():
    settings = [setting("a", [1.0, None]), setting("b", [2.0, 3.0])]
    choice = Choice.among("all", settings)
    overrides = [setting.overrides for setting in settings]
    assert Choice.from_json(choice.as_json(), overrides) == choice


def test_the_table_shows_every_setting_and_the_test_error():
    tried = (setting("a", [1.0, None]), setting("b", [2.0, 3.0]))
    metrics: dict[str, float | None] = {"test_error": 2.5}
    final = Setting(tried[1].overrides, (Run("x", 0, None, "ok", metrics),))
    assert Choice(tried, 1, final).table().splitlines() == [
        "setting    validation error (%)    diverged    failed",
        "---------  ----------------------  ----------  --------  ------",
        "variant=a  1.00 (1)                1           0",
        "variant=b  2.50 ± 0.71 (2)         0           0         chosen",
        "",
        "test error (%) of variant=b: 2.50 (1)",
    ]


def test_of_next_tokens_the_lowest_nll_is_chosen_whatever_the_errors():
    def predicted(name, nll, error):
        metrics = {"val_error": error, "val_nll": nll, "val_perplexity": math.exp(nll)}
        return Setting({"variant": name}, (Run(name, 0, None, "ok", metrics),))

    assert chosen(predicted("a", 2.0, 50.0), predicted("b", 1.0, 60.0)) == "b"
