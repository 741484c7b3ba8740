"""Every experiment loads, has valid keys under each protocol, and runs in smoke form."""

import dataclasses
import itertools
import json
import os
from pathlib import Path

import pytest

import experiments
from dropout_lab.config import default_config
from dropout_lab.errors import InputError
from dropout_lab.reproduce import Above, Alike, Below, Ordered, run
from dropout_lab.reproduce.design import make_design
from dropout_lab.sweeps.execution.options import Execution

PROTOCOLS_OF = [
    (name, protocol)
    for name in experiments.NAMES
    for protocol in (*experiments.load(name).protocols, "smoke")
]


@pytest.mark.parametrize(("name", "protocol"), PROTOCOLS_OF)
def test_it_fits_together(name, protocol):
    experiment = experiments.load(name)
    design = make_design(name, experiment, protocol, default_config())
    assert design.candidates.keys() == experiment.cells.keys() - set(design.protocol.excluded_cells)
    assert experiment.headline.cell in design.candidates
    for settings in design.candidates.values():
        assert len({json.dumps(each, sort_keys=True) for each in settings}) == len(settings)
    assert design.claims
    assert bool(design.departures) == (protocol not in (experiment.reference, "smoke"))
    if protocol == "full" and experiment.citation and "fig10" not in name:
        assert design.config.data.train_size is None


@pytest.mark.parametrize("name", experiments.NAMES)
def test_it_says_what_it_costs_and_what_it_cuts(name):
    experiment = experiments.load(name)
    protocols = experiment.protocols
    assert not protocols[experiment.reference].excluded_cells
    for kind, protocol in protocols.items():
        assert bool(protocol.shortened) == (kind == "short")  # of full, it is generated
        assert protocol.cost


@pytest.mark.parametrize("name", experiments.NAMES)
def test_claims_compare_cells_that_are_repeated(name):
    experiment = experiments.load(name)
    assert experiment.claims
    for protocol in experiment.protocols.values():
        assert len(protocol.seeds) >= 3
        assert not set(protocol.seeds) & set(protocol.search_seeds)


@pytest.mark.parametrize("name", experiments.NAMES)
def test_claims_are_true_of_the_papers_numbers(name):
    """Else one was copied wrong; without spread, an order is all that can be checked."""
    experiment = experiments.load(name)
    if not experiment.numbered:
        assert not experiment.citation or "no numbers" in experiment.source
        return
    extra = [claim for protocol in experiment.protocols.values() for claim in protocol.claims]
    for claim in (*experiment.claims, *extra):
        values = [experiment.cells[each.cell].paper[each.metric].value for each in claim.values]
        if isinstance(claim, Below | Above):
            assert (values[0] < claim.bound) == isinstance(claim, Below), claim
        elif isinstance(claim, Alike):
            assert abs(values[0] - values[1]) < claim.within, claim
        else:
            gap = 0 if isinstance(claim, Ordered) else claim.by
            assert all(b - a > gap for a, b in itertools.pairwise(values)), claim


def part(experiment):
    """Returns an experiment with the cells of its headline and of its first claim only."""
    chosen = {experiment.headline.cell, *(each.cell for each in experiment.claims[0].values)}
    return dataclasses.replace(
        experiment,
        cells={label: cell for label, cell in experiment.cells.items() if label in chosen},
        claims=experiment.claims[:1],
        protocols={
            name: dataclasses.replace(
                protocol,
                cells={each: over for each, over in protocol.cells.items() if each in chosen},
                claims=(),
                excluded_cells=(),
            )
            for name, protocol in experiment.protocols.items()
        },
        table=None,
        curves=None,
    )


# Another one has their kinds of networks, of noise and of metrics.
LIKE_ANOTHER = {
    "mnist_transformer": "digits_transformer",
    "srivastava2014_fig10": "srivastava2014_fig11",
    "srivastava2014_fig9": "srivastava2014_fig11",
    "srivastava2014_table10": "srivastava2014_fig11",
    "srivastava2014_table9": "srivastava2014_fig11",
    "wan2013_table4": "srivastava2014_table4",
    "zagoruyko2016_table6": "li2018_table3",
}


@pytest.mark.slow
@pytest.mark.usefixtures("fake_images", "quick_compile")
@pytest.mark.parametrize("name", [name for name in experiments.NAMES if name not in LIKE_ANOTHER])
def test_it_runs(name, tmp_path):
    """Of each a part: a compile for every cell would take minutes."""
    whole = experiments.load(name)
    if "data.path" in whole.base and "DROPOUT_LAB_DATA" not in os.environ:
        pytest.skip(f"needs DROPOUT_LAB_DATA to hold {Path(whole.base['data.path']).name}")
    experiment = part(whole)
    done = run.reproduce(
        name,
        experiment,
        "smoke",
        default_config(),
        tmp_path,
        command="",
        execution=Execution(1, "local"),
    )
    assert set(done.choices) == set(experiment.cells)
    assert done.sample(experiment.headline).n == 2
    assert run.differences(done, tmp_path) == []
    values = [value for row in whole.layout.rows.values() for value in row if value]
    values += [value for claim in whole.claims for value in claim.values]
    known = {metric for metrics in done.measured.values() for metric in metrics}
    for record in done.records.values():
        known |= record["metrics"].keys()
    assert {value.metric for value in values if value.cell in done.choices} <= known


@pytest.mark.parametrize(("name", "protocol"), experiments.published())
def test_published_files_are_what_the_records_say(name, protocol):
    place = experiments.RESULTS / name / protocol
    results = run.read(name, experiments.load(name), default_config(), place)
    assert run.differences(results, place) == []


WITHOUT_COMMITMENT = {  # short runs from before claims were fixed when a run began
    *("gal2016_lenet", "kingma2015_fig1", "krueger2017_sequential_mnist", "li2018_table3"),
    *("molchanov2017_lenet", "srivastava2014_fig11", "srivastava2014_fig9"),
    *("srivastava2014_table10", "srivastava2014_table9", "wan2013_fig2b", "wan2013_table2"),
}


def test_every_later_run_fixed_its_claims_when_it_began():
    without = {
        (name, protocol)
        for name, protocol in experiments.published()
        if "commitment"
        not in json.loads((experiments.RESULTS / name / protocol / "run.json").read_text())
    }
    assert without <= {(name, "short") for name in WITHOUT_COMMITMENT}


def test_an_unknown_experiment_is_an_error_with_the_nearest():
    with pytest.raises(InputError, match="unknown experiment 'wan2013_table'; did you mean 'wan2"):
        experiments.load("wan2013_table")
