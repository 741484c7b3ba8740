"""From a configuration to a trial: what is cleared, filled in, told apart."""

import json
from pathlib import Path

import pytest

from dropout_lab.config import (
    ADDED,
    DYNAMIC,
    EXECUTION,
    HOST,
    KEYS,
    default_config,
    flatten,
    from_dict,
    hparams_of,
    identity,
    resolve,
    static_key,
    trial_id,
)
from dropout_lab.errors import InputError
from dropout_lab.models import MODELS
from dropout_lab.variants import RATES, VARIANTS

GOLDEN = Path(__file__).parents[1] / "golden" / "trial.json"


def config_of(variant="none", changes=()):
    config = default_config()
    config.update_from_flattened_dict({"variant": variant, **dict(changes)})
    return config


CNN = {"model.name": "cnn", "model.stages": (4, 8)}


def flat(variant="none", changes=()):
    return flatten(resolve(config_of(variant, changes)).to_dict())


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("model", MODELS)
def test_rates_are_the_variants_defaults_where_it_reads_them(variant, model):
    made, places = VARIANTS[variant], MODELS[model].places
    changes = {"model.name": model, "model.stages": (4, 8)}
    if not made.fits(places):
        with pytest.raises(InputError, match=f"variant '{variant}' needs a model with "):
            flat(variant, changes)
        return
    found = flat(variant, changes)
    reads = made.reads(places)
    stages = {"cnn": 2, "resnet": 3}.get(model, 0)
    for key in RATES:
        rate = made.default(key, places) if key in reads else 0
        assert found[f"dropout.{key}"] == ((rate,) * stages if key == "stage_rates" else rate)


def test_given_rates_stay():
    rates = {"dropout.rate": 0.3, "dropout.input_rate": 0.0, "dropout.stage_rates": (0.1, 0.4)}
    found = flat("dropout", CNN | rates)
    assert {key: found[key] for key in rates} == rates


def test_one_stage_rate_serves_all():
    assert flat("dropout", CNN | {"dropout.stage_rates": 0.3})["dropout.stage_rates"] == (0.3, 0.3)


def test_resolving_leaves_the_configuration_alone():
    config = config_of("dropout")
    resolve(config)
    assert config.dropout.rate is None
    assert config.is_locked


def test_a_trials_identity_is_what_it_always_was():
    """An identity names records that exist; a change makes everyone run everything again."""
    golden = json.loads(GOLDEN.read_text())
    listed = golden["config"].items()  # JSON has no tuples
    changes = {key: tuple(v) if isinstance(v, list) else v for key, v in listed}
    found = trial_id(resolve(config_of(changes=changes)))
    assert found == golden["id"], (
        "the identity of an unchanged trial has changed, so all records are lost to it. If a key "
        "was added to configs/base.py, tell its old meaning in keys.ADDED; only if the same "
        f"settings now mean something else, put the new identity {found} into {GOLDEN.name}"
    )


def test_a_zero_has_no_sign():
    plus, minus = (
        resolve(config_of("dropout", {**CNN, "dropout.rate": z, "dropout.stage_rates": (z, 0.5)}))
        for z in (0.0, -0.0)
    )
    assert trial_id(plus) == trial_id(minus)


@pytest.mark.parametrize(
    ("key", "value"),
    [("data.dir", "/elsewhere"), ("run.checkpoint_seconds", 1), ("run.save_model", False)],
)
def test_how_to_run_is_no_part_of_the_identity(key, value):
    assert key in EXECUTION
    changed = resolve(config_of(changes={key: value}))
    assert trial_id(changed) == trial_id(resolve(config_of()))
    assert static_key(changed) == static_key(resolve(config_of()))


def test_how_and_host_and_dynamic_keys_exist():
    assert {*EXECUTION, *HOST, *DYNAMIC} <= KEYS.keys()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("train.select", "best_val"),
        ("train.refit", True),
        ("train.patience", 3),
        ("eval.test", False),
    ],
)
def test_what_is_decided_between_epochs_shares_a_program(key, value):
    assert key in HOST
    changed = resolve(config_of(changes={key: value}))
    assert static_key(changed) == static_key(resolve(config_of()))
    assert trial_id(changed) != trial_id(resolve(config_of()))


def test_folds_share_a_program():
    one, other = (resolve(config_of(changes={"data.folds": 3, "data.fold": k})) for k in (0, 2))
    assert static_key(one) == static_key(other) != static_key(resolve(config_of()))
    assert trial_id(one) != trial_id(other)


@pytest.mark.parametrize(
    ("changes", "allowed"),
    [
        ({"data.fold": 0}, "None without folds"),
        ({"data.folds": 3}, "0 to 2"),
        ({"data.folds": 3, "data.fold": 3}, "0 to 2"),
    ],
)
def test_a_fold_is_one_of_the_folds(changes, allowed):
    with pytest.raises(InputError, match=rf"config\.data\.fold is .*; allowed: {allowed}"):
        resolve(config_of(changes=changes))


