"""What a sweep does once, once per trial, and once per change of a file: counted, not timed."""

import collections
import contextlib
import pickle
import types
from typing import Any

import pytest

from dropout_lab.errors import InputError
from dropout_lab.sweeps import store as store_module
from dropout_lab.sweeps import trials as trials_module
from dropout_lab.sweeps.execution import cluster, plan, runner
from dropout_lab.sweeps.status import describe
from dropout_lab.sweeps.store import Store
from dropout_lab.sweeps.trials import groups, make_trials
from dropout_lab.system.interrupt import Stop
from dropout_lab.training import recorded
from tests.sweeps.running import run_sweep

pytestmark = pytest.mark.slow


@pytest.fixture
def calls(monkeypatch):
    """Returns a function that counts the calls of a module's function from now on."""

    def counted(module, name, key=None):
        counter: collections.Counter[Any] = collections.Counter()
        function = getattr(module, name)

        def counting(*args, **options):
            if counted_as := key(*args) if key else name:
                counter[counted_as] += 1
            return function(*args, **options)

        monkeypatch.setattr(module, name, counting)
        return counter

    return counted


@pytest.fixture
def parsed(calls):
    """Returns a function that counts the parses of each JSON file from now on."""

    def name_of(path):
        return path.name if path.exists() else ""

    def counting():
        store_module._parsed_sweep.cache_clear()
        plan._parsed.cache_clear()
        modules = (store_module, recorded, plan)
        return [calls(module, "read_json", key=name_of) for module in modules]

    return counting


@pytest.mark.parametrize("count", [3, 30])
def test_a_setting_is_resolved_once_without_a_configuration_object(config, calls, count):
    resolved = calls(trials_module, "resolve_flat")
    built = calls(trials_module, "FrozenConfigDict")
    sweep = [{"train.epochs": n, "seed": seed} for n in (1, 2) for seed in range(count)]
    trials = make_trials(config, sweep)
    groups(trials)
    assert (resolved.total(), built.total()) == (2, 0)
    assert trials[0].config is trials[0].config
    assert built.total() == 1


@pytest.mark.parametrize("count", [3, 30])
def test_the_trials_of_a_group_are_checked_by_what_they_differ_in(config, calls, count):
    built = calls(trials_module, "FrozenConfigDict")
    config.data.folds = 2
    sweep = [{"seed": seed, "data.fold": fold} for seed in range(count) for fold in range(2)]
    [group] = groups(make_trials(config, sweep))
    runner.check_group(group, lanes=1)
    assert built.total() <= 3  # the group's first trial, and one for each fold


def test_a_start_and_a_status_parse_every_file_once(config, parsed, tmp_path):
    sweep = {"seed": range(4)}
    run_sweep(config, sweep, Store(tmp_path))
    records = {f"{trial}.json": 1 for trial in Store(tmp_path).trials()}
    for read in (
        lambda: run_sweep(config, sweep, Store(tmp_path)),
        lambda: describe(Store(tmp_path)),
    ):
        of_store, of_records, of_plans = parsed()
        read()
        assert of_store == {"sweep.json": 1}
        assert of_records == records
        assert of_plans.total() == 0


def test_the_files_of_all_trials_are_parsed_as_often_for_many_trials(config, parsed, tmp_path):
    common = []
    for count in (2, 6):
        directory = tmp_path / str(count)
        of_store, of_records, of_plans = parsed()
        run_sweep(config, {"seed": range(count)}, Store(directory))
        common.append((of_store["sweep.json"], of_plans.total()))
        assert of_records.total() == count
    assert common[0] == common[1]
    assert max(common[0]) <= 2


