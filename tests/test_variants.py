"""The table of variants, and the object that hands models their layers."""

import math

import pytest
from flax import nnx

from dropout_lab import nn
from dropout_lab.errors import InputError
from dropout_lab.variants import VARIANTS, Noise

# For each variant: the layer on the input, on a stage, on a hidden layer; the dense layer itself.
ROWS = {
    "none": (None, None, None, nn.Linear),
    "dropout": (nn.Dropout, nn.Dropout, nn.Dropout, nn.Linear),
    "classic_dropout": (nn.ClassicDropout, nn.ClassicDropout, nn.ClassicDropout, nn.Linear),
    "gaussian_dropout": (nn.GaussianDropout, nn.GaussianDropout, nn.GaussianDropout, nn.Linear),
    "spatial_dropout": (None, nn.SpatialDropout, nn.Dropout, nn.Linear),
    "drop_connect": (None, None, None, nn.DropConnect),
    "variational_dropout": (
        nn.VariationalDropout,
        nn.VariationalDropout,
        nn.VariationalDropout,
        nn.Linear,
    ),
}

INIT = nnx.initializers.lecun_normal()
STAGE = (4, 4, 8)


def layers(noise):
    """Returns the layers for the four places of a small network."""
    linear = noise.linear(6, 5, kernel_init=INIT, rngs=nnx.Rngs(0))
    return noise.input((2, 3)), noise.stage(0, STAGE), noise.hidden(5), linear


def rate_of(layer):
    """Returns the rate that a layer draws with, or began with."""
    if isinstance(layer, nn.VariationalDropout):
        return float(layer.alpha / (1 + layer.alpha))
    return float(layer.rate[...])


def test_every_variant_has_a_row():
    assert set(ROWS) == set(VARIANTS)


@pytest.mark.parametrize("variant", ROWS)
def test_each_place_gets_its_layer(variant):
    kinds = tuple(None if layer is None else type(layer) for layer in layers(Noise(variant)))
    assert kinds == ROWS[variant]


@pytest.mark.parametrize("variant", ROWS)
def test_rates_read_are_those_of_the_places(variant):
    on_input, on_stage, on_hidden, linear = ROWS[variant]
    assert VARIANTS[variant].reads() == {
        "input_rate": on_input is not None,
        "stage_rates": on_stage is not None,
        "rate": on_hidden is not None or linear is not nn.Linear,
    }


@pytest.mark.parametrize("variant", ROWS)
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, (0.2, 0.1, 0.5)),
        ({"rate": 0.4, "input_rate": 0.05, "stage_rates": 0.3}, (0.05, 0.3, 0.4)),
        ({"stage_rates": (0.15, 0.25)}, (0.2, 0.15, 0.5)),
    ],
)
def test_each_place_gets_its_rate(variant, options, expected):
    on_input, on_stage, on_hidden, linear = layers(Noise(variant, **options))
    dense = linear if isinstance(linear, nn.DropConnect) else on_hidden
    for layer, rate in zip((on_input, on_stage, dense), expected, strict=True):
        if layer is not None:
            # A learnt variance starts at 0.95 at most, which is that of a rate of 0.487.
            assert math.isclose(rate_of(layer), rate, rel_tol=0.03)


def test_each_stage_has_its_own_rate():
    noise = Noise("dropout", stage_rates=[0.1, 0.2, 0.3])
    rates = [rate_of(noise.stage(index, STAGE)) for index in range(3)]
    assert rates == pytest.approx([0.1, 0.2, 0.3])


def test_variational_dropout_counts_the_units_of_each_place():
    on_input, on_stage, on_hidden, _ = layers(Noise("variational_dropout"))
    assert (on_input.units, on_stage.units, on_hidden.units) == (6, 128, 5)


@pytest.mark.parametrize("per_example", [True, False])
def test_options_reach_the_layer(per_example):
    noise = Noise("drop_connect", options={"per_example": per_example})
    assert layers(noise)[3].per_example is per_example


@pytest.mark.parametrize("variant", ROWS)
def test_rate_1_is_allowed_where_the_variant_says_so(variant):
    noise = Noise(variant, rate=1.0, input_rate=0.0, stage_rates=0.0)
    if variant == "gaussian_dropout":
        assert not VARIANTS[variant].one_allowed
        with pytest.raises(ValueError, match="GaussianDropout: rate is 1"):
            layers(noise)
    else:
        layers(noise)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("dropuot", "^unknown variant 'dropuot'; did you mean 'dropout'"),
        ("DropConnect", "^unknown variant 'DropConnect'; did you mean 'drop_connect'"),
        ("x", "^unknown variant 'x'. Allowed: classic_dropout, "),
    ],
)
def test_an_unknown_variant_is_an_error_that_names_the_nearest(name, message):
    with pytest.raises(InputError, match=message):
        Noise(name)