def test_a_new_key_at_its_old_meaning_keeps_identities(monkeypatch):
    before = trial_id(resolve(config_of()))
    grown = resolve(config_of()).to_dict()
    grown["model"]["residual"] = False
    assert trial_id(from_dict(grown)) != before
    monkeypatch.setattr(identity, "ADDED", {**ADDED, "model.residual": False})
    assert trial_id(from_dict(grown)) == before
    grown["model"]["residual"] = True
    assert trial_id(from_dict(grown)) != before


def test_a_record_gives_its_configuration_back():
    resolved = resolve(config_of("dropout", CNN))
    again = from_dict(json.loads(json.dumps(resolved.to_dict())))
    assert again == resolved
    assert trial_id(again) == trial_id(resolved)
    assert static_key(again) == static_key(resolved)


READERS = {
    "dropout.embedding_rate": "word_dropout",
    "dropout.patch_rate": "patch_dropout",
    "dropout.attention_rate": "drop_key",
    "dropout.branch_rate": "stochastic_depth",
    "dropout.state_rate": "zoneout",
    "dropout.cell_rate": "zoneout",
    "dropout.penalty_weight": "variational_dropout",
}


@pytest.mark.parametrize("key", sorted(DYNAMIC))
def test_dynamic_numbers_share_a_program(key):
    changes = {**CNN, "optimizer.max_norm": 1.0, "loss.name": "r_drop"}
    if key.startswith("loss."):
        changes |= {"loss.l1": 1e-5, "loss.sparsity": 1e-3}
    if key == "optimizer.rms_decay":
        changes["optimizer.name"] = "rmsprop"
    changes |= {"optimizer.momentum_start": 0.5, "optimizer.momentum_epochs": 9.0}
    changes |= {"optimizer.clip_norm": 1.0, "train.init_std": 0.1, "train.ema": 0.5}
    changes |= {"schedule.warmup": 1.0, "data.label_noise": 0.5}
    changes["data.cutmix" if key == "data.cutmix" else "data.mixup"] = 0.5
    variant = READERS.get(key, "dropout")
    option = key.removeprefix("dropout.")
    changes["model.name"] = next(
        name
        for name in ("cnn", *MODELS)
        if option in VARIANTS[variant].reads(MODELS[name].places) or option not in RATES
        if VARIANTS[variant].fits(MODELS[name].places)
    )
    value = {"seed": 9, "train.epochs": 7, "dropout.stage_rates": (0.3, 0.4)}.get(key, 0.625)
    one = resolve(config_of(variant, changes))
    other = resolve(config_of(variant, {**changes, key: value}))
    assert static_key(one) == static_key(other)
    assert hparams_of(one)[key] != hparams_of(other)[key]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("variant", "dropout"),
        ("model.widths", (800, 801)),
        ("train.batch_size", 64),
        ("optimizer.nesterov", True),
        ("optimizer.max_norm", 1.0),
        ("schedule.name", "cosine"),
    ],
)
def test_what_shapes_the_program_separates_programs(key, value):
    changed = resolve(config_of(changes={key: value}))
    assert static_key(changed) != static_key(resolve(config_of()))


BATCHWISE = {"dropout.rate": 0.5, "dropout.input_rate": 0.2}


def test_what_batchwise_dropout_leaves_out_is_by_default_what_it_drops():
    found = flat("batchwise_dropout", BATCHWISE)
    assert (found["dropout.unit_share"], found["dropout.input_share"]) == (0.5, 0.2)
    scheduled = flat("batchwise_dropout", {**BATCHWISE, "rate_schedule.name": "linear"})
    assert (scheduled["dropout.unit_share"], scheduled["dropout.input_share"]) == (0, 0)
    assert flat("dropout", BATCHWISE)["dropout.unit_share"] is None


def test_a_rate_of_batchwise_dropout_is_compiled_apart_unless_its_share_is_given():
    def programs(changes):
        return {
            static_key(resolve(config_of("batchwise_dropout", {**changes, "dropout.rate": rate})))
            for rate in (0.25, 0.5)
        }

    assert len(programs({})) == 2
    assert len(programs({"dropout.unit_share": 0.25})) == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"dropout.unit_share": 0.6},
            "config.dropout.unit_share is 0.6; allowed: a number from 0 to 0.5, config.dropout",
        ),
        (
            {"dropout.input_share": 0.1, "rate_schedule.name": "linear"},
            "config.dropout.input_share is 0.1; allowed: a number from 0 to 0, the lowest rate of",
        ),
        ({"model.batch_norm": True}, "config.model.batch_norm is True with variant"),
    ],
)
def test_a_share_or_layer_that_batchwise_dropout_cannot_have_is_refused(changes, message):
    with pytest.raises(InputError, match=message):
        resolve(config_of("batchwise_dropout", {**BATCHWISE, **changes}))