def test_a_file_that_has_changed_is_parsed_again(config, tmp_path):
    first, second = Store(tmp_path), Store(tmp_path)
    for seed in range(3):
        trials = make_trials(config, [{"seed": seed}])
        first.extend(config, ["seed"], trials)
        assert len(second.trials()) == seed + 1
    group = groups(trials)[0]
    for lanes in (4, 2):
        plan._write(first, group.id, plan.Plan(lanes, 1, None))
        read = plan.read_plan(second, group.id)
        assert read
        assert read.lanes == lanes


def test_a_seed_is_checked_in_every_trial(config):
    """Trials that differ in it alone are resolved together."""
    config.seed = -1
    make_trials(config, [{"seed": 0}])
    with pytest.raises(InputError, match=r"config\.seed is -1"):
        make_trials(config, [{"seed": 0}, {}])
    assert [trial.flat["seed"] for trial in make_trials(config, [{"seed": 3}, {"seed": 4}])] == [
        3,
        4,
    ]


def test_settings_of_other_types_are_resolved_apart(config):
    for values in ([True, 1], [1, True]):
        with pytest.raises(InputError, match=r"train\.refit is 1"):
            make_trials(config, [{"train.refit": value} for value in values])


def test_a_record_s_identity_is_computed_only_if_its_configuration_is_not_the_trial_s(
    config, tmp_path, calls
):
    store = Store(tmp_path)
    run_sweep(config, {"seed": range(2)}, store)
    computed = calls(recorded, "trial_id")
    assert len(store.records()) == 2
    assert computed.total() == 0
    trial = next(iter(store.trials()))
    path = store.file("trials", trial)
    path.write_text(path.read_text().replace('"batch_size": 8', '"batch_size": 9'))
    with pytest.raises(InputError, match=r"is damaged \(its configuration is of trial"):
        store.records()


def test_a_sweep_that_has_not_changed_is_not_written_again(config, tmp_path, calls):
    run_sweep(config, {"seed": range(2)}, Store(tmp_path))
    written = calls(store_module, "write_json", key=lambda path, content: path.name)
    run_sweep(config, {"seed": range(2)}, Store(tmp_path))
    assert written.total() == 0
    config.run.checkpoint_seconds = 7.0  # workers read it from the file
    run_sweep(config, {"seed": range(2)}, Store(tmp_path))
    assert written == {"sweep.json": 1}
    assert {tree["run"]["checkpoint_seconds"] for tree in Store(tmp_path).trials().values()} == {7}


def test_what_a_dask_task_is_sent_does_not_grow_with_the_sweep(config, tmp_path, monkeypatch):
    """Tasks run in this process, in the place of a cluster."""
    sizes = collections.defaultdict(set)

    class Client:
        status = "running"
        scheduler = types.SimpleNamespace(address="here")

        def submit(self, function, *args, **options):
            sizes[function.__name__].add(len(pickle.dumps(args)))
            value = function(*args)
            return types.SimpleNamespace(
                done=lambda: True,
                cancelled=lambda: False,
                status="finished",
                result=lambda: value,
            )

    @contextlib.contextmanager
    def stop_on(event):
        yield Stop()

    monkeypatch.setattr(cluster, "connected", lambda *args: contextlib.nullcontext(Client()))
    monkeypatch.setattr(cluster, "_prepare_worker", lambda: None)
    monkeypatch.setattr(cluster, "_stop_on", stop_on)
    for count in (2, 8):
        store = Store(tmp_path / str(count))
        run_sweep(config, {"seed": range(count)}, store, executor="dask")
        assert len(store.records()) == count
    assert max(sizes["_run"]) - min(sizes["_run"]) < 20  # an id may be pickled as a reference


def test_a_key_that_another_one_refers_to_cannot_be_varied(config):
    config.train.epochs = 3
    config.eval.samples = config.train.get_ref("epochs")
    assert make_trials(config, [{"train.epochs": 3, "seed": 1}])
    with pytest.raises(InputError, match=r"^train\.epochs is varied, and config\.eval\.samples"):
        make_trials(config, [{"train.epochs": 3}, {"train.epochs": 4}])
