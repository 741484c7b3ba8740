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
from dropout_lab.variants import (
    INFERENCE_RULES,
    OPTIONS,
    PLACES,
    RATES,
    VARIANTS,
    LayerChoice,
    LayerFactory,
    Variant,
)
from dropout_lab.variants.places import ARGUMENTS

INIT = nnx.initializers.lecun_normal()
STAGE = (4, 4, 8)
CHOICES = [(name, place) for name, variant in VARIANTS.items() for place in variant.layers]
# Rates that differ from each other and from all defaults.
GIVEN: dict[str, Any] = {key: 0.11 + index / 100 for index, key in enumerate(RATES)}
GIVEN["stage_rates"] = (0.0, GIVEN["stage_rates"])


def layer_at(factory, place):
    """Returns the layer for a place of a small network: of a stage's, for the second."""
    kernel: dict[str, Any] = {"kernel_init": INIT, "rngs": nnx.Rngs(0)}
    if place == "branch":
        return factory.branch(3, 4)
    if place == "conv":
        return factory.conv(1, 3, 4, 3, **kernel)
    if place in ("first", "linear", "output"):
        return factory.dense(place, 6, 5, **kernel)
    return factory.noise(place, STAGE, index=1)


def rates_of(layer):
    """Returns the rate that a layer draws with, if it has one."""
    rate = getattr(layer, "rate", None)
    return [float(rate[...])] if isinstance(rate, nn.DropRate) else []


@pytest.mark.parametrize(("variant", "place"), CHOICES)
def test_each_place_gets_its_layer_at_its_default_rate(variant, place):
    made, choice = VARIANTS[variant], VARIANTS[variant].layers[place]
    layer = layer_at(LayerFactory(variant), place)
    assert type(layer) is choice.layer
    rates = rates_of(layer)
    if rates:
        assert rates[0] == pytest.approx(made.default(PLACES[place].rate))
    assert choice.rated or not rates


@pytest.mark.parametrize(("variant", "place"), CHOICES)
def test_a_rate_that_is_learnt_is_none_to_schedule(variant, place):
    choice = VARIANTS[variant].layers[place]
    rates = nnx.split(layer_at(LayerFactory(variant), place), nn.DropRate, ...)[1]
    assert (choice.rated and not choice.learns) == bool(jax.tree.leaves(rates))


@pytest.mark.parametrize(("variant", "place"), CHOICES)
def test_each_place_gets_the_rate_that_is_given(variant, place):
    rates = rates_of(layer_at(LayerFactory(variant, **GIVEN), place))
    expected = GIVEN[PLACES[place].rate]
    if rates:
        assert rates[0] == pytest.approx(expected[1] if isinstance(expected, tuple) else expected)


@pytest.mark.parametrize(("variant", "place"), CHOICES)
def test_a_layer_takes_no_rate_above_its_variants_highest(variant, place):
    made = VARIANTS[variant]
    factory = LayerFactory(variant, **dict.fromkeys(RATES, 1))
    if made.max_rate == 1 or not made.layers[place].rated:
        layer_at(factory, place)
    else:
        with pytest.raises(ValueError, match=r"rate is 1; allowed: \[0, (1\)|0\.25\])"):
            layer_at(factory, place)


def test_a_place_without_a_layer_gets_its_fallbacks_at_that_ones_rate():
    layer = layer_at(LayerFactory("drop_connect", rate=0.3, input_rate=0.1), "first")
    assert type(layer) is nn.DropConnect
    assert rates_of(layer) == [np.float32(0.3)]
    assert VARIANTS["drop_connect"].reads(("first",)) == {"rate", "per_example"}


def test_dropout_of_a_transformers_units_is_off_by_default():
    made = VARIANTS["dropout"]
    assert made.default("rate") == made.default("rate", MODELS["mlp"].places) == 0.5
    assert made.default("rate", MODELS["transformer"].places) == 0
    assert made.default("projection_rate", MODELS["transformer"].places) == 0.1


