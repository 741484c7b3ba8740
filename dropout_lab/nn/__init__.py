"""Flax NNX layers over :mod:`dropout_lab.ops`; each holds its rate as a variable, calls one op."""

from dropout_lab.nn.concrete import ConcreteConv, ConcreteDense
from dropout_lab.nn.conv import conv, max_pool
from dropout_lab.nn.fast import FastDropout, MomentDense, MomentOutput
from dropout_lab.nn.linear import Conv, Linear
from dropout_lab.nn.noise import (
    ClassicDropout,
    Dropout,
    GaussianDropout,
    SpatialDropout,
    VariationalDropout,
)
from dropout_lab.nn.noisy import DropConnect, NoisyConv, NoisyDense, NoisyLayer
from dropout_lab.nn.stochastic import DropRate, RatedNoise, Stochastic, UnitNoise
from dropout_lab.nn.targeted import TargetedConv, TargetedDropout
from dropout_lab.nn.variational import SparseConv, SparseDense, VariationalDense

__all__ = [
    "ClassicDropout",
    "ConcreteConv",
    "ConcreteDense",
    "Conv",
    "DropConnect",
    "DropRate",
    "Dropout",
    "FastDropout",
    "GaussianDropout",
    "Linear",
    "MomentDense",
    "MomentOutput",
    "NoisyConv",
    "NoisyDense",
    "NoisyLayer",
    "RatedNoise",
    "SparseConv",
    "SparseDense",
    "SpatialDropout",
    "Stochastic",
    "TargetedConv",
    "TargetedDropout",
    "UnitNoise",
    "VariationalDense",
    "VariationalDropout",
    "conv",
    "max_pool",
]
