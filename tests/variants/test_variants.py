"""The table of variants, and the object that hands models their layers."""

import dataclasses
import inspect
from typing import Any, get_args, get_type_hints

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from dropout_lab import nn
from dropout_lab.config import check_inference
from dropout_lab.errors import InputError
from dropout_lab.models import MODELS
from dropout_lab.variants import OPTIONS, PLACES, RATES, RULES_OF_INFERENCE, VARIANTS, Noise

INIT = nnx.initializers.lecun_normal()
STAGE = (4, 4, 8)
USES = [
    (name, place)
    for name, variant in VARIANTS.items()
    for place in PLACES
    if getattr(variant, place) is not None
]


def layer_at(noise, place):
    """Returns the layer for a place of a small network."""
    kernel: dict[str, Any] = {"kernel_init": INIT, "rngs": nnx.Rngs(0)}
    makers = {
        "input": lambda: noise.input((2, 3)),
        "sequence": lambda: noise.sequence((2, 3)),
        "stage": lambda: noise.stage(1, STAGE),
        "conv": lambda: noise.conv(1, 3, 4, 3, **kernel),
        "pool": lambda: noise.pool(1),
        "hidden": lambda: noise.hidden(5),
        "first": lambda: noise.first(6, 5, **kernel),
        "linear": lambda: noise.linear(6, 5, **kernel),
        "output": lambda: noise.output(6, 5, **kernel),
        "branch": lambda: noise.branch(3, 4),
        "recurrent": lambda: noise.recurrent(),
    }
    return makers[place]()


def rates_of(layer):
    """Returns the rate that a layer draws with, if it has one."""
    rate = getattr(layer, "rate", None)
    return [float(rate[...])] if isinstance(rate, nn.DropRate) else []


@pytest.mark.parametrize(("variant", "place"), USES)
def test_each_place_gets_its_layer_at_its_default_rate(variant, place):
    use, made = getattr(VARIANTS[variant], place), VARIANTS[variant]
    layer = layer_at(Noise(variant), place)
    assert type(layer) is use.layer
    rates = rates_of(layer)
    if rates:
        assert rates[0] == pytest.approx(made.default(PLACES[place]))
    assert use.rated or not rates


@pytest.mark.parametrize(("variant", "place"), USES)
def test_a_rate_that_is_learnt_is_none_to_schedule(variant, place):
    use = getattr(VARIANTS[variant], place)
    rates = nnx.split(layer_at(Noise(variant), place), nn.DropRate, ...)[1]
    assert (use.rated and not use.learns) == bool(jax.tree.leaves(rates))


@pytest.mark.parametrize(("variant", "place"), USES)
def test_each_place_gets_the_rate_that_is_given(variant, place):
    given: dict[str, Any] = {
        "rate": 0.11,
        "input_rate": 0.12,
        "stage_rates": (0.0, 0.13),
        "branch_rate": 0.14,
    }
    given |= {"state_rate": 0.15, "cell_rate": 0.16}
    assert set(given) == set(RATES)
    rates = rates_of(layer_at(Noise(variant, **given), place))
    expected = given[PLACES[place]]
    if rates:
        assert rates[0] == pytest.approx(expected[1] if place in STAGES else expected)


STAGES = [place for place, key in PLACES.items() if key == "stage_rates"]


def test_one_stage_rate_serves_all():
    for index in (0, 1, 2):
        assert rates_of(Noise("dropout", stage_rates=0.3).stage(index, STAGE)) == [np.float32(0.3)]


@pytest.mark.parametrize("place", ["conv", "linear", "output"])
def test_weights_are_plain_where_a_variant_leaves_them_alone(place):
    layer = layer_at(Noise("none"), place)
    assert type(layer) is (nn.Conv if place == "conv" else nn.Linear)
    assert layer_at(Noise("none"), "input") is None


def keywords_of(layer):
    """Returns the names that a layer's constructor takes, those of ``**options`` by their type."""
    names: set[str] = set()
    for name, parameter in inspect.signature(layer.__init__).parameters.items():
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            (options,) = get_args(parameter.annotation)
            names |= get_type_hints(options).keys()
        else:
            names.add(name)
    return names


