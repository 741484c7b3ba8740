"""Flax NNX layers over :mod:`dropout_lab.ops`; each holds its rate as a variable, calls one op."""

from dropout_lab.nn.conv import conv, max_pool
from dropout_lab.nn.information import InformationConv, InformationDropout
from dropout_lab.nn.linear import Conv, Linear
from dropout_lab.nn.noise import (
    AlphaDropout,
    ClassicDropout,
    Dropout,
    FeatureAlphaDropout,
    GaussianDropout,
    SpatialDropout,
    UniformDropout,
    VariationalDropout,
)
from dropout_lab.nn.noisy import DropConnect, NoisyConv, NoisyDense, NoisyLayer
from dropout_lab.nn.shakeout import Shakeout
from dropout_lab.nn.standout import Standout
from dropout_lab.nn.stochastic import BatchPenalty, DropRate, RatedNoise, Stochastic, UnitNoise

__all__ = [
    "AlphaDropout",
    "BatchPenalty",
    "ClassicDropout",
    "Conv",
    "DropConnect",
    "DropRate",
    "Dropout",
    "FeatureAlphaDropout",
    "GaussianDropout",
    "InformationConv",
    "InformationDropout",
    "Linear",
    "NoisyConv",
    "NoisyDense",
    "NoisyLayer",
    "RatedNoise",
    "Shakeout",
    "SpatialDropout",
    "Standout",
    "Stochastic",
    "UniformDropout",
    "UnitNoise",
    "VariationalDropout",
    "conv",
    "max_pool",
]
