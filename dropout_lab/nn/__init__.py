"""Flax NNX layers over :mod:`dropout_lab.ops`; each holds its rate as a variable, calls one op."""

from dropout_lab.nn.conv import conv, max_pool
from dropout_lab.nn.linear import Conv, DropConnect, Linear
from dropout_lab.nn.noise import (
    ClassicDropout,
    Dropout,
    GaussianDropout,
    SpatialDropout,
    VariationalDropout,
)
from dropout_lab.nn.stochastic import DropRate, Stochastic, UnitNoise

__all__ = [
    "ClassicDropout",
    "Conv",
    "DropConnect",
    "DropRate",
    "Dropout",
    "GaussianDropout",
    "Linear",
    "SpatialDropout",
    "Stochastic",
    "UnitNoise",
    "VariationalDropout",
    "conv",
    "max_pool",
]