def test_keywords_of_a_layer_are_those_it_takes():
    """Its own, and those of the layers below it to which it hands them on."""
    noise = {"self", "deterministic", "rng_collection", "rngs"}
    assert keywords_of(nn.StochasticPool) == noise | {"window"}
    layer = noise | {"in_features", "out_features", "kernel_init"}
    assert keywords_of(nn.TargetedDropout) == layer | {"rate", "share", "target"}


@pytest.mark.parametrize(("variant", "place"), USES)
def test_options_reach_the_layer(variant, place, monkeypatch):
    """Each by its name, as it is; a rate among them with its own default."""
    made = VARIANTS[variant]
    use = getattr(made, place)
    seen = {}

    def record(*args, **keywords):
        seen.update(keywords)

        return "a layer"

    recording = dataclasses.replace(use, layer=record)
    monkeypatch.setitem(VARIANTS, variant, dataclasses.replace(made, **{place: recording}))
    given: dict[str, Any] = {key: object() for key in use.options if key not in RATES}
    layer_at(Noise(variant, **given), place)
    assert {key: seen[key] for key in given} == given
    assert all(seen[key] == made.default(key) for key in use.options if key in RATES)
    assert seen.keys() <= keywords_of(use.layer)
    assert ("shape" in seen) == use.sized


def test_a_variant_says_what_it_reads():
    every = tuple(PLACES)
    assert VARIANTS["none"].reads(every) == set()
    assert VARIANTS["dropout"].reads(every) == {"rate", "input_rate", "stage_rates"}
    assert VARIANTS["dropout"].reads(("input", "linear")) == {"input_rate"}
    assert VARIANTS["drop_connect"].reads(every) == {"rate", "per_example"}
    assert VARIANTS["zoneout"].reads(every) == {"state_rate", "cell_rate", "share_mask"}
    assert {"rate", "per_example"} <= OPTIONS


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_is_complete(variant):
    made = VARIANTS[variant]
    assert set(made.inference) <= set(RULES_OF_INFERENCE)
    assert set(made.needs) <= {place for name, place in USES if name == variant}
    assert set(made.defaults) <= made.reads(tuple(PLACES))
    uses = [getattr(made, place) for name, place in USES if name == variant]
    has_penalty = any(hasattr(use.layer, "penalty") for use in uses)
    assert has_penalty == (made.penalty_weight is not None)
    assert variant == "none" or any(set(made.uses(model.places)) for model in MODELS.values())


def test_rules_of_inference_are_checked():
    check_inference("inference", "mc", "dropout")
    with pytest.raises(InputError, match=r"^inference is 'mc' with variant 'none'; allowed: mean$"):
        check_inference("inference", "mc", "none")
    message = r"^inference is 'gaussian' with variant 'dropout'; allowed: mean, mc$"
    with pytest.raises(InputError, match=message):
        check_inference("inference", "gaussian", "dropout")
    with pytest.raises(InputError, match=r"^unknown inference 'maen'; did you mean 'mean'"):
        check_inference("inference", "maen", "dropout")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("dropuot", r"^unknown variant 'dropuot'; did you mean 'dropout'"),
        ("DropConnect", "^unknown variant 'DropConnect'; did you mean 'drop_connect'"),
        ("x", "^unknown variant 'x'. Allowed: "),
    ],
)
def test_an_unknown_variant_is_an_error_that_names_the_nearest(name, message):
    with pytest.raises(InputError, match=message):
        Noise(name)


def test_an_unknown_option_is_an_error():
    with pytest.raises(InputError, match=r"^unknown option of a variant 'rat'; did you mean 'rat"):
        Noise("dropout", rat=0.5)


def test_rates_may_be_arrays():
    layer = Noise("dropout", rate=jnp.float32(0.4)).hidden(3)
    assert rates_of(layer) == [np.float32(0.4)]