def test_an_unknown_place_is_an_error():
    with pytest.raises(InputError, match=r"^unknown place of a variant 'hiden'; did you mean 'hid"):
        Variant({"hiden": LayerChoice(nn.Dropout)})


def test_one_stage_rate_serves_all():
    for index in (0, 1, 2):
        assert rates_of(
            LayerFactory("dropout", stage_rates=0.3).noise("stage", STAGE, index=index)
        ) == [np.float32(0.3)]


@pytest.mark.parametrize("place", ["conv", "linear", "output"])
def test_weights_are_plain_where_a_variant_leaves_them_alone(place):
    layer = layer_at(LayerFactory("none"), place)
    assert type(layer) is (nn.Conv if place == "conv" else nn.Linear)
    assert layer_at(LayerFactory("none"), "input") is None


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
    assert keywords_of(nn.TargetedDropout) == layer | {"rate", "fraction", "target"}


@pytest.mark.parametrize(("variant", "place"), CHOICES)
def test_options_reach_the_layer(variant, place, monkeypatch):
    """Each by its name, as it is; a rate among them with its own default."""
    made = VARIANTS[variant]
    choice = made.layers[place]
    seen = {}

    def record(*args, **keywords):
        seen.update(keywords)
        return "a layer"

    recording: Any = record
    layers = {place: dataclasses.replace(choice, layer=recording)}
    monkeypatch.setitem(VARIANTS, variant, dataclasses.replace(made, layers=layers))
    given: dict[str, Any] = {key: object() for key in choice.options if key not in RATES}
    layer_at(LayerFactory(variant, **given), place)
    assert {key: seen[ARGUMENTS.get(key, key)] for key in given} == given
    assert all(
        seen[ARGUMENTS.get(key, key)] == made.default(key) for key in choice.options if key in RATES
    )
    assert seen.keys() <= keywords_of(choice.layer)
    assert ("shape" in seen) == choice.sized


def test_a_variant_says_what_it_reads():
    every = tuple(PLACES)
    assert VARIANTS["none"].reads(every) == set()
    in_transformers = {"embedding_rate", "attention_rate", "projection_rate"}
    assert VARIANTS["dropout"].reads(every) == {"rate", "input_rate", "stage_rates"} | (
        in_transformers
    )
    assert VARIANTS["dropout"].reads(("input", "linear")) == {"input_rate"}
    assert VARIANTS["drop_connect"].reads(every) == {"rate", "per_example"}
    assert VARIANTS["zoneout"].reads(every) == {"state_rate", "cell_rate", "share_mask"}
    assert {"rate", "per_example"} <= OPTIONS


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_is_complete(variant):
    made = VARIANTS[variant]
    assert set(made.inference) <= set(INFERENCE_RULES)
    assert set(made.needs) <= set(made.layers)
    assert set(made.defaults) <= made.reads(tuple(PLACES))
    has_penalty = any(hasattr(choice.layer, "penalty") for choice in made.layers.values())
    assert has_penalty == (made.penalty_weight is not None)
    assert variant == "none" or any(made.layers_at(model.places) for model in MODELS.values())


def test_inference_rules_are_checked():
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
        LayerFactory(name)


def test_an_unknown_option_is_an_error():
    with pytest.raises(InputError, match=r"^unknown option of a variant 'rat'; did you mean 'rat"):
        LayerFactory("dropout", rat=0.5)


def test_rates_may_be_arrays():
    layer = LayerFactory("dropout", rate=jnp.float32(0.4)).noise("hidden", (3,))
    assert rates_of(layer) == [np.float32(0.4)]


@pytest.mark.parametrize("name", MODELS)
def test_a_variant_that_fits_a_model_has_noise_in_it(name):
    """A layer at the output that reads no setting only passes on what others drop."""
    places = MODELS[name].places
    for variant, made in VARIANTS.items():
        if variant != "none" and made.fits(places):
            assert made.reads(places) or made.layers_at(places).keys() != {"output"}, variant
