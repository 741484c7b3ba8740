"""Plans are made once, extended at their end, and split if memory does not suffice."""

import pytest

from dropout_lab.errors import InputError
from dropout_lab.sweeps.execution.plan import Chunk, make_plan, read_plan, split
from dropout_lab.sweeps.store import Store
from dropout_lab.sweeps.trials import groups, make_trials
from dropout_lab.system.machine import threads


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


def group_of(config, seeds):
    [group] = groups(make_trials(config, [{"seed": seed} for seed in seeds]))
    return group


def choosing(lanes):
    return lambda trials: (lanes, 0.5)


def never(trials):
    raise AssertionError("the lanes are chosen again")


def planned(store, group, choose):
    """Returns the plan that this process makes."""
    plan = make_plan(store, group, choose)
    assert plan
    return plan


def test_a_plan_is_chosen_once_and_kept(store, config):
    group = group_of(config, range(5))
    plan = planned(store, group, choosing(2))
    assert (plan.lanes, plan.seconds, plan.threads) == (2, 0.5, threads())
    assert [len(chunk.trials) for chunk in plan.chunks] == [2, 2, 1]
    assert {chunk.lanes for chunk in plan.chunks} == {2}
    assert [trial for chunk in plan.chunks for trial in chunk.trials] == [
        trial.id for trial in group.trials
    ]
    assert make_plan(store, group, never) == plan == read_plan(store, group.id)


def test_more_trials_go_into_chunks_of_their_own(store, config):
    before = planned(store, group_of(config, [0, 1, 2]), choosing(2))
    larger = group_of(config, [5, 0, 1, 2, 3, 4])
    after = planned(store, larger, never)
    assert after.chunks[:2] == before.chunks
    ids = {trial.config.seed: trial.id for trial in larger.trials}
    assert [chunk.trials for chunk in after.chunks[2:]] == [(ids[5], ids[3]), (ids[4],)]


def test_a_chunk_is_of_one_fold(store, config):
    config.data.folds = 2
    sweep = [{"seed": seed, "data.fold": fold} for seed in range(3) for fold in range(2)]
    [group] = groups(make_trials(config, sweep))
    folds = {trial.id: trial.config.data.fold for trial in group.trials}
    plan = planned(store, group, choosing(2))
    assert [[folds[trial] for trial in chunk.trials] for chunk in plan.chunks] == [
        [0, 0],
        [0],
        [1, 1],
        [1],
    ]


def test_a_group_recorded_without_a_plan_has_nothing_to_run(store, config):
    group = group_of(config, [0])
    store.add({"id": group.trials[0].id})
    plan = make_plan(store, group, never)
    assert plan is not None
    assert plan.chunks == ()
    assert read_plan(store, group.id) is None


def test_recorded_trials_are_not_planned(store, config):
    group = group_of(config, [0, 1, 2])
    store.add({"id": group.trials[1].id})
    plan = planned(store, group, choosing(8))
    assert [chunk.trials for chunk in plan.chunks] == [(group.trials[0].id, group.trials[2].id)]


def test_a_chunk_is_identified_by_its_trials_and_width():
    same = Chunk(2, ("a", "b")), Chunk(2, ("a", "b"))
    assert same[0].id == same[1].id
    others = Chunk(2, ("b", "a")), Chunk(4, ("a", "b")), Chunk(2, ("a",))
    assert len({chunk.id for chunk in (*same, *others)}) == 4


def test_a_chunk_splits_into_halves(store, config):
    group = group_of(config, range(6))
    plan = planned(store, group, choosing(4))
    split(store, group.id, plan.chunks[0])
    after = read_plan(store, group.id)
    assert after
    ids = [trial.id for trial in group.trials]
    assert after.chunks == (
        Chunk(2, tuple(ids[:2])),
        Chunk(2, tuple(ids[2:4])),
        Chunk(4, tuple(ids[4:])),
    )
    assert after.lanes == 2


def test_a_plan_is_not_made_while_another_process_makes_it(store, config):
    group = group_of(config, [0])
    with store.lock(f"plan-{group.id}"):
        assert make_plan(store, group, never) is None
    assert make_plan(store, group, choosing(1)) is not None


@pytest.mark.parametrize("content", ['{"lanes": 2', "[]", '{"schema": 1}'])
def test_a_damaged_plan_is_an_error(store, config, content):
    group = group_of(config, [0])
    make_plan(store, group, choosing(1))
    path = store.file("plans", group.id)
    path.write_text(content)
    with pytest.raises(InputError, match=rf"{group.id}\.json is damaged"):
        make_plan(store, group, never)
    assert path.read_text() == content
